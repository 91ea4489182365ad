"""An account that allows 10 executions of Lambda functions at once, as a new one does: one visitor at a time."""

import io
import json
import os
import signal
import threading
import uuid
from pathlib import Path

import pytest
from PIL import Image

from booth.concurrency import NEW_ACCOUNT
from client.booth import Booth
from tests.support.waiting import await_true


@pytest.fixture
def booth(quick):
    """Ten faces in each photo, models that take a while, and a new account in which nothing else is at work."""
    quick.await_rest()
    quick.app.hold_schedules = True
    for process in quick.app.processes("Sweep"):  # those of the schedule and of earlier tests watch for two minutes
        os.kill(process, signal.SIGKILL)
    await_true(lambda: not quick.app.processes("Sweep"))
    quick.redeploy(LambdaConcurrency=str(NEW_ACCOUNT))
    quick.stand_in("rekognition", canned={"faces": 10})
    quick.stand_in("sagemaker", canned={}, latency=0.5)
    quick.stand_in("bedrock", canned={}, latency=1)
    yield quick
    quick.app.hold_schedules = False
    quick.app.redeploy()


def photo():
    out = io.BytesIO()
    Image.new("RGB", (1024, 768), "silver").save(out, "JPEG")
    return out.getvalue()


def test_ten_faces_are_kept_while_polls_are_held_and_two_sweeps_watch(booth):
    uploaded, request_id = booth.upload(scenes=["sky", "forest", "beach", "reef", "neon"]), str(uuid.uuid4())
    booth.ask(uploaded, request_id)
    for _ in range(2):  # the open record is due within a minute, so both go on watching
        booth.sweep()
    await_true(lambda: booth.app.busy("Sweep") == 2)
    polls, over, refused = [], threading.Event(), booth.app.lambdas.refused

    def poll():
        """A phone's, beside the pad's below."""
        while not over.is_set():
            polls.append(booth.post("/photo", {"requestId": request_id, "wait": 5})[0])

    phone = threading.Thread(target=poll)
    phone.start()
    booth.put(uploaded, photo())
    status = 202
    while status == 202:
        status, answer = booth.ask(uploaded, request_id, wait=5)
        polls.append(status)
    over.set()
    phone.join()

    assert booth.app.lambdas.refused == refused
    assert set(polls) <= {200, 202}
    assert (answer["status"], len(json.loads(answer["url_generated"]))) == ("SUCCEEDED", 5)
    record = booth.record(uploaded)
    assert (record["faces"], record["faces_by_ellipse"]) == (10, 0)


def test_a_visit_gets_on_once_lambda_has_room_again(booth, tmp_path):
    """`local photo` asks again; the page does by itself (web/api.js), and the event waits in Lambda's queue."""
    booth.app.lambdas.concurrency = 0
    status, _, answer = booth.http("POST", booth.url + "/photo", b"{}", booth.headers())
    assert (status, answer) == (500, {"message": "Internal Server Error"})
    file = tmp_path / "photo.jpg"
    file.write_bytes(photo())
    results = []
    visitor = threading.Thread(
        target=lambda: results.append(Booth(booth.url, show=lambda _: None).send(file, Path(tmp_path)))
    )
    visitor.start()
    threading.Event().wait(0.5)
    booth.app.lambdas.concurrency = NEW_ACCOUNT
    visitor.join()

    assert results[0]["status"] == "SUCCEEDED"
