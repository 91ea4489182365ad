"""The first process of a function: it imports the function once and forks a worker whenever one is asked for.

A start costs some milliseconds and the memory that the worker changes, where an import of its own costs most of a
second of a processor: on two cores that decides whether fifty photos at once go through. A worker is a process of its
own all the same, and runs AWS's runtime client from its beginning. Lambda's SnapStart does likewise.

`local.lambdas` runs it as a script, under the function's interpreter and in its environment. Its argument is the
function's handler, its standard input a pipe that nobody writes to: that ends with the application, however it dies,
and every process here with it. (PR_SET_PDEATHSIG would be tied to the thread that started it, and to Linux.)

FORKSERVER_SOCKET is the number of a socket of packets (SOCK_SEQPACKET). Each order is a JSON object, the worker's
further environment, with the descriptor that becomes its output. The answers are JSON objects, too: {"started": pid},
in the order of the orders, and later {"ended": pid, "status": exit status, or a signal's number, negative}.
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
import warnings


class ForkServer:
    """Forks workers, and tells how they ended."""

    def __init__(self, control: socket.socket):
        self._control = control
        self._is_forking = False
        signal.signal(signal.SIGCHLD, lambda *_: self._tell_ended())

    def serve(self) -> None:
        """Until the application wants no more workers, and the last one has ended."""
        while True:
            order, descriptors, _, _ = socket.recv_fds(self._control, 65536, 1)
            if not order:
                break
            self._fork(json.loads(order), descriptors[0])
        self._tell_ended(options=0)

    def _fork(self, environment: dict[str, str], output: int) -> None:
        self._is_forking = True  # a worker that ends at once is not to be told of before it has started
        with warnings.catch_warnings():
            # numpy keeps threads, and can do without them after a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self._control.close()
            work(environment, output)
        os.close(output)
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


def work(environment: dict[str, str], output: int) -> None:
    """Is a worker, until it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    os.environ.update(environment)
    threading.Thread(target=_end_with_the_application, daemon=True).start()
    status = 1
    try:
        from awslambdaric.__main__ import main  # not earlier: its import connects it to its own Runtime API

        main(sys.argv)
        status = 0
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)


def _end_with_the_application() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    own = ForkServer(socket.socket(fileno=int(os.environ.pop("FORKSERVER_SOCKET"))))
    # What can't be imported is tried again by each worker, where the runtime client tells of it.
    with contextlib.suppress(Exception, SystemExit):
        importlib.import_module(sys.argv[1].rpartition(".")[0])
    gc.freeze()  # what is not looked at again stays shared
    own.serve()
