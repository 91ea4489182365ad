"""`make prove`: everything once in an account of one's own, with a report of what was expected and what came."""

from tools import interrupt  # noqa: F401  first, so that Ctrl-C is one line from the beginning
