"""The tests, and programs that test for longer."""

from tools import interrupt  # noqa: F401  first, so that Ctrl-C is one line from the beginning
