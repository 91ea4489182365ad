"""S3: the uploads bucket, and the results bucket, of which the CDN shows `photo/` alone.

uploads  photo/<name>                       photos as they came; every version is deleted after the run
results  photo/<name>                       upright copy of the photo, no metadata
         photo/photo_<id>_<n>.jpeg          the pictures
         work/<run id>/                     see `booth.work`
"""

import hashlib
import os
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from booth import keys, limits
from booth.aws.clients import client
from booth.aws.errors import aws_errors, code_of, status_of
from booth.errors import BoothError, PhotoNotFound, ServiceUnavailable
from booth.log import count, logger

NULL_VERSION = "null"
"""The version of an object that was put before the bucket's versioning held, which takes S3 up to 15 minutes."""

_BATCH = 1000  # objects, DeleteObjects' limit


def uploads_bucket() -> str:
    return os.environ["UPLOADS_BUCKET"]


def _results_bucket() -> str:
    return os.environ["RESULTS_BUCKET"]


def _s3():
    return client("s3", read_timeout=8, attempts=2)


def connect() -> None:
    """Makes the client."""
    _s3()


# Uploads


def presigned_put(key: str, content_type: str) -> str:
    """URL for one plain PUT with exactly this Content-Type, valid for URL_SECONDS."""
    params = {"Bucket": uploads_bucket(), "Key": key, "ContentType": content_type}
    with aws_errors():
        return _s3().generate_presigned_url("put_object", Params=params, ExpiresIn=limits.URL_SECONDS)


def newest_version(key: str) -> str | None:
    """Version id of the photo that lies under this Key now, or None."""
    with aws_errors():
        try:
            return _s3().head_object(Bucket=uploads_bucket(), Key=key).get("VersionId", NULL_VERSION)
        except ClientError as error:
            if status_of(error) == 404:
                return None
            raise


def read_upload(key: str, version: str, limit: int) -> bytes | None:
    """The photo's bytes, or None if it has more than `limit`.

    Raises PhotoNotFound: while a bucket's versioning is new, S3 may answer 404 for what is there.
    """
    with aws_errors():
        try:
            answer = _s3().get_object(Bucket=uploads_bucket(), Key=key, VersionId=version)
        except ClientError as error:
            if status_of(error) == 404:
                raise PhotoNotFound(code_of(error)) from error
            raise
        if answer["ContentLength"] > limit:
            answer["Body"].close()
            return None
        return _body(answer)


def _body(answer: dict[str, Any]) -> bytes:
    """An object's bytes. Raises ServiceUnavailable if they are not those that were stored.

    botocore notices a body that is cut short, and checks what it has put itself by its checksum. For a photo that a
    browser has put there is the ETag: the MD5, unless it came in parts or S3 encrypts with keys of its customer.
    """
    data, etag = answer["Body"].read(), answer["ETag"].strip('"')
    is_md5 = "-" not in etag and answer.get("ServerSideEncryption", "AES256") == "AES256"
    if is_md5 and hashlib.md5(data, usedforsecurity=False).hexdigest() != etag:
        raise ServiceUnavailable("an object's bytes are not those that were stored")
    return data


def delete_version(key: str, version: str) -> None:
    """Deletes one version of an upload for good."""
    with aws_errors():
        _delete_all(uploads_bucket(), [{"Key": key, "VersionId": version}])


def delete_upload(key: str) -> bool:
    """Deletes all versions of an upload for good, page by page; False if some are left after REMOVING_SECONDS.

    Whoever has a presigned URL may have put any number of them.
    """
    until, place, deleted = time.monotonic() + limits.REMOVING_SECONDS, {"Prefix": key}, 0
    while place:
        entries, place = _versions(place)
        deleted += _delete_versions([each for each in entries if each["Key"] == key])
        if time.monotonic() >= until:
            break
    if deleted > 1:
        count("VersionsOfAnUpload", deleted)
    return place is None


def _versions(place: dict[str, str]) -> tuple[list[dict[str, Any]], dict[str, str] | None]:
    """A page of the versions and delete markers in the uploads bucket, and where the next one begins; None: nowhere.

    They come in the order of their Keys. So a Key's own come first where its place has the Key as Prefix, and what
    follows them is not listed.

    Args:
        place: parameters of ListObjectVersions.
    """
    with aws_errors():
        page = _s3().list_object_versions(Bucket=uploads_bucket(), **place)
    entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    if page.get("IsTruncated") and all(each["Key"] == place.get("Prefix", each["Key"]) for each in entries):
        following = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
        return entries, place | following
    return entries, None


