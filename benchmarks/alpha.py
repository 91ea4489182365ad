"""What the soft seam around kept heads and people is like, on the test photos: `make bench-alpha`.

Alphas come from the real detector, Segment Anything and the matte. Three tables: what is left of the photo's wall in
the soft band on flat scenes, and the processor time; what is left of what a model does to the whole picture (made
answers, see `tests.support.answers`), beside a plain paste; and the wall that comes back through the mask of a model
by the alpha from which on it is black, for three ways in which models keep its black.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from booth.pixels import foreground, masks
from booth.pixels.seam import SoftSeam
from tests.support import answers
from tests.support.kept_faces import NAMES, Models
from tests.support.photos import PHOTOS
from tests.support.seam import FLAT

Cut = tuple[str, str, np.ndarray, np.ndarray]
"""A photo's name, what is kept, the photo, its alpha."""
LEAST = (1, 64, 128, 192, 224, 242, 250, 255)


def cuts(paths: list[Path]) -> list[Cut]:
    """The photos with each of their alphas, by the real models."""
    case_of, made = Models(), []
    for path in paths:
        case = case_of(path.read_bytes())
        made += [(path.stem, keep, case.photo, alpha) for keep, alpha in case_of.alphas(case).items()]
    return made


def bands(found: list[Cut]) -> None:
    print("| photo | keep | spill, raw | spill | halo, raw | halo | estimate ms | blend ms |\n|" + "---|" * 8)
    for name, keep, photo, alpha in found:
        scenes = [np.full(photo.shape, colour, np.uint8) for colour in FLAT.values()]
        began = time.process_time()
        people = foreground.estimate(photo, alpha)
        estimated = time.process_time()
        seam = SoftSeam(photo, people, alpha)
        results = [seam.blend(scene) for scene in scenes]
        ended = time.process_time()
        rows = [[answers.pasted(photo, scene, alpha) for scene in scenes], results]
        measured = [
            np.mean([measure(photo, result, alpha, scene) for result, scene in zip(row, scenes, strict=True)])
            for measure in (answers.spill, answers.halo)
            for row in rows
        ]
        times = [estimated - began, (ended - estimated) / len(scenes)]
        print(f"| {name} | {keep} | " + " | ".join(f"{v:.1f}" for v in measured), end=" | ")
        print(" | ".join(f"{1000 * seconds:.0f}" for seconds in times) + " |")


def models(found: list[Cut]) -> None:
    print("| answer | keep | step, pasted | step | not clipped: pasted | step | gone | gradients, pasted | gradients |")
    print("|" + "---|" * 9)
    rows: dict[tuple[str, str], list[list[float]]] = {}
    for _, keep, photo, alpha in found:
        seam = SoftSeam(photo, photo, alpha)
        mask, ring = masks.for_model(alpha, 192), answers.ring_of(alpha)
        for answer, generated in answers.answers(photo, mask).items():
            both = answers.pasted(photo, generated, alpha), seam.blend(generated)
            whole = ring & ((generated > 0) & (generated < 255)).all(axis=2)
            row = [answers.colour_step(each, photo, part) for part in (ring, whole) for each in both]
            row += [answers.gradient_jump(each, photo, alpha) for each in both]
            rows.setdefault((answer, keep), []).append(row)
    for (answer, keep), values in rows.items():
        pasted, ours, raw, left, *gradients = np.mean(values, axis=0)
        gone = f"{1 - left / raw:.0%}" if "shift" in answer else ""
        print(f"| {answer} | {keep} | {pasted:.1f} | {ours:.1f} | {raw:.1f} | {left:.1f} | {gone} | ", end="")
        print(" | ".join(f"{value:.1f}" for value in gradients) + " |")


def thresholds(found: list[Cut]) -> None:
    print("| the model keeps | keep | " + " | ".join(f"from {least}" for least in LEAST) + " |\n|" + "---|" * 10)
    for name, kept_of in WAYS.items():
        for keep in dict.fromkeys(keep for _, keep, _, _ in found):
            spills = [spills_by_least(photo, alpha, kept_of) for _, kept, photo, alpha in found if kept == keep]
            row = " | ".join(f"{value:.1f}" for value in np.mean(spills, axis=0))
            print(f"| {name} | {keep} | {row} |")


def spills_by_least(photo: np.ndarray, alpha: np.ndarray, kept_of: Callable[[np.ndarray], np.ndarray]) -> list[float]:
    """The wall that is left for each of LEAST, where the model keeps what `kept_of` makes of its mask (True = kept)."""
    seam, scene = SoftSeam(photo, foreground.estimate(photo, alpha), alpha), np.full_like(photo, FLAT["dark"])
    given = [np.where(kept_of(masks.for_model(alpha, least))[..., None], photo, scene) for least in LEAST]
    return [answers.spill(photo, seam.blend(each), alpha, scene) for each in given]


def middles(mask: np.ndarray, cell: int) -> np.ndarray:
    """A cell is as its middle is: latents of 8 x 8."""
    y, x = (np.minimum(np.arange(side) // cell * cell + cell // 2, side - 1) for side in mask.shape)
    return mask[np.ix_(y, x)]


def whole_blocks(mask: np.ndarray, block: int) -> np.ndarray:
    """A block with a pixel that is not kept isn't: klein's, as the painter of one's own gives it its mask."""
    height, width = mask.shape
    padded = np.pad(mask, ((0, -height % block), (0, -width % block)), constant_values=True)
    whole = padded.reshape(padded.shape[0] // block, block, -1, block).all(axis=(1, 3))
    return whole.repeat(block, 0).repeat(block, 1)[:height, :width]


WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "pixels": lambda mask: mask,
    "cells of 8 x 8": lambda mask: middles(mask, 8),
    "whole blocks of 16 x 16": lambda mask: whole_blocks(mask, 16),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-alpha", description="ARGS: other photos than the tests'.")
    parser.add_argument("photos", nargs="*", type=Path, default=[PHOTOS / f"{name}.jpg" for name in NAMES])
    found = cuts(parser.parse_args().photos)
    for table in (bands, models, thresholds):
        table(found)
        print()


if __name__ == "__main__":
    main()
