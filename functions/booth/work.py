"""A run's work files: what its steps pass to each other, in the results bucket, where the CDN serves only photo/.

    work/<run id>/photo.webp          the normalised photo, lossless: kept pixels are its
                  photo.jpg           the same as a JPEG: input of the models
                  faces.json          faces, in pixels of the photo
                  crops.json          size of the photo; each crop's box in its pixels and its faces' indexes
                  crop_<n>.json       request for the SAM endpoint
                  crop_<n>_mask.png   the mask of the crop's faces: black = face
                  mask.png            mask for the image model: black = kept, white = generated

Of a run whose pictures keep more than the face (`Keep`) crop 0 is the whole photo, and there are, for each <keep>:

                  found_<keep>.png       the endpoint's answer: alpha, 8-bit greyscale, white = kept
                  alpha_<keep>.png       the same, never less than mask.png
                  foreground_<keep>.webp the people's own colours, lossless; black where alpha is 0 or 255

Each function raises what `booth.aws.errors.aws_errors` does. Crops are numbered from 0. `objects.delete_work` deletes
the files when the run has ended.
"""

import json
from functools import partial
from typing import Any

import numpy as np

from booth.aws import objects
from booth.keep import Keep
from booth.keys import work_key
from booth.parallel import gather
from booth.pixels import encoding, geometry
from booth.pixels.geometry import Crop, Face


def write_photo(run_id: str, photo: np.ndarray) -> bytes:
    """Writes the normalised photo (uint8, H x W x 3, sRGB) in both encodings. Returns the JPEG."""
    jpeg = encoding.encode_for_model(photo)
    gather(
        lambda: objects.write(work_key(run_id, "photo.jpg"), jpeg, "image/jpeg"),
        lambda: objects.write(work_key(run_id, "photo.webp"), encoding.encode_exact(photo), "image/webp"),
    )
    return jpeg


def read_jpeg(run_id: str) -> bytes:
    """The photo as a JPEG."""
    return objects.read(work_key(run_id, "photo.jpg"))


def read_lossless(run_id: str) -> bytes:
    """The photo as a lossless WebP."""
    return objects.read(work_key(run_id, "photo.webp"))


def write_faces(run_id: str, faces: list[Face]) -> None:
    """Writes the faces, boxes and landmarks in pixels of the normalised photo."""
    _write_json(run_id, "faces.json", geometry.faces_to_json(faces))


def read_faces(run_id: str) -> list[Face]:
    """The faces, as written."""
    return geometry.faces_from_json(_read_json(run_id, "faces.json"))


def write_crops(run_id: str, size: tuple[int, int], crops: list[Crop]) -> None:
    """Writes the crops; `size` is width and height of the normalised photo, in pixels."""
    _write_json(run_id, "crops.json", {"size": size, "crops": geometry.crops_to_json(crops)})


def read_crops(run_id: str) -> tuple[tuple[int, int], list[Crop]]:
    """Width and height of the photo in pixels, and its crops."""
    value = _read_json(run_id, "crops.json")
    width, height = value["size"]
    return (width, height), geometry.crops_from_json(value["crops"])


def write_crop_request(run_id: str, number: int, request: bytes) -> None:
    """Writes a crop's request for the SAM endpoint, JSON as `sam.request_for` makes it."""
    objects.write(work_key(run_id, f"crop_{number}.json"), request, "application/json")


def read_crop_request(run_id: str, number: int) -> bytes:
    """A crop's request, as written."""
    return objects.read(work_key(run_id, f"crop_{number}.json"))


def write_crop_mask(run_id: str, number: int, mask: np.ndarray) -> None:
    """Writes a crop's mask: bool, the crop's H x W, True = face."""
    objects.write(work_key(run_id, f"crop_{number}_mask.png"), encoding.encode_mask(mask), "image/png")


def find_crop_mask(run_id: str, number: int) -> np.ndarray | None:
    """A crop's mask as written, or None if there is none."""
    png = objects.find(work_key(run_id, f"crop_{number}_mask.png"))
    return None if png is None else encoding.decode_mask(png)


def write_mask(run_id: str, keep: np.ndarray) -> None:
    """Writes the mask of the whole photo: bool, H x W, True = kept."""
    objects.write(work_key(run_id, "mask.png"), encoding.encode_mask_for_model(keep), "image/png")


def read_mask(run_id: str) -> bytes:
    """The mask as an 8-bit greyscale PNG, 0 = kept, 255 = generated: what image models take."""
    return objects.read(work_key(run_id, "mask.png"))


def write_found(run_id: str, found: dict[Keep, bytes]) -> None:
    """Writes the alphas that the SAM endpoint answered, PNGs."""
    gather(*(partial(objects.write, work_key(run_id, f"found_{k}.png"), png, "image/png") for k, png in found.items()))


def find_found(run_id: str, keep: Keep) -> np.ndarray | None:
    """The alpha that the SAM endpoint answered, uint8, H x W; None if there is none."""
    png = objects.find(work_key(run_id, f"found_{keep}.png"))
    return None if png is None else encoding.decode_alpha(png)


def write_cutout(run_id: str, keep: Keep, alpha: np.ndarray, foreground: np.ndarray) -> None:
    """Writes what is kept: alpha, uint8, H x W, and the people's own colours, uint8, H x W x 3."""
    png, webp = encoding.encode_png(alpha), encoding.encode_part(foreground, (alpha > 0) & (alpha < 255))
    gather(
        lambda: objects.write(work_key(run_id, f"alpha_{keep}.png"), png, "image/png"),
        lambda: objects.write(work_key(run_id, f"foreground_{keep}.webp"), webp, "image/webp"),
    )


def read_alpha(run_id: str, keep: Keep) -> bytes:
    """The alpha of what is kept, as an 8-bit greyscale PNG."""
    return objects.read(work_key(run_id, f"alpha_{keep}.png"))


def read_foreground(run_id: str, keep: Keep) -> bytes:
    """The people's own colours where alpha is 1 to 254, as a lossless WebP."""
    return objects.read(work_key(run_id, f"foreground_{keep}.webp"))


def _write_json(run_id: str, name: str, value: Any) -> None:
    objects.write(work_key(run_id, name), json.dumps(value).encode(), "application/json")


def _read_json(run_id: str, name: str) -> Any:
    return json.loads(objects.read(work_key(run_id, name)))
