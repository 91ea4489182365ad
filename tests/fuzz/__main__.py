"""`make fuzz`: bad images through the intake, bad requests to the SAM endpoint, bad calls of the API.

    make fuzz                                          10,000 images, 2,000 requests, 400 examples of each call
    make fuzz N=500 SEED=7                             fewer, and others
    .venv/bin/python -m tests.fuzz --only images --case 1234    one of them again; what was sent is written to out/

Prints tables of what was sent and what came of it, and each fault with the number that repeats it; ends with 1 if there
is one.
"""

import argparse
import collections
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.fuzz import workers

ROOT = Path(__file__).parents[2]
LAMBDA_MB = 1769
"""DetectFaces' memory in the template."""
SAM_MB = 4096
"""The smallest endpoint's memory."""


def table(outcomes: Iterable[workers.Outcome]) -> str:
    """Rows of what was sent, columns of what came of it, in Markdown."""
    counts = collections.Counter((outcome.kind, outcome.result) for outcome in outcomes)
    kinds, results = (sorted({pair[at] for pair in counts}) for at in (0, 1))
    lines = [["", *results], ["---", *["---:"] * len(results)]]
    lines += [[kind, *(str(counts[kind, result] or "") for result in results)] for kind in kinds]
    lines.append(["all", *(str(sum(counts[kind, result] for kind in kinds)) for result in results)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def report(name: str, seed: int, outcomes: list[workers.Outcome]) -> bool:
    """Prints table and faults; whether there is none."""
    faulty = [outcome for outcome in outcomes if outcome.fault]
    print(table(outcomes))
    peak = max(outcomes, key=lambda outcome: outcome.peak_mb)
    print(
        f"\n{len(outcomes)} {name}, seed {seed}: {len(faulty)} faults; greatest memory of a worker {peak.peak_mb} MB\n"
    )
    for outcome in faulty[:20]:
        print(f"{name} {outcome.number}, {outcome.kind}, {outcome.result}: {outcome.fault}", file=sys.stderr)
    return not faulty


def again(name: str, seed: int, number: int) -> int:
    """One attempt in this process; what was sent is written to out/."""
    module = __import__(f"tests.fuzz.{name}", fromlist=["attempt"])
    file = ROOT / "out" / f"{name}-{seed}-{number}"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(module.make(seed, number).data)
    outcome = module.attempt(seed, number)
    print(f"{file}: {outcome.kind}: {outcome.result} {outcome.fault}")
    return bool(outcome.fault)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000, metavar="N", help="images; of the others there are fewer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=("images", "sam", "api"))
    parser.add_argument("--case", type=int, metavar="NUMBER", help="one of the images, or of SAM's requests")
    given = parser.parse_args()
    if given.case is not None and given.only == "api":
        parser.error("the calls of the API have no numbers")
    if given.count < 1:
        parser.error("at least one image")
    if given.case is not None:
        return again(given.only or "images", given.seed, given.case)
    good = True
    for name, count, memory in (("images", given.count, LAMBDA_MB), ("sam", max(1, given.count // 5), SAM_MB)):
        if given.only in (None, name):
            outcomes = workers.run(f"tests.fuzz.{name}", given.seed, count, workers=2, memory_mb=memory)
            good &= report(name, given.seed, list(outcomes))
    if given.only in (None, "api"):
        from tests.fuzz import api  # brings the whole application

        good &= report("api", given.seed, api.run(max(1, given.count // 25), given.seed))
    return not good


if __name__ == "__main__":
    sys.exit(main())
