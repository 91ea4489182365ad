"""The emulated buckets, as moto keeps them."""

from __future__ import annotations

from moto.s3.models import FakeBucket, s3_backends
from werkzeug.wrappers import Request

from local.account import ACCOUNT


def set_versioning(bucket: str, holds: bool) -> None:
    """Whether a bucket gives versions. After versioning was enabled S3 takes up to 15 minutes until it does.

    Until then what is put has the version `null`, which no answer and no event names. PutBucketVersioning can't be
    taken back, so this is no request.
    """
    s3_backends[ACCOUNT]["aws"].buckets[bucket].versioning_status = "Enabled" if holds else None


def bucket_of(request: Request) -> FakeBucket | None:
    """The bucket that a path-style request names; None if there is none of that name."""
    name = request.path.lstrip("/").split("/", 1)[0]
    return s3_backends[ACCOUNT]["aws"].buckets.get(name)
