"""Who counts as a visitor, by the rule and by stricter and milder ones: `python -m benchmarks.visitors`.

Scenes are made of distances: a face is as large in the photo as it is near. For each kind of scene and each least share
of the largest face it prints the visitors that are lost and the others that are taken for visitors, in percent. Seeded.
"""

import math

import numpy as np

from booth.pixels.visitors import SHARE_OF_LARGEST, SHARE_OF_PHOTO

SHARES = (0.2, 0.25, SHARE_OF_LARGEST, 0.35, 0.4, 0.5)
SCENES = 1000
"""Of each kind."""
FACE = 0.2
"""Metres from forehead to chin. A child's is 0.72 to 0.85 of that, here every fourth one's."""
VIEW = math.radians(50)
"""Angle of the photo's shorter side, as a pad's or telephone's camera has it."""
DETECTED = 40 / 1080
"""Of the photo's shorter side: Rekognition finds no smaller face."""

Scene = tuple[np.ndarray, np.ndarray]
"""Sizes of the visitors' faces and of all others, as shares of the photo's shorter side."""


def seen(distance: np.ndarray, height: np.ndarray | float) -> np.ndarray:
    """How large something of this height is at this distance, both in metres."""
    return height / (2 * distance * math.tan(VIEW / 2))


def group(rng: np.random.Generator, nearest: float, rows: int, people: int, step: float = 0.7) -> np.ndarray:
    """Faces of people in rows, the first at `nearest` metres, the next `step` behind."""
    distances = nearest + np.arange(people) % rows * step * rng.uniform(0.9, 1.1, people)
    ages = np.where(rng.random(people) < 0.25, rng.uniform(0.72, 0.85, people), 1)
    return seen(distances, FACE * ages * rng.uniform(0.9, 1.1, people))


def crowd(rng: np.random.Generator, nearest: float, people: int = 30) -> np.ndarray:
    """Faces of people from `nearest` metres to two and a half times as far."""
    return seen(nearest * rng.uniform(1, 2.5, people), FACE * rng.uniform(0.8, 1.1, people))


def before_crowd(rng: np.random.Generator, people: int, gap: tuple[float, float]) -> Scene:
    """Visitors at a pad, and a crowd so many metres behind them."""
    nearest = rng.uniform(0.9, 1.6)
    return group(rng, nearest, min(people, 2), people), crowd(rng, nearest + rng.uniform(*gap))


def selfie(rng: np.random.Generator, friends: tuple[float, float]) -> Scene:
    """Somebody at arm's length, and one to five friends at so many metres."""
    others = group(rng, rng.uniform(*friends), 1, int(rng.integers(1, 6)))
    return np.append(others, seen(np.array([rng.uniform(0.5, 0.65)]), FACE)), np.array([])


def before_poster(rng: np.random.Generator, face: tuple[float, float]) -> Scene:
    """Three visitors 0.3 m before a poster with a face of this height in metres."""
    nearest = rng.uniform(1.2, 1.8)
    return group(rng, nearest, 1, 3), seen(np.array([nearest + 0.3]), rng.uniform(*face))


NOBODY = np.array([])
KINDS = {
    "1 to 4 in a row": lambda rng: (group(rng, rng.uniform(0.9, 1.8), 1, int(rng.integers(1, 5))), NOBODY),
    "two rows, 3 to 8": lambda rng: (group(rng, rng.uniform(1, 1.8), 2, int(rng.integers(3, 9))), NOBODY),
    "three rows, 6 to 15": lambda rng: (group(rng, rng.uniform(1.2, 2), 3, int(rng.integers(6, 16))), NOBODY),
    "four rows, 10 to 100": lambda rng: (group(rng, rng.uniform(2.5, 5), 4, int(rng.integers(10, 101))), NOBODY),
    "selfie, friends at 0.8 to 1.6 m": lambda rng: selfie(rng, (0.8, 1.6)),
    "selfie, friends at 1.6 to 2.6 m": lambda rng: selfie(rng, (1.6, 2.6)),
    "one, 30 people 2 to 3 m behind": lambda rng: before_crowd(rng, 1, (2, 3)),
    "one, 30 people 3 to 5 m behind": lambda rng: before_crowd(rng, 1, (3, 5)),
    "three, 30 people 3 to 5 m behind": lambda rng: before_crowd(rng, 3, (3, 5)),
    "three, 30 people 6 to 10 m behind": lambda rng: before_crowd(rng, 3, (6, 10)),
    "three before a poster, face 0.8 to 1.5 m": lambda rng: before_poster(rng, (0.8, 1.5)),
}


def shares(kind: str, share_of_largest: float, share_of_photo: float = SHARE_OF_PHOTO) -> tuple[float, float | None]:
    """Of a kind's scenes: the share of visitors that are lost, and of others that are kept; None if there are none."""
    rng = np.random.default_rng(0)
    lost, kept = [], []
    for _ in range(SCENES):
        visitors, others = (sizes[sizes >= DETECTED] for sizes in KINDS[kind](rng))
        least = min(share_of_largest * max([*visitors, *others]), share_of_photo)
        lost += list(visitors < least)
        kept += list(others >= least)
    return float(np.mean(lost)), float(np.mean(kept)) if kept else None


def main() -> None:
    print(
        "| visitors lost; others kept, in % | "
        + " | ".join(f"{share:g}" for share in SHARES)
        + " | without the photo |"
    )
    print("|---" * (len(SHARES) + 2) + "|")
    for kind in KINDS:
        found = [shares(kind, share) for share in SHARES] + [shares(kind, SHARE_OF_LARGEST, math.inf)]
        cells = [f"{lost:.1%}" + (f"; {kept:.0%}" if kept is not None else "") for lost, kept in found]
        print(f"| {kind} | " + " | ".join(cell.replace("%", "") for cell in cells) + " |")


if __name__ == "__main__":
    main()
