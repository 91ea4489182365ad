"""S3: the uploads bucket, which is versioned, and the results bucket, of which the CDN serves `photo/`.

uploads  photo/<name>                       photos as they were put; every version is deleted after the run
results  photo/<name>                       upright copy of the photo, no metadata
         photo/photo_<id>_<n>.jpeg          the pictures
         work/<run id>/                     see `booth.work`

Each function raises what `booth.aws.errors.aws_errors` does; ServiceUnavailable also if an object can't be deleted.
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
"""Version id of an object that was put before versioning took effect: up to 15 minutes in a new bucket."""

_BATCH = 1000  # objects, DeleteObjects' limit


def uploads_bucket() -> str:
    """The uploads bucket's name."""
    return os.environ["UPLOADS_BUCKET"]


def _results_bucket() -> str:
    return os.environ["RESULTS_BUCKET"]


def s3():
    """The client of S3, the same one for everything that a process does there."""
    return client("s3", read_timeout=8, attempts=2)


def connect() -> None:
    """Makes the client."""
    s3()


# Uploads


def presigned_put(key: str, content_type: str) -> str:
    """Presigned URL for a PUT of this Key with exactly this Content-Type, valid for URL_SECONDS."""
    params = {"Bucket": uploads_bucket(), "Key": key, "ContentType": content_type}
    with aws_errors():
        return s3().generate_presigned_url("put_object", Params=params, ExpiresIn=limits.URL_SECONDS)


def newest_version(key: str) -> str | None:
    """Version id of the object that this upload Key has now; None if it has none."""
    with aws_errors():
        try:
            return s3().head_object(Bucket=uploads_bucket(), Key=key).get("VersionId", NULL_VERSION)
        except ClientError as error:
            if status_of(error) == 404:
                return None
            raise


def read_upload(key: str, version: str, limit: int) -> bytes | None:
    """The bytes of one version of an upload, or None if there are more than `limit`.

    Raises PhotoNotFound for 404: until a new bucket's versioning is in effect, S3 may answer so for an object that
    exists.
    """
    with aws_errors():
        try:
            answer = s3().get_object(Bucket=uploads_bucket(), Key=key, VersionId=version)
        except ClientError as error:
            if status_of(error) == 404:
                raise PhotoNotFound(code_of(error)) from error
            raise
        if answer["ContentLength"] > limit:
            answer["Body"].close()
            return None
        return _body(answer)


def _body(answer: dict[str, Any]) -> bytes:
    """The bytes of GetObject's answer. Raises ServiceUnavailable if they are not those that were stored.

    botocore detects a truncated body, and verifies the checksum of objects that it has put itself. A photo that a
    browser has put has no checksum, but an ETag: its MD5, unless it was a multipart upload or is encrypted by SSE-KMS.
    """
    data, etag = answer["Body"].read(), answer["ETag"].strip('"')
    is_md5 = "-" not in etag and answer.get("ServerSideEncryption", "AES256") == "AES256"
    if is_md5 and hashlib.md5(data, usedforsecurity=False).hexdigest() != etag:
        raise ServiceUnavailable("an object's bytes are not those that were stored")
    return data


def copy_upload(key: str, version: str, to: str) -> bool:
    """Copies one version of an upload, with its Content-Type, to another Key. False if it is gone."""
    source = {"Bucket": uploads_bucket(), "Key": key, "VersionId": version}
    with aws_errors():
        try:
            s3().copy_object(Bucket=uploads_bucket(), Key=to, CopySource=source)
            return True
        except ClientError as error:
            if status_of(error) == 404:
                return False
            raise


def delete_version(key: str, version: str) -> None:
    """Deletes one version of an upload permanently."""
    with aws_errors():
        _delete_all(uploads_bucket(), [{"Key": key, "VersionId": version}])


def delete_upload(key: str) -> bool:
    """Deletes all versions and delete markers of an upload permanently, page by page, for REMOVING_SECONDS.

    False if some are left: whoever has a presigned URL may have put any number of them.
    """
    until, params, deleted = time.monotonic() + limits.REMOVING_SECONDS, {"Prefix": key}, 0
    while params:
        entries, params = _list_versions(params)
        deleted += _delete_versions([each for each in entries if each["Key"] == key])
        if time.monotonic() >= until:
            break
    if deleted > 1:
        count("VersionsOfAnUpload", deleted)
    return params is None


def _list_versions(params: dict[str, str]) -> tuple[list[dict[str, Any]], dict[str, str] | None]:
    """A page of versions and delete markers in the uploads bucket, and the parameters of the next; None: the last one.

    ListObjectVersions sorts by Key. So with a Key as Prefix its own versions come first, and a page in which another
    Key appears is the last one.

    Args:
        params: parameters of ListObjectVersions: Prefix, markers.
    """
    with aws_errors():
        page = s3().list_object_versions(Bucket=uploads_bucket(), **params)
    entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    if page.get("IsTruncated") and all(each["Key"] == params.get("Prefix", each["Key"]) for each in entries):
        next_page = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
        return entries, params | next_page
    return entries, None


