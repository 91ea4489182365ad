"""Odd photos, composed of the two licensed portraits, and `make odd-photos`: all of them through the whole application.

For each is checked what design invariant 5 promises: all landmarks and 95 % of the ellipse in the box of every face
that the detector finds lie in the kept region, and the kept pixels are the photo's, bit-exact before the JPEG encoder
and nearly so in the picture that a visitor gets. Prints a table; the pictures are in out/odd/.
"""

import argparse
import sys
from pathlib import Path

from local.app import App
from tests.odd_photos.compositions import PHOTOS
from tests.odd_photos.trial import Trial

ROOT = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.odd_photos", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(PHOTOS), help=", ".join(PHOTOS))
    given = parser.parse_args()
    if unknown := set(given.names) - PHOTOS.keys():
        parser.error(f"no such photo: {', '.join(sorted(unknown))}")
    out = ROOT / "out" / "odd"
    out.mkdir(parents=True, exist_ok=True)
    good = True
    with App(port=0) as app:
        trial = Trial(app)
        for number, name in enumerate(given.names):
            row, wrong = trial.send(name, out)
            if not number:
                print("| " + " | ".join(row) + " |\n" + "|---" * len(row) + "|")
            print("| " + " | ".join(map(str, row.values())) + " |", flush=True)
            for each in wrong:
                print(f"{name}: {each}", file=sys.stderr)
            good &= not wrong
    return not good


if __name__ == "__main__":
    sys.exit(main())
