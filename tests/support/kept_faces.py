"""The test photos with the region that is kept of each: by the real face detector and Segment Anything, as the pipeline
does it.
"""

import io
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from booth.keep import MORE, Keep
from booth.pixels import encoding, geometry, intake, masks
from booth.pixels.seam import soft_edge
from booth.pixels.visitors import visitors_of
from tests.support.photos import PHOTOS

NAMES = ("astronaut", "hopper", "group", "rotated")


@dataclass(frozen=True)
class Case:
    """A photo, uint8 H x W x 3, with its visitors' faces in pixels and the region that is kept, bool H x W."""

    photo: np.ndarray
    faces: list[geometry.Face]
    keep: np.ndarray
    others: tuple[geometry.Face, ...] = ()
    """Faces that were found and are no visitors'."""


def read_cases(names: tuple[str, ...] = NAMES) -> dict[str, Case]:
    """The test photos through the real models, as the pipeline does it."""
    case_of = Models()
    return {name: case_of((PHOTOS / f"{name}.jpg").read_bytes()) for name in names}


class Models:
    """The real face detector and Segment Anything: called with an uploaded file, they give the case, as the pipeline
    does it.
    """

    def __init__(self):
        from local.standins import rekognition
        from sam_model.serving import keep, protocol

        self.marks, self.confidence = rekognition.LANDMARKS, rekognition.confidence
        self.detector = rekognition.FaceDetector(rekognition.MODEL)
        self.read_fields, self.read_request, self.read_keep = (
            protocol.read_fields,
            protocol.read_request,
            keep.read_keep,
        )

    @cached_property
    def sam(self):
        """Segment Anything, of which nothing is loaded before it is asked; without the endpoint's warm-up inference,
        which takes two seconds of a processor."""
        from local.standins import sagemaker
        from sam_model.serving.people import People

        return People(sagemaker.MODEL_DIR)

    def __call__(self, file: bytes, side: int = intake.PHOTO_SIDE) -> Case:
        taken = intake.normalise(file, side)
        photo = np.asarray(taken.photo)
        height, width = photo.shape[:2]
        faces, others = self.faces(taken.detection, width, height)
        crops = geometry.crops_around(faces, width, height)
        found = []
        for request in self.requests(photo, faces):
            asked = self.read_request(self.read_fields(request, "application/json"))
            found.append(self.sam.segment(asked.pixels, asked.prompts))
        keep, _ = masks.keep_mask(width, height, faces, crops, found)
        return Case(photo, faces, keep, others)

    def alphas(self, case: Case) -> dict[Keep, np.ndarray]:
        """The alphas of heads and people, uint8, H x W, as `merge_masks` joins them."""
        from booth.aws import sam

        height, width = case.keep.shape
        request = sam.request_for_more(MORE, case.faces, (width, height), encoding.encode_for_model(case.photo))
        answer = self.sam.alphas(self.read_keep(self.read_fields(request, "application/json")))
        found = {keep: answer.images[keep] for keep in MORE}
        return masks.alphas(soft_edge(case.keep), found)

    def faces(self, detection: bytes, width: int, height: int) -> tuple[list[geometry.Face], tuple[geometry.Face, ...]]:
        """The visitors' faces and the others in a photo of this size in pixels, found in its copy for detection."""
        details = self.details(detection)
        visitors = visitors_of(details, width, height)
        found = geometry.faces_from_rekognition(details, width, height)
        return visitors, tuple(face for face in found if face not in visitors)

    def details(self, detection: bytes) -> list[dict]:
        """The stand-in's FaceDetails of the copy for detection."""
        with Image.open(io.BytesIO(detection)) as image:
            hits = self.detector(image.convert("RGB"))
        return [
            {
                "BoundingBox": {"Left": l, "Top": t, "Width": r - l, "Height": b - t},
                "Landmarks": [{"Type": kind, "X": x, "Y": y} for kind, (x, y) in zip(self.marks, marks, strict=True)],
                "Confidence": self.confidence(score),
            }
            for score, (l, t, r, b), marks in hits
        ]

    def requests(self, photo: np.ndarray, faces: list[geometry.Face]) -> list[bytes]:
        """What Segment Anything is asked, one request for each crop, of the photo's JPEG."""
        from booth.aws import sam

        photo = encoding.decode(encoding.encode_for_model(photo))
        height, width = photo.shape[:2]
        crops = geometry.crops_around(faces, width, height)
        boxes = [(crop, *crop.box) for crop in crops]
        return [sam.request_for(crop, faces, encoding.encode_for_model(photo[t:b, l:r])) for crop, l, t, r, b in boxes]
