"""Visits to the local application with set latencies, and what each did: times, history, log lines, traffic."""

import io
import json
import time
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.processes import cpu_seconds
from client.booth import Booth
from local.app import App
from local.traffic import Count

ROOT = Path(__file__).parent.parent
PORTRAIT = ROOT / "tests" / "photos" / "astronaut.jpg"

SET = {"rekognition": 0.6, "sagemaker": 1.5, "bedrock": 8.0}
"""Seconds that a call of each stand-in takes."""
CRITICAL_SECONDS = sum(SET.values())
"""What no order of the calls can go below: find the faces, cut them out, paint."""
SPREADS = {"rekognition": 0.2, "sagemaker": 0.25, "bedrock": 0.3}
"""Sigma of the log-normal times of the other profile, of which SET are the medians: one call in twenty then takes 1.4,
1.5 and 1.6 times its median. Assumed, not measured: published times of image models lie between 3 and 15 s."""
MIN_POLL_SECONDS = 0.1
"""As web/visit.js: the pause between two polls, if an answer came at once."""


def page_photo() -> bytes:
    """A photo as the page's camera takes it: a JPEG of 2048 x 1536 pixels."""
    with Image.open(PORTRAIT) as portrait:
        out = io.BytesIO()
        portrait.resize((2048, 2048), Image.Resampling.LANCZOS).crop((0, 0, 2048, 1536)).save(out, "JPEG", quality=92)
    return out.getvalue()


def spread(seed: int) -> dict[str, dict]:
    """The stand-ins' latencies, spread as models' times are."""
    return {name: {"median": SET[name], "sigma": SPREADS[name], "seed": seed} for name in SET}


def set_models(app: App, faces: int, latencies: dict) -> None:
    """Gives the stand-ins canned answers, with so many faces that each has a crop of its own, and latencies."""
    canned = {"rekognition": {"faces": faces}, "sagemaker": {}, "bedrock": {}}
    for name, answer in canned.items():
        settings = {"canned": answer, "latency": latencies[name]}
        url = f"{app.standins_url}/standins/{name}"
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(settings).encode(), method="PUT")).close()


def told(app: App, service: str) -> dict:
    """How a stand-in is set, and its calls and bytes of bodies since it began."""
    with urllib.request.urlopen(f"{app.standins_url}/standins/{service}") as answer:
        return json.load(answer)


def model_bytes(app: App) -> int:
    """Bytes of bodies to and from the models so far."""
    return sum(told(app, name)[way] for name in SET for way in ("received", "sent"))


@dataclass(frozen=True)
class Visit:
    """One visit, as the pad made it; times in seconds from its first call."""

    run: str
    first: float
    """When the first picture's address had come."""
    all: float
    """When the answer had come that says it has ended, with all pictures."""
    calls: int
    """Calls of the API."""
    pictures: list[str]
    """Addresses, the copy of the photo first."""
    request_id: str


def visit_as_pad(app: App, photo: bytes, keep: str = "face", wall: bool = False) -> Visit:
    """A visit as web/visit.js makes it: upload, PUT, bind the requestId, then polls that wait for news.

    With `wall` its visitor agrees to the event's wall.

    Raises RuntimeError if not every picture came, or one keeps something else.
    """
    booth, began, first = Booth(app.url), time.monotonic(), 0.0
    asked = {"type": "photo", "filename": f"{uuid.uuid4()}.jpeg", "contentType": "image/jpeg", "keep": keep}
    if wall:
        asked["consent"] = {"policy": "1", "language": "en", "time": "2026-11-29T10:00:00Z", "wall": True}
    _, envelope = booth.call("/upload", asked)
    uploaded = json.loads(envelope["body"])
    put = urllib.request.Request(uploaded["UploadURL"], photo, {"Content-Type": "image/jpeg"}, method="PUT")
    urllib.request.urlopen(put).close()
    request_id = str(uuid.uuid4())
    booth.call("/photo", {"requestId": request_id, "bucket": uploaded["Bucket"], "key": uploaded["Key"]})
    calls, body = 2, {"requestId": request_id, "wait": 10}
    while True:
        asked_at = time.monotonic()
        status, answer, pause = booth.poll(body)
        calls += 1
        pictures = json.loads(answer["url_generated"])
        if pictures and not first:
            first = time.monotonic() - began
        if status == 200:
            break
        body["progress"] = answer["progress"]
        time.sleep(max(0.0, asked_at + max(MIN_POLL_SECONDS, pause) - time.monotonic()))
    ended = time.monotonic() - began
    if answer["status"] != "SUCCEEDED":
        raise RuntimeError(f"the visit ended {answer['status']}: {answer['error']}")
    if {each["keep"] for each in answer["pictures"]} != {keep}:
        raise RuntimeError(f"not every picture keeps the {keep}")
    return Visit(_newest_run(app), first, ended, calls, [answer["url_original"], *pictures], request_id)


def _newest_run(app: App) -> str:
    machine = app.stack.state_machines["PhotoMachine"].arn
    executions = app.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return max(executions, key=lambda each: each["startDate"])["name"]


@dataclass(frozen=True)
class Record:
    """What a visit left behind when its execution had ended."""

    visit: Visit
    history: list[dict]
    """Events of GetExecutionHistory."""
    log: list[str]
    """Lines of the functions' log, each prefixed with `[function] `."""
    traffic: dict[tuple[str, str], Count]
    """Requests to the emulated services, by caller and kind."""
    model_bytes: int
    cpu_seconds: float
    """Processor time of the functions."""


def record_visit(app: App, photo: bytes, keep: str = "face", wall: bool = False) -> Record:
    """A visit, with all that it did, what goes on after the last picture has shown included."""
    lines, bytes_before, cpu = len(read_log(app)), model_bytes(app), cpu_seconds(app.lambdas.processes())
    app.traffic.take()
    made = visit_as_pad(app, photo, keep, wall)
    history = await_history(app, made.run)
    time.sleep(0.5)  # the last lines are on their way through pipes
    traffic = app.traffic.take()
    spent = cpu_seconds(app.lambdas.processes()) - cpu
    return Record(made, history, read_log(app)[lines:], traffic, model_bytes(app) - bytes_before, spent)


def await_history(app: App, run: str, seconds: float = 30) -> list[dict]:
    """The events of the run's execution when it has ended. Raises TimeoutError."""
    steps = app.client("stepfunctions")
    arn = app.stack.state_machines["PhotoMachine"].arn.replace(":stateMachine:", ":execution:") + f":{run}"
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        events = steps.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        if events[-1]["type"].startswith("Execution") and len(events) > 1:
            return events
        time.sleep(0.1)
    raise TimeoutError("the execution did not end")


def read_log(app: App) -> list[str]:
    """The lines of the functions' log so far."""
    return app.log_path.read_text(encoding="utf-8").splitlines()


def open_app(**parameters: str) -> App:
    """The application on a free port, to be used in a `with`, with these parameters of the template."""
    return App(port=0, parameters=parameters)
