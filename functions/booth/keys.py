"""Keys of the objects in the buckets, and what a caller may have of them. Nothing here calls AWS."""

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
    """Whether a photo can lie under this Key at all: under photo/, and not named like a generated picture."""
    name = key.removeprefix(UPLOAD_PREFIX)
    fits = len(key.encode()) <= _MAX_KEY_BYTES
    return fits and key.startswith(UPLOAD_PREFIX) and bool(name) and "/" not in name and not name.startswith("photo_")


def documented_key(filename: str) -> str | None:
    """The Key that the documentation promises for a file name, if it can be given."""
    key = UPLOAD_PREFIX + filename
    return key if is_upload_key(key) else None


def unguessable_key(content_type: str) -> str:
    """A Key of 122 random bits."""
    return f"{UPLOAD_PREFIX}{uuid.uuid4()}.{CONTENT_TYPES[content_type]}"


def picture_id(given: str, documented: bool) -> str:
    """What stands for the id in the pictures' names.

    The caller's `given` one as the documentation shows it, or else with 122 random bits behind it, since a caller may
    count; without one a UUID.
    """
    if not given:
        return str(uuid.uuid4())
    return given if documented else f"{given}-{uuid.uuid4().hex}"


def picture_key(picture_id: str, number: int) -> str:
    """Key of a generated picture. Uploads can't have it: names that begin with `photo_` are never given."""
    return f"photo/photo_{picture_id}_{number}.jpeg"


def address(key: str) -> str:
    """Path under which the CDN shows a result.

    CloudFront forgets a copy by the very text that it was asked for under, and takes no "~" in it as it is.
    """
    return "/" + quote(key).replace("~", "%7E")


def work_key(run_id: str, name: str) -> str:
    """Key of one of a run's work files; with an empty name, the prefix of all of them."""
    return f"work/{run_id}/{name}"
