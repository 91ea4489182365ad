"""Segment Anything on a SageMaker endpoint."""

from tools import interrupt  # noqa: F401  first, so that Ctrl-C is one line from the beginning
