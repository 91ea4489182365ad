"""A program that Ctrl-C ends says so in one line, and its exit status is 130, as a shell expects.

Packages with programs import this first, so that it also holds while the rest is imported. KeyboardInterrupt closes
what is open, a second one breaks that off; what a program has started ends with it in any case.
"""

import atexit
import contextlib
import os
import signal
import sys
from types import TracebackType

STATUS = 128 + signal.SIGINT


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A hook for sys.excepthook. For Ctrl-C it ends the process: no thread is waited for."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    signal.signal(signal.SIGINT, lambda *_: os._exit(STATUS))
    with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
        sys.stdout.flush()
        print("Stopped.", file=sys.stderr, flush=True)
    atexit._run_exitfuncs()
    os._exit(STATUS)


def silence() -> None:
    """This process ends without a word: what has started it is interrupted, too, and says so."""
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


sys.excepthook = _tell
if "--multiprocessing-fork" in sys.orig_argv:
    silence()
