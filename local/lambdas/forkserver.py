"""The processes that a function's workers are forked from.

A start costs some milliseconds and the memory that the worker changes, where an import of its own costs most of a
second of a processor: on two cores that decides whether fifty photos at once go through. A worker is a process of its
own all the same, and runs AWS's runtime client from its beginning. Lambda's SnapStart does likewise.

There are three generations. The first one imports what all functions of a folder import (`COMMON`), and has boto3 read
what it makes their clients from (`SERVICES`); of theirs it has nothing. It forks a process for each function, in the
function's own environment, which imports the function, and that forks the function's workers.

`local.lambdas.processes` runs the first one as a script, under the functions' interpreter. Its standard input is a pipe
that nobody writes to: that ends with the application, however it dies, and every worker with it. (PR_SET_PDEATHSIG
would be tied to the thread that started it, and to Linux.)

Each process that forks has a socket of packets (SOCK_SEQPACKET), the first one's number is in FORKSERVER_SOCKET. An
order is a JSON object with the child's "environment" (a worker's: what it has beside its function's) and a function's
"handler". With it come descriptors: what becomes the child's output and a function's own socket. The answers are JSON
objects, too: {"started": pid}, in the order of the orders, and later {"ended": pid, "status": exit status, or a
signal's number, negative}.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

COMMON = ("boto3", "aws_lambda_powertools.metrics", "numpy", "PIL.Image")
SERVICES = ("dynamodb", "s3")
"""boto3's default session reads the descriptions of these, which takes longer than to make a client out of them."""

Main = Callable[[dict[str, Any], list[int]], int]
"""What a child runs, given the order and the descriptors that came with it; gives its exit status."""


class Forker:
    """Forks children that run `main`, as they are ordered on the socket `control`, and tells how they ended there."""

    def __init__(self, control: socket.socket, main: Main):
        self._control = control
        self._main = main
        self._is_forking = False
        signal.signal(signal.SIGCHLD, lambda *_: self._tell_ended())

    def serve(self) -> None:
        """Until the application wants no more children, and the last one has ended."""
        with contextlib.suppress(ConnectionError):  # the application closed before it had read all that was told
            while True:
                order, descriptors, _, _ = socket.recv_fds(self._control, 65536, 2)
                if not order:
                    break
                self._fork(json.loads(order), descriptors)
        self._tell_ended(options=0)

    def _fork(self, order: dict[str, Any], descriptors: list[int]) -> None:
        self._is_forking = True  # a child that ends at once is not to be told of before it has started
        with warnings.catch_warnings():
            # numpy keeps threads, and can do without them after a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self._control.close()
            _run_child(self._main, order, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self._tell({"started": pid})
        self._is_forking = False
        self._tell_ended()

    def _tell_ended(self, options: int = os.WNOHANG) -> None:
        if self._is_forking:
            return
        with contextlib.suppress(ChildProcessError):  # there are none
            while (found := os.waitpid(-1, options))[0]:
                self._tell({"ended": found[0], "status": os.waitstatus_to_exitcode(found[1])})

    def _tell(self, message: dict) -> None:
        with contextlib.suppress(OSError):  # the application is gone
            self._control.send(json.dumps(message).encode())


def _run_child(main: Main, order: dict[str, Any], descriptors: list[int]) -> None:
    """Runs a child in the process that was just forked, and ends it. Does not return."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        output = descriptors.pop(0)
        for standard in (1, 2):
            os.dup2(output, standard)
        os.close(output)
        status = main(order, descriptors)
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)


def function_main(order: dict[str, Any], descriptors: list[int]) -> int:
    """Imports a function and forks its workers."""
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    sys.argv[1:] = [order["handler"]]
    # What can't be imported is tried again by each worker, where the runtime client tells of it.
    with contextlib.suppress(Exception, SystemExit):
        importlib.import_module(order["handler"].rpartition(".")[0])
    serve(socket.socket(fileno=descriptors[0]), worker_main)
    return 0


def worker_main(order: dict[str, Any], descriptors: list[int]) -> int:
    """Takes invocations of a function from the worker's own Runtime API."""
    os.environ.update(order["environment"])
    threading.Thread(target=_end_with_the_application, daemon=True).start()
    from awslambdaric.__main__ import main  # not earlier: its import connects it to its own Runtime API

    main(sys.argv)
    return 0


def _end_with_the_application() -> None:
    os.read(0, 1)
    os._exit(1)


def serve(control: socket.socket, main: Main) -> None:
    """Forks children that run `main` until the application wants no more of them."""
    gc.freeze()  # what the garbage collector doesn't touch stays shared
    Forker(control, main).serve()


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())
    for package in COMMON:
        with contextlib.suppress(ImportError):  # a folder's functions may do without it
            importlib.import_module(package)
    if "boto3" in sys.modules:
        for service in SERVICES:
            # With keys of its own, so that the session looks for none: that is for the functions' environments.
            sys.modules["boto3"].client(
                service, region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
            )
    serve(socket.socket(fileno=int(os.environ["FORKSERVER_SOCKET"])), function_main)