def _delete_versions(entries: list[dict[str, Any]]) -> int:
    with aws_errors():
        _delete_all(uploads_bucket(), [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in entries])
    return len(entries)


def delete_old_uploads(seconds: int) -> tuple[int, bool]:
    """Deletes every version and delete marker in the uploads bucket older than `seconds`, for PURGE_SECONDS at most.

    A Key whose versions fill a page gets a listing of its own, and pages of all listings are handled in rotation: so
    no single Key delays the others. Errors of a deletion are logged, and the others go on.

    Returns the number of deleted versions, and whether no old one is left.
    """
    old, until = datetime.now(UTC) - timedelta(seconds=seconds), time.monotonic() + limits.PURGE_SECONDS
    listings: deque[dict[str, str]] = deque([{}])
    own_listing: set[str] = set()
    deleted, failed = 0, False
    while listings and time.monotonic() < until:
        params = listings.popleft()
        entries, next_page = _list_versions(params)
        wanted = [each for each in entries if each["Key"] == params.get("Prefix", each["Key"])]
        try:
            deleted += _delete_versions([each for each in wanted if each["LastModified"] < old])
        except BoothError as error:
            logger.error("uploads could not be deleted", error=type(error).__name__, reason=str(error))
            failed = True
        uploads = {each["Key"] for each in entries}
        if next_page and len(uploads) == 1 and not uploads <= own_listing:
            [key] = uploads
            own_listing.add(key)
            count("VersionsOfAnUpload", len(entries))
            listings.append({"KeyMarker": key})  # behind its last version
            next_page |= {"Prefix": key}
        if next_page:
            listings.append(next_page)
    return deleted, not (listings or failed)


# Results


def read(key: str) -> bytes:
    """The bytes of an object of the results bucket."""
    with aws_errors():
        return _body(s3().get_object(Bucket=_results_bucket(), Key=key))


def find(key: str) -> bytes | None:
    """Like `read`, but None if there is no such object."""
    with aws_errors():
        try:
            return _body(s3().get_object(Bucket=_results_bucket(), Key=key))
        except ClientError as error:
            if status_of(error) == 404:
                return None
            raise


def write(key: str, body: bytes, content_type: str) -> None:
    """Writes an object of the results bucket; an existing one is overwritten."""
    with aws_errors():
        s3().put_object(Bucket=_results_bucket(), Key=key, Body=body, ContentType=content_type)


def put_result(key: str, jpeg: bytes) -> bool:
    """Stores a result that the CDN serves. False, and nothing is written, if the object exists (`If-None-Match: *`).

    Raises ServiceUnavailable also for 409: another conditional write of the same Key is in progress.
    """
    shown_as = {"ContentType": "image/jpeg", "CacheControl": f"max-age={limits.CACHE_SECONDS}"}
    with aws_errors():
        try:
            s3().put_object(Bucket=_results_bucket(), Key=key, Body=jpeg, IfNoneMatch="*", **shown_as)
            return True
        except ClientError as error:
            if status_of(error) == 412:
                return False
            if status_of(error) == 409:
                raise ServiceUnavailable("another write of the same picture is under way") from error
            raise


def set_hidden(key: str, hidden: bool) -> None:
    """Tags a published object as hidden, or removes its tags. By the tag the bucket's policy keeps it from the CDN."""
    place = {"Bucket": _results_bucket(), "Key": key}
    with aws_errors():
        if hidden:
            s3().put_object_tagging(**place, Tagging={"TagSet": [{"Key": "hidden", "Value": "true"}]})
        else:
            s3().delete_object_tagging(**place)


def delete_results(keys: list[str]) -> None:
    """Deletes objects of the results bucket; those that don't exist are no error."""
    with aws_errors():
        _delete_all(_results_bucket(), [{"Key": key} for key in keys])


def delete_work(run_id: str) -> None:
    """Deletes a run's work files, see `booth.work`."""
    bucket, prefix = _results_bucket(), keys.work_key(run_id, "")
    with aws_errors():
        for page in s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            _delete_all(bucket, [{"Key": entry["Key"]} for entry in page.get("Contents", [])])


def _delete_all(bucket: str, names: list[dict[str, str]]) -> None:
    """Deletes objects by DeleteObjects, up to 1,000 in a request.

    Raises ServiceUnavailable if the answer has `Errors`.
    """
    for start in range(0, len(names), _BATCH):
        batch = {"Objects": names[start : start + _BATCH], "Quiet": True}
        if errors := s3().delete_objects(Bucket=bucket, Delete=batch).get("Errors"):
            raise ServiceUnavailable(f"S3 did not delete everything: {errors[0].get('Code')}")
