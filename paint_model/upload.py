"""Puts a package into an endpoint's bucket, from where SageMaker reads it file by file (ModelDataSource)."""

import io

import boto3
from boto3.s3.transfer import TransferConfig

from endpoints.progress import Progress
from paint_model.package import Member, Package

PARTS = TransferConfig(multipart_threshold=64 << 20, multipart_chunksize=16 << 20)
"""A part is sent again by itself if its connection breaks. S3 takes 10,000 parts: 160 GB a file."""


def upload(package: Package, bucket: str) -> str:
    """Uploads what the bucket lacks under model/<hash>/; returns this prefix.

    The prefix has the hash of all content, and S3 shows an object when it is whole. So a file of this size that is
    there is this file, and after a break the same call goes on with the next one. A file that an earlier model has is
    copied within S3: new code doesn't cost another upload of the weights.
    """
    s3, prefix = boto3.client("s3"), f"model/{package.digest}/"
    there: dict[str, int] = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="model/"):
        there |= {item["Key"]: item["Size"] for item in page.get("Contents", [])}
    missing = {path: each for path, each in package.members.items() if there.get(prefix + path) != each.size}
    if not missing:
        return prefix
    size = sum(each.size for each in missing.values())
    print(f"{len(missing)} files ({size / 1e9:.2f} GB) go to s3://{bucket}/{prefix}", flush=True)
    progress = Progress("uploaded", size)
    for path, member in sorted(missing.items()):
        alike = [key for key, size in there.items() if key.split("/", 2)[2:] == [path] and size == member.size]
        if source := _same(s3, bucket, alike, member):
            more = {"Metadata": {"sha256": member.sha256}, "MetadataDirective": "REPLACE"}  # a copy in parts has none
            s3.copy({"Bucket": bucket, "Key": source}, bucket, prefix + path, more, progress, Config=PARTS)
        else:
            _send(s3, bucket, prefix + path, member, progress)
    return prefix


def _same(s3, bucket: str, keys: list[str], member: Member) -> str | None:
    """Which of these objects has the member's content; None if none has."""
    for key in keys:
        if s3.head_object(Bucket=bucket, Key=key)["Metadata"].get("sha256") == member.sha256:
            return key
    return None


def _send(s3, bucket: str, key: str, member: Member, progress: Progress) -> None:
    """Uploads one file, with its SHA-256 as metadata."""
    content, more = member.content, {"Metadata": {"sha256": member.sha256}}
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        s3.upload_fileobj(file, bucket, key, ExtraArgs=more, Callback=progress, Config=PARTS)