def _delete_versions(entries: list[dict[str, Any]]) -> int:
    with aws_errors():
        _delete_all(uploads_bucket(), [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in entries])
    return len(entries)


def delete_old_uploads(seconds: int) -> tuple[int, bool]:
    """Deletes every version and delete marker in the uploads bucket that is older than this, for PURGE_SECONDS.

    A Key whose versions fill a page is put aside, and has its turns with the other Keys, a page each. What can't be
    deleted doesn't keep the rest. Returns how many were deleted, and whether no old one is left.
    """
    old, until = datetime.now(UTC) - timedelta(seconds=seconds), time.monotonic() + limits.PURGE_SECONDS
    places: deque[dict[str, str]] = deque([{}])
    aside: set[str] = set()
    deleted, failed = 0, False
    while places and time.monotonic() < until:
        place = places.popleft()
        entries, following = _versions(place)
        wanted = [each for each in entries if each["Key"] == place.get("Prefix", each["Key"])]
        try:
            deleted += _delete_versions([each for each in wanted if each["LastModified"] < old])
        except BoothError as error:
            logger.error("uploads could not be deleted", error=type(error).__name__, reason=str(error))
            failed = True
        uploads = {each["Key"] for each in entries}
        if following and len(uploads) == 1 and not uploads <= aside:
            [key] = uploads
            aside.add(key)
            count("VersionsOfAnUpload", len(entries))
            places.append({"KeyMarker": key})  # behind its last version
            following |= {"Prefix": key}
        if following:
            places.append(following)
    return deleted, not (places or failed)


# Results


def read(key: str) -> bytes:
    """An object of the results bucket."""
    with aws_errors():
        return _body(_s3().get_object(Bucket=_results_bucket(), Key=key))


def find(key: str) -> bytes | None:
    """Like `read`, but None if there is no such object."""
    with aws_errors():
        try:
            return _body(_s3().get_object(Bucket=_results_bucket(), Key=key))
        except ClientError as error:
            if status_of(error) == 404:
                return None
            raise


def write(key: str, body: bytes, content_type: str) -> None:
    """Writes an object of the results bucket, over what is there."""
    with aws_errors():
        _s3().put_object(Bucket=_results_bucket(), Key=key, Body=body, ContentType=content_type)


def put_result(key: str, jpeg: bytes) -> bool:
    """Stores a JPEG that visitors see. What is there is never overwritten; False if something is."""
    shown_as = {"ContentType": "image/jpeg", "CacheControl": f"max-age={limits.CACHE_SECONDS}"}
    with aws_errors():
        try:
            _s3().put_object(Bucket=_results_bucket(), Key=key, Body=jpeg, IfNoneMatch="*", **shown_as)
            return True
        except ClientError as error:
            if status_of(error) == 412:
                return False
            if status_of(error) == 409:
                raise ServiceUnavailable("another write of the same picture is under way") from error
            raise


def delete_results(keys: list[str]) -> None:
    with aws_errors():
        _delete_all(_results_bucket(), [{"Key": key} for key in keys])


def delete_work(run_id: str) -> None:
    """Removes a run's work files, see `booth.work`."""
    bucket, prefix = _results_bucket(), keys.work_key(run_id, "")
    with aws_errors():
        for page in _s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            _delete_all(bucket, [{"Key": entry["Key"]} for entry in page.get("Contents", [])])


def _delete_all(bucket: str, names: list[dict[str, str]]) -> None:
    """Deletes objects in one request for a thousand: one by one, a slow S3 would outlast the caller's time.

    Raises ServiceUnavailable if one is left.
    """
    for start in range(0, len(names), _BATCH):
        batch = {"Objects": names[start : start + _BATCH], "Quiet": True}
        if errors := _s3().delete_objects(Bucket=bucket, Delete=batch).get("Errors"):
            raise ServiceUnavailable(f"S3 did not delete everything: {errors[0].get('Code')}")
