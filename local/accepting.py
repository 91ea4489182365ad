"""A socket server's loop that sleeps between its connections."""

import contextlib
import socket
import socketserver


class Accepting(socketserver.TCPServer):
    """Unlike serve_forever's, its loop takes no time while nobody connects: that one looks again and again whether it
    is to end. Five such servers took 1 % of a processor, and there are hundreds.
    """

    _is_to_end = False

    def accept_all(self) -> None:
        """Takes connections until `stop_accepting`."""
        while not self._is_to_end:
            try:
                request, address = self.get_request()
            except OSError:  # it is to end, or the client has gone before it was accepted
                continue
            try:
                self.process_request(request, address)
            except Exception:
                self.handle_error(request, address)
                self.shutdown_request(request)

    def stop_accepting(self) -> None:
        """Ends `accept_all`, which another thread is at."""
        self._is_to_end = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes it
