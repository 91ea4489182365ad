"""AWS's SageMaker SDK, which takes seconds to start: started once, and each program of its Python is a fork of it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from endpoints import stack

ROOT = Path(__file__).resolve().parents[2]
REAL_SDK = stack.SDK_PYTHON
SERVER = r"""
import gc, json, os, runpy, socket, sys
import endpoints.sdk  # before the SDK, it says that nobody is to be told

listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
gc.freeze()  # no program looks through the SDK for garbage
print("ready", flush=True)
while True:
    connection, _ = listening.accept()
    order, descriptors, _, _ = socket.recv_fds(connection, 1_000_000, 3)
    kind, program, *arguments = json.loads(order)["arguments"]
    pid = os.fork()
    if pid == 0:
        for place, descriptor in enumerate(descriptors):
            os.dup2(descriptor, place)
        os.environ.clear()
        os.environ.update(json.loads(order)["environment"])
        del sys.modules["endpoints.sdk"], endpoints.sdk  # is each program's own to load
        sys.argv[:] = [kind, *arguments]
        if kind == "-c":
            exec(program, {"__name__": "__main__"})
        else:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        break  # as a program that has come to its end
    for descriptor in descriptors:
        os.close(descriptor)
    connection.sendall(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
    connection.close()
"""
CLIENT = f"""#!{sys.executable} -IS
import json, os, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(os.path.join(os.path.dirname(sys.argv[0]), "socket"))
order = {{"arguments": sys.argv[1:], "environment": dict(os.environ)}}
socket.send_fds(connection, [json.dumps(order).encode()], [0, 1, 2])
sys.exit(int(connection.recv(10)))
"""


@contextmanager
def started(folder: Path) -> Iterator[Path]:
    """A program in `folder` that is called like the SDK's Python (-m module or -c code), in the project's folder."""
    assert REAL_SDK.exists(), "AWS's SageMaker SDK isn't installed: run `make tools`."
    (folder / "python").write_text(CLIENT)
    (folder / "python").chmod(0o755)
    command = [REAL_SDK, "-c", SERVER, folder / "socket"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as server:
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        yield folder / "python"
        server.kill()
