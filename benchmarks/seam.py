"""What the seam around kept faces is like, on the test photos: `python -m benchmarks.seam`.

Masks come from the real detector and Segment Anything, backgrounds are flat (nothing hides an edge on them) and from
the local painter. Prints for each the halo (see `halo`), the PSNR of the kept region after JPEG and the composite's
processor time, beside a feathered cut-out: what this project did before docs/decisions/0008-seam.md.
"""

import io
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "functions"))  # as in Lambda

from booth.pixels import (  # noqa: E402
    encoding,
    geometry,
    intake,
    masks,
)
from booth.pixels.seam import Seam  # noqa: E402

PHOTOS = ("astronaut", "hopper", "group", "rotated")
FLAT = {"dark": (12, 10, 20), "mid": (110, 130, 105), "light": (246, 246, 250)}
BAND = 4
"""Pixels around the kept region in which a halo is looked for."""


@dataclass(frozen=True)
class Case:
    """A photo, uint8 H x W x 3, with its faces in pixels and the region that is kept, bool H x W."""

    photo: np.ndarray
    faces: list[geometry.Face]
    keep: np.ndarray


def read_cases(names: tuple[str, ...] = PHOTOS) -> dict[str, Case]:
    """The test photos through the real models, as the pipeline does it."""
    case_of = Models()
    return {name: case_of((ROOT / "tests" / "photos" / f"{name}.jpg").read_bytes()) for name in names}


class Models:
    """The real face detector and Segment Anything: called with an uploaded file, they give the case, as the pipeline
    does it.
    """

    def __init__(self):
        from local.standins import rekognition, sagemaker
        from sam_model import inference
        from sam_model.serving import protocol

        self.marks = rekognition.LANDMARKS
        self.detector = rekognition.FaceDetector(rekognition.MODEL)
        self.sam = inference.model_fn(str(sagemaker.MODEL_DIR))
        self.read_request = protocol.read_request

    def __call__(self, file: bytes) -> Case:
        taken = intake.normalise(file)
        photo = np.asarray(taken.photo)
        height, width = photo.shape[:2]
        faces = self.faces(taken.detection, width, height)
        crops = geometry.crops_around(faces, width, height)
        found = []
        for request in self.requests(photo, faces):
            asked = self.read_request(request, "application/json")
            found.append(self.sam.segment(asked.pixels, asked.prompts))
        keep, _ = masks.keep_mask(width, height, faces, crops, found)
        return Case(photo, faces, keep)

    def faces(self, detection: bytes, width: int, height: int) -> list[geometry.Face]:
        """The faces in the copy for detection, in pixels of a width x height photo."""
        with Image.open(io.BytesIO(detection)) as image:
            hits = self.detector(image.convert("RGB"))
        details = [
            {
                "BoundingBox": {"Left": l, "Top": t, "Width": r - l, "Height": b - t},
                "Landmarks": [{"Type": kind, "X": x, "Y": y} for kind, (x, y) in zip(self.marks, marks, strict=True)],
            }
            for _, (l, t, r, b), marks in hits
        ]
        return geometry.faces_from_rekognition(details, width, height)

    def requests(self, photo: np.ndarray, faces: list[geometry.Face]) -> list[bytes]:
        """What Segment Anything is asked, one request for each crop, of the photo's JPEG."""
        from booth.aws import sam

        photo = encoding.decode(encoding.encode_for_model(photo))
        height, width = photo.shape[:2]
        crops = geometry.crops_around(faces, width, height)
        boxes = [(crop, *crop.box) for crop in crops]
        return [sam.request_for(crop, faces, encoding.encode_for_model(photo[t:b, l:r])) for crop, l, t, r, b in boxes]


