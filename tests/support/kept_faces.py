"""The test photos with the region that is kept of each: by the real face detector and Segment Anything, as the pipeline
does it.
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from booth.pixels import encoding, geometry, intake, masks
from tests.support.photos import PHOTOS

NAMES = ("astronaut", "hopper", "group", "rotated")


@dataclass(frozen=True)
class Case:
    """A photo, uint8 H x W x 3, with its faces in pixels and the region that is kept, bool H x W."""

    photo: np.ndarray
    faces: list[geometry.Face]
    keep: np.ndarray


def read_cases(names: tuple[str, ...] = NAMES) -> dict[str, Case]:
    """The test photos through the real models, as the pipeline does it."""
    case_of = Models()
    return {name: case_of((PHOTOS / f"{name}.jpg").read_bytes()) for name in names}


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
