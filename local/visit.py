"""One visit, as the pad makes it: the three calls of the contract over plain HTTP."""

import json
import mimetypes
import random
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

ATTEMPTS = 6
"""At one call while AWS refuses or fails, in 23 seconds on average."""


class VisitError(Exception):
    """The booth refused a call or could not be reached."""


def is_open(url: str) -> bool:
    """Whether /health says 200 at this address."""
    try:
        with urllib.request.urlopen(url + "/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def call(url: str, path: str, body: dict[str, Any], token: str = "") -> tuple[int, dict[str, Any]]:
    """POSTs JSON, with the booth's token if it has one; gives HTTP status and answer.

    What may pass is tried again: 5xx, of which 500 is also what API Gateway makes of a Lambda that is used up, and its
    own 429, which has a `message`.

    Raises:
        VisitError: nobody answers.
    """
    for attempt in range(ATTEMPTS):
        status, answer = _call(url, path, body, token)
        may_pass = status >= 500 or (status == 429 and "message" in answer)
        if not may_pass or attempt == ATTEMPTS - 1:
            break
        time.sleep(2**attempt * (0.5 + random.random() / 2))
    return status, answer


def _call(url: str, path: str, body: dict[str, Any], token: str) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=35) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError as error:
        raise VisitError(f"{url} does not answer: {error}") from error


def upload(url: str, file: Path, token: str = "", **fields: Any) -> dict[str, Any]:
    """Asks for an upload URL and PUTs the file there; gives the body of /upload. Raises VisitError."""
    kind = mimetypes.guess_type(file.name)[0] or "image/jpeg"
    try:
        photo = file.read_bytes()
    except OSError as error:
        raise VisitError(f"can't be read: {error.strerror}") from error
    request = {"type": "photo", "filename": file.name, "contentType": kind} | fields
    status, answer = call(url, "/upload", request, token)
    body = json.loads(answer["body"]) if "body" in answer else {"error": answer}
    if status != 200:
        raise VisitError(body["error"].get("message", "refused"))
    put = urllib.request.Request(body["UploadURL"], photo, {"Content-Type": kind}, method="PUT")
    try:
        with urllib.request.urlopen(put, timeout=60):
            return body
    except OSError as error:
        raise VisitError(f"the upload failed: {error}") from error


def send(
    url: str, file: Path, out: Path, show: Callable[[str], None], token: str = "", **fields: Any
) -> dict[str, Any]:
    """A whole visit: upload, polls, pictures saved under `out` the moment they are finished; gives the result.

    `token` is the booth's, `fields` are further ones of POST /upload. Raises VisitError.
    """
    uploaded = upload(url, file, token, **fields)
    request_id = str(uuid.uuid4())
    body = {"requestId": request_id, "bucket": uploaded["Bucket"], "key": uploaded["Key"], "wait": 10}
    saved: set[str] = set()
    while True:
        status, result = call(url, "/photo", body, token)
        if status not in (200, 202):
            raise VisitError(result.get("error", result).get("message", "refused"))
        for picture in json.loads(result["url_generated"]):
            if picture not in saved:
                target = out / f"{file.stem}_{picture.rsplit('_', 1)[1]}"
                with urllib.request.urlopen(picture, timeout=30) as answer:
                    target.write_bytes(answer.read())
                saved.add(picture)
                show(f"{file.name}: saved {target}")
        show(f"{file.name}: {result['status']:9} {result['step']:8} {result['progress']:4.0%} {result['time_taken']} s")
        if status == 200:
            return result
        body["progress"] = result["progress"]
