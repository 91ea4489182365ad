"""Folders of tests run side by side, the tests of one folder one after another: most share what was started for it."""

import os
from pathlib import Path

import pytest

# As the template sets it. Powertools reads it when a function's module is imported, which some tests do early.
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "PhotoBooth")

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.xdist_group(item.path.relative_to(HERE).parts[0]))
