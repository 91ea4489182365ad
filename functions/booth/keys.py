"""Keys of the objects in the buckets, and the paths under which the CDN serves them. Nothing here calls AWS."""

import hashlib
import uuid
from urllib.parse import quote

UPLOAD_PREFIX = "photo/"

CONTENT_TYPES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/heif": "heif",
}
_MAX_KEY_BYTES = 1024  # S3


def is_upload_key(key: str) -> bool:
    """Whether an upload may have this Key: `photo/<name>`, at most 1,024 bytes, not named like a generated picture."""
    name = key.removeprefix(UPLOAD_PREFIX)
    fits = len(key.encode()) <= _MAX_KEY_BYTES
    return fits and key.startswith(UPLOAD_PREFIX) and bool(name) and "/" not in name and not name.startswith("photo_")


def documented_key(filename: str) -> str | None:
    """The Key that the API's documentation promises for a file name, or None if no upload may have it."""
    key = UPLOAD_PREFIX + filename
    return key if is_upload_key(key) else None


def unguessable_key(content_type: str) -> str:
    """A Key of 122 random bits (UUID 4), with the extension of one of CONTENT_TYPES."""
    return f"{UPLOAD_PREFIX}{uuid.uuid4()}.{CONTENT_TYPES[content_type]}"


def picture_id(given: str, documented: bool) -> str:
    """The id in the names of a run's pictures.

    Args:
        given: the caller's id; "" for none, which gives a random UUID.
        documented: whether `given` is used as it is. Otherwise 122 random bits follow it, since callers may number
            their photos.
    """
    if not given:
        return str(uuid.uuid4())
    return given if documented else f"{given}-{uuid.uuid4().hex}"


def picture_key(picture_id: str, number: int) -> str:
    """Key of a generated picture, numbered from 1. No upload has it: `is_upload_key` excludes `photo_...`."""
    return f"photo/photo_{picture_id}_{number}.jpeg"


def wall_key(run_id: str, number: int) -> str:
    """Key of the copy of a picture, numbered from 1, that the event's wall shows.

    It tells nothing: the run's id, a random UUID, is known to no visitor and can't be found from its hash. Attempts and
    a deletion make the same one without a record.
    """
    return f"photo/photo_{hashlib.sha256(f'wall {run_id} {number}'.encode()).hexdigest()[:32]}.jpeg"


def address(key: str) -> str:
    """URL path under which the CDN serves a result, percent-encoded.

    An invalidation must name the path exactly as viewers request it, and CloudFront takes no "~" in one.
    """
    return "/" + quote(key).replace("~", "%7E")


def work_key(run_id: str, name: str) -> str:
    """Key of one of a run's work files; with an empty name, the prefix of all of them."""
    return f"work/{run_id}/{name}"
