"""Creates, updates, switches and removes the SageMaker endpoint of endpoint.yaml, as one CloudFormation stack.

    python -m sam_model.deploy deploy dev [--model FOLDER] [Parameter=value ...]
    python -m sam_model.deploy on|off|destroy dev

The stack and its endpoint are called photo-booth-sam-<environment> (endpoints/stack.py).
"""

import hashlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import boto3

from endpoints import command
from endpoints.stack import Kind
from sam_model import package

KIND = Kind("sam", Path(__file__).resolve().parent)


def pack(model: str, instance: str) -> Callable[[str], str]:
    """Builds the archive of the weights in the folder `model`; returns its upload. Raises `PackageError`."""
    package.build(Path(model), package.DEFAULT_ARCHIVE, gpu=instance.startswith("ml.g"))
    return partial(upload, package.DEFAULT_ARCHIVE)


def upload(archive: Path, bucket: str) -> str:
    """Uploads the archive under a key with its SHA-256, unless it is there already; returns the key."""
    with archive.open("rb") as file:
        key = f"model/{hashlib.file_digest(file, 'sha256').hexdigest()}/model.tar.gz"
    s3 = boto3.client("s3")
    if not s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"]:
        print(f"{archive.name} ({archive.stat().st_size / 1e6:.0f} MB) goes to s3://{bucket}/{key}", flush=True)
        s3.upload_file(str(archive), bucket, key)
    return key


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line's action; exit status 1 and the reason if that fails."""
    program = command.Program(KIND, str(package.DEFAULT_MODEL), pack, (package.PackageError,))
    return command.run(program, arguments)


if __name__ == "__main__":
    sys.exit(main())
