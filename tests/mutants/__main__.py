"""`make mutants`: how many small faults in the pure modules the tests find.

Each mutant is tried against the module's own test files, and against `make test-fast` if those find nothing. It is
never written to disk: a process forked for it imports the mutated source in place of the module. A mutant that no test
can tell from the original is listed in equivalent.toml with the reason, and counts for nothing.
"""

import argparse
import contextlib
import importlib.abc
import importlib.machinery
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
GOAL = 0.9
CACHE = tempfile.TemporaryDirectory(prefix="mutants-")

MODULES = {
    "http.contract": "contract openapi",
    "painting.chain": "chain pacing",
    "scenes": "scenes",
    "painting.pacing": "pacing admission",
    "pixels.geometry": "geometry",
    "pixels.visitors": "visitors",
    "pixels.frames": "frames",
    "pixels.masks": "masks",
    "pixels.morphology": "masks",
    "pixels.seam": "seam soft_seam",
    "pixels.foreground": "soft_seam",
    "painting.answers": "answers paint codecs",
    "run": "run records starting",
    "keys": "keys starting contract",
    "tokens": "tokens settings",
    "lifecycle.starting": "starting",
    "lifecycle.deletion": "deletion",
    "runs.store": "records store uploads",
    "runs.uploads": "records uploads store starting",
    "runs.open_runs": "records open_runs store sweep",
}
"""By module of functions/booth: the files tests/unit/test_*.py that know it best."""


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from this source."""

    def __init__(self, module, path, source):
        self.module, self.path, self.source = module, path, source

    def find_spec(self, name, path=None, target=None):
        if name != self.module:
            return None
        return importlib.machinery.ModuleSpec(name, self, origin=str(self.path))

    def exec_module(self, module):
        module.__file__ = str(self.path)
        exec(compile(self.source, self.path, "exec"), module.__dict__)


def preload():
    """Imports what takes long and isn't ours, once for all mutants."""
    import aws_lambda_powertools
    import boto3
    import hypothesis
    import moto.server
    import numpy
    import PIL.Image
    import pytest

    assert all((aws_lambda_powertools, boto3, hypothesis, moto.server, numpy, PIL.Image, pytest))
    assert "booth" not in sys.modules


def run_tests(module, path, source, files):
    """In a process of its own: ends with 0 if every test passes with this source."""
    import hypothesis
    import pytest

    # No search for the smallest example: one is enough. The same examples for each mutant.
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile("mutants", deadline=None, phases=phases, database=None, derandomize=True)
    sys.meta_path.insert(0, Mutated(module, path, source))
    # Whoever found one mutant may find the next one too.
    options = ["-x", "-q", "--ff", "-o", f"cache_dir={CACHE.name}", "-p", "no:xdist", "--hypothesis-profile=mutants"]
    out = os.open(os.environ.get("MUTANTS_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1), os.dup2(out, 2)
    code = pytest.main([*options, *files])
    if not code:
        code = pytest.main([*options, "-m", "not starts", "tests/unit"])
    os._exit(int(code))


def passes(module, path, source, files, seconds):
    process = multiprocessing.get_context("fork").Process(target=run_tests, args=(module, path, source, files))
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()  # a loop without an end is a difference that everybody sees
        process.join()
        return False
    return process.exitcode == 0


def mutants_of(path):
    python = ROOT / ".tools/mutmut/bin/python"
    found = subprocess.run(
        [python, ROOT / "tests/mutants/mutations.py"],
        input=path.read_text(),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(found.stdout)


def try_module(name, count, seed, equivalent):
    """Prints each survivor; returns how many mutants were tried, killed and are equivalent."""
    module, path = f"booth.{name}", ROOT / "functions/booth" / f"{name.replace('.', '/')}.py"
    files = [f"tests/unit/test_{each}.py" for each in MODULES[name].split()]
    mutants = mutants_of(path)
    if count and count < len(mutants):
        mutants = random.Random(f"{seed}/{name}").sample(mutants, count)
    began = time.monotonic()
    if not passes(module, path, path.read_text(), files, None):
        raise SystemExit(f"{name}: its tests fail without a mutant")
    longest = 5 * (time.monotonic() - began) + 30
    known = {(each["before"], each["after"]): each for each in equivalent if each["module"] == name}
    killed = same = 0
    for line, before, after, source in sorted(mutants):
        if (before, after) in known:
            same += 1
        elif passes(module, path, source, files, longest):
            print(f"{path.relative_to(ROOT)}:{line}: survived\n  - {before}\n  + {after}", flush=True)
        else:
            killed += 1
    return len(mutants), killed, same


def main():
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument(
        "--module", choices=MODULES, action="append", help="as in functions/booth, such as pixels.masks"
    )
    parser.add_argument("--count", type=int, help="a random sample of so many of each module; all if not given")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    given = parser.parse_args()
    os.chdir(ROOT)
    equivalent = tomllib.loads((Path(__file__).parent / "equivalent.toml").read_text()).get("mutant", [])
    preload()
    rows = []
    for name in given.module or MODULES:
        tried, killed, same = try_module(name, given.count, given.seed, equivalent)
        share = killed / max(1, tried - same)
        rows.append((name, tried, killed, same, share))
        print(f"{name}: {tried} tried, {killed} killed, {same} equivalent: {share:.0%}", flush=True)
    if len(rows) > 1:
        print("\n| module | tried | killed | equivalent | share killed |\n| --- | --- | --- | --- | --- |")
        for name, tried, killed, same, share in rows:
            print(f"| {name} | {tried} | {killed} | {same} | {share:.0%} |")
    return any(share < GOAL for *_, share in rows)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
