"""Playing a cell of the matrix: one scenario through the whole application, with a fault or without."""

import contextlib
import multiprocessing
import time
import traceback
from collections.abc import Iterator

from tests.faults.application import whole_application
from tests.faults.calls import Row
from tests.faults.conclusion import conclude
from tests.faults.kinds import CRASHES, Cell, fault_of
from tests.faults.scenarios import scenario_of
from tests.faults.trial import Trial
from tests.support.booth import Booth


def play(booth: Booth, cell: Cell) -> str:
    """Plays a cell to its end; gives the outcome, or what is wrong with it."""
    fault = (fault_of(cell.row, cell.fault) or {}) | {"skip": cell.nth - 1}
    trial = Trial(booth, cell.row, fault, pictures=pictures_of(cell))
    with in_order(booth):
        try:
            scenario_of(cell.row)(trial)
            trial.disarm()
            return conclude(trial)
        except AssertionError as wrong:
            return f"WRONG: {wrong} ({traceback.extract_tb(wrong.__traceback__)[1].name})"
        except Exception:
            return "WRONG: " + traceback.format_exc(limit=-3)


def pictures_of(cell: Cell) -> int:
    """How many pictures a visit is to have: several where the call is made for each of them, and its fault is no crash,
    of which there is a cell for each call.
    """
    of_pictures = cell.row.function in ("Admit", "GenerateImage", "ModeratePicture", "Finish", "PhotoMachine")
    return 3 if of_pictures and cell.fault not in CRASHES else 1


@contextlib.contextmanager
def in_order(booth: Booth) -> Iterator[None]:
    """Canned answers, no fault and no lost event, before and afterwards."""

    def reset() -> None:
        booth.app.drop_events = False
        booth.app.fail()
        booth.end_sweeps()
        booth.stand_in("rekognition", canned={"faces": 1})
        booth.stand_in("sagemaker", canned={})
        booth.stand_in("bedrock", canned={})
        booth.stand_in("painter", canned={})
        booth.forget_pace()

    reset()
    try:
        yield
    finally:
        reset()


def baseline(booth: Booth, row: Row) -> dict[str, int]:
    """Plays the scenario of a row without a fault; how often what was called."""
    trial = Trial(booth, row, None, pictures=1)
    with in_order(booth):
        scenario_of(row)(trial)
        trial.disarm()
        conclude(trial)
    return trial.calls


def lane(tasks: multiprocessing.Queue, results: multiprocessing.Queue) -> None:
    """Plays cells, and plays rows' baselines, in an application of its own."""
    with whole_application() as booth:
        while task := tasks.get():
            started = time.monotonic()
            result = baseline(booth, task) if isinstance(task, Row) else play(booth, task)
            results.put((task, result, time.monotonic() - started))
