"""A process that paints without a model: ``python -m tests.support.made_painting ADDRESS FOLDER``.

All but the pipeline is the real one. What a picture does is in its prompt, what loading does in the folder's name.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from paint_model.serving import process
from paint_model.serving.protocol import Request

HANG_SECONDS = 0.2


class Painting:
    """Paints the whole picture in a colour that is the seed.

    Prompts: "until PATH" makes PATH.begun and paints once there is PATH, "hang PATH" makes it and never ends, "fail"
    and "break" are defects, of the picture and of the card, "memory" needs too much.
    """

    device, peak = "cpu", 0

    def __init__(self, folder: Path):
        if folder.name == "no-packages":
            raise ImportError("No module named 'torch'")
        if folder.name == "slow":
            _wait_for(folder / "go", lambda: False)
        self.broken = False
        self.painted = 0

    def paint(self, request: Request, unwanted: Callable[[], bool]) -> np.ndarray:
        """As `pipelines.Painting.paint`."""
        word, _, rest = request.prompt.partition(" ")
        if self.broken:
            raise RuntimeError("CUDA error")
        if not self.painted:
            time.sleep(float(os.environ.get("WARM_UP_SECONDS", "0")))
        self.painted += 1
        if word == "until":
            Path(f"{rest}.begun").touch()
            _wait_for(Path(rest), unwanted)
        if word == "hang":
            Path(f"{rest}.begun").touch()
            time.sleep(1000)
        if word == "memory":
            raise process.OutOfMemoryError
        if word in ("fail", "break"):
            self.broken = word == "break"
            raise ValueError(request.prompt)
        return np.full((*request.mask.shape, 3), request.seed % 256, np.uint8)


def _wait_for(path: Path, unwanted: Callable[[], bool]) -> None:
    while not path.exists():
        if unwanted():
            raise process.UnwantedError
        time.sleep(0.01)


if __name__ == "__main__":
    process.HANG_SECONDS = HANG_SECONDS
    process.ALONE_SECONDS = float(os.environ.get("ALONE_SECONDS", process.ALONE_SECONDS))
    address, folder = sys.argv[1:]
    sys.exit(process.Process(address).run(lambda: Painting(Path(folder))))
