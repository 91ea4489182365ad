"""Visitors, who call as the page does (web/visit.js): POST /upload, PUT, then long polls until the run has ended.

They run in a process of their own, so that their processor time isn't the application's.
"""

import json
import random
import threading
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from typing import Any

WAIT_SECONDS = 10
MIN_POLL_SECONDS = 0.1
PROBE_EVERY_SECONDS = 0.5
PATIENCE_SECONDS = 1200
"""Timeout of a visit: a photo without an end by then counts as lost."""


@dataclass(frozen=True)
class Answer:
    """One answer of POST /photo. Times are seconds since the epoch; status 0: no answer, the connection failed."""

    asked: float
    answered: float
    wait: int
    status: int
    body: dict[str, Any]
    pause: int = 0
    """Retry-After in seconds."""

    @property
    def seconds(self) -> float:
        return self.answered - self.asked


@dataclass
class Visit:
    """One photo as its visitor sees it. Times are seconds since the epoch."""

    key: str = ""
    started: float = 0.0
    upload_seconds: float = 0.0
    """POST /upload, retries included."""
    sent: float = 0.0
    """When the PUT was answered."""
    answers: list[Answer] = field(default_factory=list)
    """Those of every poll, in order."""
    pictures: dict[str, float] = field(default_factory=dict)
    """By URL, when it had been downloaded."""
    retries: int = 0
    """After 408, 429, 5xx, and failed connections."""
    problem: str = ""
    """Why the visitor gave up, if so."""

    @property
    def result(self) -> dict[str, Any] | None:
        """The answer with the run's end; None if there was none."""
        return self.answers[-1].body if self.answers and self.answers[-1].status == 200 else None


def send_all(url: str, photo: bytes, starts: list[float]) -> tuple[list[Visit], list[Answer]]:
    """Sends the photo once at each of the given times (seconds from now, ascending), and waits for every end.

    Returns the visits, and the answers to polls without `wait` about a random one of them, twice a second.
    """
    begun, visits, threads = time.time(), [], []
    under_way: dict[str, dict[str, str]] = {}
    probes: list[Answer] = []
    done = threading.Event()
    prober = threading.Thread(target=_probe, args=(url, under_way, probes, done))
    prober.start()
    for start in starts:
        time.sleep(max(0.0, begun + start - time.time()))
        visits.append(Visit(started=time.time()))
        threads.append(threading.Thread(target=_visit, args=(url, photo, visits[-1], under_way)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    done.set()
    prober.join()
    return visits, probes


def _probe(url: str, under_way: dict[str, dict[str, str]], probes: list[Answer], done: threading.Event) -> None:
    while not done.wait(PROBE_EVERY_SECONDS):
        if asked := list(under_way.values()):
            probes.append(_ask(url, random.choice(asked)))


def _visit(url: str, photo: bytes, visit: Visit, under_way: dict[str, dict[str, str]]) -> None:
    try:
        _send(url, photo, visit, under_way)
    except Exception as problem:
        visit.problem = f"{type(problem).__name__}: {problem}"
    under_way.pop(visit.key, None)


def _send(url: str, photo: bytes, visit: Visit, under_way: dict[str, dict[str, str]]) -> None:
    request_id = str(uuid.uuid4())
    wanted = {"type": "photo", "filename": f"{request_id}.jpg", "contentType": "image/jpeg"}
    _, data, _ = _call_with_retries(
        visit, url + "/upload", json.dumps(wanted).encode(), {"Content-Type": "application/json"}
    )
    visit.upload_seconds = time.time() - visit.started
    uploaded = json.loads(json.loads(data)["body"])
    _call_with_retries(visit, uploaded["UploadURL"], photo, {"Content-Type": uploaded["ContentType"]}, "PUT")
    visit.key, visit.sent = uploaded["Key"], time.time()
    body = {"requestId": request_id, "bucket": uploaded["Bucket"], "key": uploaded["Key"]}
    while time.time() < visit.started + PATIENCE_SECONDS:
        answer = _ask(url, body)
        visit.answers.append(answer)
        if answer.status not in (200, 202):
            if not _is_retryable(answer.status):
                raise RuntimeError(f"POST /photo answered {answer.status}")
            visit.retries += 1
            time.sleep(1)
            continue
        _fetch(visit, json.loads(answer.body["url_generated"]))
        if answer.status == 200:
            return
        under_way[visit.key] = {"requestId": request_id}
        body = {"requestId": request_id, "wait": WAIT_SECONDS, "progress": answer.body["progress"]}
        time.sleep(max(0.0, max(MIN_POLL_SECONDS, answer.pause) - answer.seconds))
    raise RuntimeError("no end")


def _fetch(visit: Visit, urls: list[str]) -> None:
    for url in urls:
        if url not in visit.pictures:
            _, data, _ = _call_with_retries(visit, url, None, {}, "GET")
            if not (data.startswith(b"\xff\xd8\xff") and data.endswith(b"\xff\xd9")):
                raise RuntimeError("a picture is no whole JPEG")
            visit.pictures[url] = time.time()


def _ask(url: str, body: dict[str, Any]) -> Answer:
    asked = time.time()
    status, data, pause = _call(url + "/photo", json.dumps(body).encode(), {"Content-Type": "application/json"})
    return Answer(asked, time.time(), body.get("wait", 0), status, json.loads(data or "{}"), pause)


def _call_with_retries(visit: Visit, url: str, data: bytes | None, headers: dict[str, str], method: str = "POST"):
    """Like `_call`, with retries every second while the status is retryable. Raises RuntimeError unless it gets 200."""
    while _is_retryable((answer := _call(url, data, headers, method))[0]):
        visit.retries += 1
        time.sleep(1)
    if answer[0] != 200:
        raise RuntimeError(f"{method} {url.partition('?')[0]} answered {answer[0]}")
    return answer


def _call(url: str, data: bytes | None, headers: dict[str, str], method: str = "POST") -> tuple[int, bytes, int]:
    """HTTP status (0 if the connection failed), body, and Retry-After in seconds, else 0."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as answer:
            return answer.status, answer.read(), int(answer.headers.get("Retry-After", 0))
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), int(error.headers.get("Retry-After", 0))
    except OSError:
        return 0, b"", 0


def _is_retryable(status: int) -> bool:
    return status in (0, 408, 429) or status >= 500
