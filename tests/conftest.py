"""Settings of all tests."""

import gc
import os

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.support")
pytest_plugins = ["tests.support.clients", "tests.support.judges.plugin", "tests.support.application"]

# As the template sets it. Powertools reads it when a function's module is imported, which some tests do early.
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "PhotoBooth")

# Nothing is timed in a test: the machine may be busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Each look for garbage takes longer the more there is; what is imported and collected from here on is none.
gc.disable()


def pytest_collection_modifyitems(items):
    """First those who share an application, folder by folder. The many short files of tests/unit come last, those
    that start something before the shortest, so that all workers end at about the same time.
    """
    from tests.support.application import FOLDERS  # not earlier: pytest rewrites its assertions, as those of any plugin

    starting = {item.path for item in items if item.get_closest_marker("starts")}
    places = dict(zip(FOLDERS, range(-len(FOLDERS), 0), strict=True)) | {"unit": 1}
    place = lambda item: places.get(item.path.parent.name, 0)
    items.sort(key=lambda item: (place(item), place(item) == 1 and item.path not in starting))


def pytest_collection_finish():
    """What is loaded by now stays, and is not looked through for garbage each time: a quarter of a worker's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure():
    """What is here ends with the process: pytest's last looks for garbage would take each worker a second or two."""
    gc.freeze()