def feathered(photo: np.ndarray, generated: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """A cut-out with a soft edge: the photo fades into the generated picture within about five pixels."""
    soft = Image.fromarray(keep.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(2.5))
    alpha = np.where(keep, 1.0, np.minimum(np.asarray(soft, np.float32) / 127.5, 1))[..., None]
    return np.rint(photo * alpha + generated * (1 - alpha)).astype(np.uint8)


def grown(keep: np.ndarray, pixels: int) -> np.ndarray:
    """The region and everything within so many pixels of it (in rows, columns and diagonals), bool H x W."""
    padded = np.pad(keep, pixels)
    for axis in (0, 1):
        reach = [np.roll(padded, step, axis) for step in range(-pixels, pixels + 1)]
        padded = np.logical_or.reduce(reach)
    return padded[pixels : padded.shape[0] - pixels, pixels : padded.shape[1] - pixels]


def halo(photo: np.ndarray, generated: np.ndarray, keep: np.ndarray, result: np.ndarray) -> float:
    """How much lighter or darker than both its sides the seam is: the mean overshoot in the band, 0..255.

    A pixel in the band of BAND pixels around the kept region should lie between the colour of the kept pixels next to
    it (their mean in 9 x 9 pixels; it sees kept pixels from everywhere in the band) and the generated one, in each
    channel. What it is lighter or darker than that, in its worst channel, is its overshoot.
    """
    band = np.nonzero(grown(keep, BAND) & ~keep)
    padded_photo = np.pad(photo * keep[..., None], ((BAND, BAND), (BAND, BAND), (0, 0))).astype(np.float64)
    padded_keep = np.pad(keep, BAND)
    total, weight = np.zeros((len(band[0]), 3)), np.zeros((len(band[0]), 1))
    for dy in range(2 * BAND + 1):
        for dx in range(2 * BAND + 1):
            total += padded_photo[band[0] + dy, band[1] + dx]
            weight[:, 0] += padded_keep[band[0] + dy, band[1] + dx]
    edge, behind, seen = total / weight, generated[band].astype(np.float64), result[band].astype(np.float64)
    low, high = np.minimum(edge, behind), np.maximum(edge, behind)
    return float(np.maximum(np.maximum(seen - high, low - seen), 0).max(axis=1).mean())


def kept_psnr(pixels: np.ndarray, keep: np.ndarray) -> float:
    """PSNR in dB of the kept region after our JPEG."""
    decoded = encoding.decode(encoding.encode_jpeg(pixels)).astype(np.float64)
    return float(10 * np.log10(255**2 / np.mean((decoded - pixels)[keep] ** 2)))


def backgrounds(case: Case) -> dict[str, np.ndarray]:
    """What may stand around the faces, by name: flat colours, and scenes of the local painter."""
    from local.standins import bedrock
    from local.standins.matte import Matte
    from local.standins.scenes import render

    height, width = case.keep.shape
    made = {f"flat {name}": np.full((height, width, 3), colour, np.uint8) for name, colour in FLAT.items()}
    person, colours = bedrock.cut_out(case.photo, case.keep, Matte())
    for prompt in ("starry night sky, cosmos", "green forest", "wide blue sky with white clouds"):
        scene = render(prompt, "", 3, width, height)
        made[f"painter, {prompt.split(',')[0]}"] = bedrock.compose(case.photo, case.keep, person, colours, scene)
    return made


def main() -> None:
    print(f"{'photo':10} {'background':40} {'halo':>5} {'feathered':>9} {'PSNR dB':>8} {'ms':>6}")
    for name, case in read_cases().items():
        for background, generated in backgrounds(case).items():
            times = []
            for _ in range(5):
                started = time.process_time()
                result = Seam(case.photo, case.keep).blend(generated)
                times.append(time.process_time() - started)
            naive = feathered(case.photo, generated, case.keep)
            ours, theirs = (halo(case.photo, generated, case.keep, each) for each in (result, naive))
            psnr = kept_psnr(result, case.keep)
            print(f"{name:10} {background:40} {ours:5.1f} {theirs:9.1f} {psnr:8.1f} {sorted(times)[2] * 1000:6.0f}")


if __name__ == "__main__":
    main()
