"""The process of the stand-ins, as the application sees it."""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from local.http_server import listen

if TYPE_CHECKING:
    from local.painter import Own

_ROOT = Path(__file__).parents[2]
PAINTER_PYTHON = _ROOT / ".tools" / "painter" / "bin" / "python"
"""The interpreter with the packages that a model of one's own needs."""


class StandinsProcess:
    """`python -m local.standins`, at `url`. It ends with this process, however that ends.

    `module` is what is started; the tests start one that looks on.

    Args:
        endpoint, paint_endpoint: the names of Segment Anything's endpoint and the painter's on SageMaker.
        log: gets what it prints.
        painter: paints in place of the procedural painter behind that endpoint.
    """

    module = "local.standins"

    def __init__(self, endpoint: str, paint_endpoint: str, log: IO[str], painter: "Own | None" = None):
        with listen(0) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", self.module, "--port", str(port)]
        command += ["--endpoint", endpoint, "--paint-endpoint", paint_endpoint]
        if painter:
            command += ["--painter", str(painter.folder), "--paint-seconds", str(painter.limit)]
        # Its standard input ends with this process.
        command += ["--until-stdin-ends"]
        # Ctrl-C in the terminal is for the application, which ends this.
        self._process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=log, start_new_session=True)

    def await_ready(self, seconds: float) -> bool:
        """Wait until all models are loaded; False if the process has ended, or isn't ready after `seconds`."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._process.poll() is None:
            if self._is_ready():
                return True
            time.sleep(0.1)
        return False

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/health", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, path: str, change: bytes | None = None) -> dict[str, Any]:
        """GET a path of `local.standins.server`'s, or PUT a change (JSON) there; gives the answer."""
        request = urllib.request.Request(self.url + path, data=change, method="PUT" if change else "GET")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def close(self) -> None:
        """End the process and wait for that."""
        self._process.terminate()
        self._process.wait()
