"""Files of a model on the Hugging Face hub, over its HTTP API, at one commit.

    GET /api/models/<id>/revision/<revision>?blobs=true      the commit, the licence, each file's size and hash
    GET /<id>/resolve/<revision>/<path>                      a file, mostly by a redirect to a CDN; takes Range

The hub's own client would bring a dozen packages along and compares no SHA-256. HF_ENDPOINT and HF_TOKEN have the
meaning that they have for it: another hub, and an access token for a model that asks for one.
"""

import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

TIMEOUT_SECONDS = 60  # of a silence; a file may take as long as it takes
ATTEMPTS = 5  # in a row that bring no byte
PAUSE_SECONDS = 2.0  # after the first; doubled after each further one
CHUNK = 1 << 20
PASSING = (429, 500, 502, 503, 504)


class HubError(RuntimeError):
    """A model or a file can't be had; the message says why and what to do."""


class _Passing(Exception):
    """It may be better next time: no connection, or a broken one, or an overloaded server."""


@dataclass(frozen=True)
class File:
    """A file as the hub or a lock names it."""

    path: str
    size: int
    """Bytes."""
    sha256: str
    """In hex; empty for a small file, of which the hub knows git's hash."""
    blob: str = ""
    """git's hash of it, SHA-1 in hex; empty if it isn't known."""


@dataclass(frozen=True)
class Revision:
    """What the hub says of a commit."""

    commit: str
    licence: str
    """The model card's word, such as apache-2.0; empty if it has none."""
    files: tuple[File, ...]


def revision(model: str, name: str) -> Revision:
    """The commit that a branch, a tag or a hash is the name of, with its files. Raises `HubError`."""
    url = f"{_endpoint()}/api/models/{quote(model)}/revision/{quote(name, safe='')}?blobs=true"
    told = _json(url, model)
    files = tuple(
        File(
            each["rfilename"], each.get("size") or 0, (each.get("lfs") or {}).get("sha256", ""), each.get("blobId", "")
        )
        for each in told["siblings"]
    )
    return Revision(told["sha"], (told.get("cardData") or {}).get("license") or "", files)


def download(model: str, commit: str, file: File, folder: Path, progress: Callable[[int], object]) -> None:
    """Brings a file into the folder, whole and checked; one of this size that is there already stays.

    What was fetched before a connection broke, or the program ended, lies beside it as <name>.part and is gone on from.

    Raises:
        HubError: the hub refuses it or is out of reach, it is another file than named, or the disk is full.
    """
    target = folder / file.path
    if target.is_file() and target.stat().st_size == file.size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    url = f"{_endpoint()}/{quote(model)}/resolve/{commit}/{quote(file.path)}"
    failures = 0
    while (have := _size(part)) != file.size or not part.exists():
        try:
            _fetch(url, part, have if have < file.size else 0, file.size, progress)
        except _Passing as error:
            failures = failures + 1 if _size(part) <= have else 1
            if failures >= ATTEMPTS:
                raise HubError(
                    f"{file.path} of {model} could not be fetched: {error}. What has come is kept: the same command "
                    "goes on from there."
                ) from error
            time.sleep(PAUSE_SECONDS * 2 ** (failures - 1))
    try:
        check(part, file)
    except HubError:
        part.unlink()  # or it would be gone on from
        raise
    part.replace(target)


def check(path: Path, file: File) -> str:
    """The SHA-256 of what lies at `path`, in hex. Raises `HubError` if it is not the file."""
    sha256, git = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(CHUNK):
            sha256.update(chunk)
            if not file.sha256:
                git.update(chunk)
    found = sha256.hexdigest()
    if file.sha256 and found != file.sha256:
        raise HubError(f"{file.path} has SHA-256 {found}, not {file.sha256}: it was not taken.")
    if not file.sha256 and file.blob and git.hexdigest() != file.blob:
        raise HubError(f"{file.path} has git's hash {git.hexdigest()}, not {file.blob}: it was not taken.")
    return found


def _fetch(url: str, part: Path, have: int, size: int, progress: Callable[[int], object]) -> None:
    """Appends what is missing to a part of `have` bytes. Raises `HubError`, or `_Passing` if it broke off."""
    with _open(url, {"Range": f"bytes={have}-"} if have else {}) as answer:
        goes_on = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if goes_on else 0
        try:
            with part.open("ab" if goes_on else "wb") as file:
                while chunk := _read(answer):
                    have += len(chunk)
                    if have > size:
                        raise HubError(
                            f"{part.stem} is longer than the {size} bytes that the hub told: it was not taken."
                        )
                    file.write(chunk)
                    progress(len(chunk))
        except OSError as error:
            raise HubError(
                f"{part} can't be written: {error.strerror}. What has come is kept: make room, give the same command."
            ) from error
    if have < size:
        raise _Passing(f"the connection broke after {have} of {size} bytes")


def _read(answer: http.client.HTTPResponse) -> bytes:
    """The next bytes of an answer, none at its end. Raises `_Passing` if the connection breaks."""
    try:
        return answer.read1(CHUNK)  # what there is: `read` would lose it to a connection that breaks
    except (OSError, http.client.HTTPException) as error:
        raise _Passing(str(error) or type(error).__name__) from error


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


class _Redirects(urllib.request.HTTPRedirectHandler):
    """The token is the hub's: a CDN, to which it redirects, gets none."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        new = super().redirect_request(req, fp, code, msg, headers, newurl)  # pyright: ignore[reportArgumentType]  HTTPMessage is one
        if new and urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            new.remove_header("Authorization")
        return new


def page(model: str) -> str:
    """The address of a model's page."""
    return f"{_endpoint()}/{model}"


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def _open(url: str, headers: dict[str, str] | None = None) -> Any:
    """The answer to GET. Raises `HubError`, or `_Passing`."""
    token = os.environ.get("HF_TOKEN")
    headers = {"User-Agent": "photo-booth"} | (headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
    opener = urllib.request.build_opener(_Redirects)
    try:
        return opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        said = error.headers.get("X-Error-Message") or error.reason
        if error.code in PASSING:
            raise _Passing(f"the hub answers {error.code} {said}") from error
        raise HubError(_refusal(error.code, error.headers.get("X-Error-Code", ""), said, url)) from error
    except (OSError, http.client.HTTPException) as error:  # URLError is one
        raise _Passing(str(getattr(error, "reason", error)) or type(error).__name__) from error


def _refusal(status: int, code: str, said: str, url: str) -> str:
    """What to do about an answer of the hub that won't change by itself."""
    if code == "GatedRepo" or status in (401, 403):
        return (
            f"The hub refuses {url} ({status} {said}). It is not there, or asks for an account: accept the model's "
            "terms on its page, and set HF_TOKEN to an access token of yours."
        )
    return f"The hub has no {url} ({status} {said}): check the model's name and revision."


def _json(url: str, what: str) -> Any:
    """What the API says, after as many attempts as it takes. Raises `HubError`."""
    for attempt in range(ATTEMPTS):
        try:
            with _open(url) as answer:
                said = []
                while chunk := _read(answer):
                    said.append(chunk)
                return json.loads(b"".join(said))
        except (_Passing, ValueError) as error:
            if attempt == ATTEMPTS - 1:
                raise HubError(f"The hub says nothing of {what}: {error}. Is there a network?") from error
            time.sleep(PAUSE_SECONDS * 2**attempt)
    raise AssertionError("the last attempt returns or raises")
