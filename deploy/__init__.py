"""What `make build`, `make deploy` and `make destroy` do beside AWS's own `sam`."""

from tools import interrupt  # noqa: F401  first, so that Ctrl-C is one line from the beginning
