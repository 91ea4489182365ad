"""WSGI applications on this machine, for a test or a fixture."""

from collections.abc import Iterator
from contextlib import contextmanager

from local import http_server


@contextmanager
def serving(application: http_server.Application) -> Iterator[str]:
    """Serves an application on a port of its own; gives its URL."""
    sock = http_server.listen(0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    server = http_server.serve(sock, application)
    try:
        yield url
    finally:
        server.shutdown()
