"""The functions' log, a file of this machine."""

import sys
from pathlib import Path


class Log:
    """Writes lines to a file. When that fails, as on a full disk, the booth goes on without, and says so once.

    Raises OSError if the file can't be opened.
    """

    def __init__(self, path: Path):
        self.path = path
        self.file = path.open("w", buffering=1, encoding="utf-8")
        self._has_failed = False

    def write(self, line: str) -> None:
        """Writes a line; from several threads."""
        try:
            self.file.write(line + "\n")
        except OSError as error:
            self._tell(error)

    def close(self) -> None:
        """Closes the file."""
        try:
            self.file.close()
        except OSError as error:
            self._tell(error)

    def _tell(self, error: OSError) -> None:
        if not self._has_failed:
            print(f"The log {self.path} can't be written any more: {error.strerror}.", file=sys.stderr, flush=True)
        self._has_failed = True
