"""`make mutants` speaks of modules and tests that are there."""

from pathlib import Path

from tests.mutants.__main__ import MODULES

ROOT = Path(__file__).parents[2]


def test_each_module_and_each_of_its_test_files_is_there():
    files = [ROOT / "functions" / "booth" / f"{name.replace('.', '/')}.py" for name in MODULES]
    files += [ROOT / "tests" / "unit" / f"test_{name}.py" for names in MODULES.values() for name in names.split()]
    assert [str(file) for file in files if not file.exists()] == []
