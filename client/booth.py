"""A booth, seen from outside: the calls of its HTTP API as the pad makes them, with retries."""

import http.client
import json
import random
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from pathlib import Path
from typing import Any

LONGEST_BACKOFF_SECONDS = 5
"""Longest pause before a call is retried."""
ATTEMPTS = 8
"""Of one call while it is answered with a transient error, in 20 seconds on average: 5xx, of which 500 is also what API
Gateway makes of a function that Lambda throttles, and its own 429, which has a `message`."""


class VisitError(Exception):
    """The booth refused a call or could not be reached."""


class Paused(VisitError):
    """Staff have closed the booth for visitors; the text says until when, and why."""


class NoAnswer(VisitError):
    """Nobody answered, or not as a booth does: another server's page, an error of the CDN's."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a POST would become a GET, and the booth's token would go to another server."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """None: the redirect itself is the answer."""


_open = urllib.request.build_opener(_NoRedirects).open


@dataclass(frozen=True)
class Booth:
    """A booth, here or on AWS."""

    url: str
    token: str = ""
    """The pad's, where one is needed."""
    show: Callable[[str], None] = print
    """Is told what goes on."""
    retry_until: float = 0
    """Until then (time.monotonic) a call is retried after a transient error, and also when no booth answered."""

    def catalogue(self) -> dict[str, Any]:
        """The answer of GET /scenes, which only a booth gives. Raises NoAnswer."""
        status, _, answer = self._with_retries(lambda: self._ask("/scenes"))
        if not isinstance(answer.get("scenes"), list) or not isinstance(answer.get("default"), list):
            raise NoAnswer(f"{self.url} is no booth: /scenes answered HTTP {status} without scenes")
        return answer

    def call(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """POSTs JSON; gives HTTP status and answer. Raises NoAnswer."""
        status, _, answer = self._with_retries(lambda: self._ask(path, json.dumps(body).encode()))
        return status, answer

    def poll(self, body: dict[str, Any]) -> tuple[int, dict[str, Any], int]:
        """POST /photo; gives HTTP status, answer, and in how many seconds to ask again (Retry-After), else 0."""
        status, pause, answer = self._with_retries(lambda: self._ask("/photo", json.dumps(body).encode()))
        return status, answer, pause

    def delete(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """DELETE /photo; gives HTTP status and answer. Raises NoAnswer."""
        status, _, answer = self._with_retries(lambda: self._ask("/photo", json.dumps(body).encode(), "DELETE"))
        return status, answer

    def upload(self, file: Path, **fields: Any) -> dict[str, Any]:
        """Asks for an upload URL and PUTs the file there; gives the body of /upload.

        `fields` are further ones of POST /upload. Raises Paused, VisitError.
        """
        try:
            photo = file.read_bytes()
        except OSError as error:
            raise VisitError(f"can't be read: {error.strerror}") from error
        kind = _content_type(photo)
        status, answer = self.call("/upload", {"type": "photo", "filename": file.name, "contentType": kind} | fields)
        if pause := _pause_in(answer):
            raise Paused(pause)
        body = json.loads(answer["body"]) if "body" in answer else answer
        if status != 200:
            raise VisitError(_reason(body))
        put = urllib.request.Request(body["UploadURL"], photo, {"Content-Type": kind}, method="PUT")
        status, _, _ = self._with_retries(lambda: _fetch(put, "the uploads bucket", 60))
        if status != 200:
            raise VisitError(f"the upload failed: HTTP {status}")
        return body

    def send(self, file: Path, out: Path, **fields: Any) -> dict[str, Any]:
        """A whole visit: upload, polls, pictures saved under `out` the moment they are finished; gives the result.

        `fields` are further ones of POST /upload. Raises Paused, VisitError.
        """
        uploaded = self.upload(file, **fields)
        body = {"requestId": str(uuid.uuid4()), "bucket": uploaded["Bucket"], "key": uploaded["Key"]}
        saved: set[str] = set()
        result: dict[str, Any] = {}
        for result in self.follow(body):
            for picture in json.loads(result["url_generated"]):
                if picture not in saved:
                    target = out / f"{file.stem}_{picture.rsplit('_', 1)[1]}"
                    target.write_bytes(self._picture(picture))
                    saved.add(picture)
                    self.show(f"{file.name}: saved {target}")
            state = f"{result['status']:9} {result['step']:8} {result['progress']:4.0%}"
            self.show(f"{file.name}: {state} {result['time_taken']} s")
        return result

    def follow(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Long polls for a visit until it has ended; gives each answer, the result last. Raises VisitError."""
        asked = body | {"wait": 10}
        while True:
            status, result, pause = self.poll(asked)
            if status not in (200, 202):
                raise VisitError(_reason(result))
            yield result
            if status == 200:
                return
            asked["progress"] = result["progress"]
            time.sleep(pause)

    def _picture(self, url: str) -> bytes:
        def fetch() -> tuple[int, Any, bytes]:
            status, head, content = _fetch(urllib.request.Request(url), url, 30)
            if status != 200 or head.get_content_type() != "image/jpeg":
                raise NoAnswer(f"{url} answered HTTP {status} with {head.get_content_type()}, not with a picture")
            return status, head, content

        return self._with_retries(fetch)[2]

    def _ask(self, path: str, data: bytes | None = None, method: str | None = None) -> tuple[int, int, dict[str, Any]]:
        """HTTP status, Retry-After in seconds and answer of one call. Raises NoAnswer if it is no JSON object."""
        headers = {"Content-Type": "application/json"} if data else {}
        if data and self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        address = self.url + path
        status, head, content = _fetch(urllib.request.Request(address, data, headers, method=method), self.url, 35)
        if 300 <= status < 400:
            raise NoAnswer(f"{address} redirects to {head['Location']}: use the booth's own address")
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise NoAnswer(
                f"{address} answered HTTP {status} with {head.get_content_type()}: no answer of a booth's (yet)"
            )
        return status, int(head.get("Retry-After", 0)), answer

    def _with_retries(self, ask: Callable[[], tuple]) -> tuple:
        """What `ask` gives, a tuple that begins with the HTTP status; asks again while that is a transient error.

        Backs off exponentially, with jitter. Raises NoAnswer.
        """
        attempt = 0
        while True:
            attempt += 1
            before_deadline = time.monotonic() < self.retry_until
            try:
                answer = ask()
                if not _is_transient(answer) or not (before_deadline or attempt < ATTEMPTS):
                    return answer
                self.show(f"HTTP {answer[0]}; trying again")
            except NoAnswer as error:
                if not before_deadline:
                    raise
                self.show(f"{error}; trying again")
            time.sleep(min(2 ** (attempt - 1), LONGEST_BACKOFF_SECONDS) * (0.5 + random.random() / 2))


def _is_transient(answer: tuple) -> bool:
    status, *_, content = answer
    if status >= 500:
        return not _pause_in(content)
    return status == 429 and isinstance(content, dict) and "message" in content


def _pause_in(answer: Any) -> str:
    """Until when a booth is paused, and why, by its answer to POST /upload; empty for any other answer."""
    try:
        error = json.loads(answer["body"])["error"]
        if error["code"] != "Paused":
            return ""
        until = datetime.fromtimestamp(error["until"]).astimezone() if error["until"] else None
        end = f"until {until:%Y-%m-%d %H:%M %Z}" if until else "until further notice"
        return f"the booth is paused {end}: {error['message']}"
    except (LookupError, TypeError, ValueError):
        return ""


def shortfall(result: dict[str, Any], wanted: int, keep: str | None = None) -> str:
    """Why the result of a visit is less than the pictures that were asked for; empty if it isn't.

    Args:
        keep: what they were to keep; None for nothing in particular.
    """
    if result["status"] == "FAILED":
        return f"ended FAILED: {_reason(result)}"
    done = len(json.loads(result["url_generated"]))
    reasons = {each["error"]["message"] for each in result["pictures"] if each["error"]}
    if done != wanted:
        return " ".join([f"{done} of {wanted} pictures came.", *sorted(reasons)])
    others = sum(each.get("keep", "face") != keep for each in result["pictures"]) if keep else 0
    return f"{others} of {wanted} pictures do not keep the {keep}." if others else ""


def _content_type(photo: bytes) -> str:
    """By the first bytes: a file's name is often wrong. What is no photo is sent all the same: the booth refuses it."""
    if photo.startswith(b"\x89PNG"):
        return "image/png"
    if photo[8:12] == b"WEBP":
        return "image/webp"
    return "image/heic" if photo[4:8] == b"ftyp" else "image/jpeg"


def _reason(answer: dict[str, Any]) -> str:
    """Why a call was refused: our error's message, or API Gateway's."""
    error = answer.get("error") or answer
    return error.get("message", "refused") if isinstance(error, dict) else str(error)


def _fetch(request: urllib.request.Request, server: str, seconds: float) -> tuple[int, Message, bytes]:
    """Status, headers and body of an answer, whatever its status. Raises NoAnswer, naming the server."""
    try:
        with _open(request, timeout=seconds) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"{server} does not answer: {error}") from error
