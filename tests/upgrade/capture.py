"""Captures what a release leaves for the next one to finish: `make released REVISION=<commit>`.

Runs that commit's own application and brings a visit to each stage at which a deployment can meet it. released.json,
which is committed, then holds the state machine's definition and, for each stage, the visit's records and objects and
the input of the state that would come next. A run is held before a state by a definition in which that state is an end.
"""

import argparse
import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from tests.support.booth import Booth

ROOT = Path(__file__).resolve().parent.parent.parent
RELEASED = Path(__file__).parent / "released.json"

FACES = 10
STATES = ("DetectFaces", "CropFaces", "SegmentCrops", "MergeMasks", "GenerateImages", "Finish")
"""The states before which a visit is held, each a stage of that name."""

MINUTES_BETWEEN_TURNS = {"ImageModels": "amazon.titan-image-generator-v2:0@us-east-1=1"}


class Capture:
    """The application of this tree, with canned models, and the visits that were captured in it."""

    def __init__(self, app: Any):
        self.app, self.booth = app, Booth(app)
        self.definition = app.stack.state_machines["PhotoMachine"].definition
        self.stages: dict[str, dict[str, Any]] = {}
        self.bodies: dict[str, str] = {}
        """The objects' bytes in base64, by their hash: most stages hold the same ones."""
        for service in ("rekognition", "sagemaker"):
            self.booth.stand_in(service, canned={"faces": FACES})

    def begin(self, before: str = "", **bedrock: Any) -> None:
        """A new visit, whose execution will end before the state `before`, to the moment at which its URL is there."""
        self.booth.forget_pace()
        self.booth.stand_in("bedrock", canned={}, **bedrock)
        ends = {before: {"Type": "Succeed"}} if before else {}
        definition = self.definition | {"States": self.definition["States"] | ends}
        self.booth.steps.update_state_machine(stateMachineArn=self.booth.machine, definition=json.dumps(definition))
        consent = {"policy": "1", "language": "en", "time": "2026-11-28T10:00:00Z", "wall": False}
        self.visit, self.request = self.booth.upload(consent=consent), str(uuid.uuid4())
        self.booth.ask(self.visit, self.request)
        record = self.booth.record(self.visit)
        self.names = {"run": record["run"], "picture": record["picture_id"]}
        self.names |= {"key": self.visit["Key"], "request": self.request}

    def put(self) -> None:
        """The photo comes."""
        out = io.BytesIO()
        Image.new("RGB", (1024, 768), "silver").save(out, "JPEG")
        assert self.booth.put(self.visit, out.getvalue()) == 200

    def await_end(self) -> Any:
        """The output of the visit's execution, which has ended; None if it failed."""
        arn = f"{self.booth.machine.replace(':stateMachine:', ':execution:')}:{self.names['run']}"
        await_true(lambda: self.booth.executions(self.names["run"]))
        await_true(lambda: self.booth.steps.describe_execution(executionArn=arn)["status"] != "RUNNING")
        output = self.booth.steps.describe_execution(executionArn=arn).get("output")
        return output and json.loads(output)

    def keep(self, stage: str, state_input: Any = None) -> None:
        """Writes down what there is of the visit now; then it is deleted.

        Settings are left out: they name this application's CDN, and an updated stack keeps its own. So are counters and
        the day's figures, which are of all visits together.
        """
        run, s3 = self.names["run"], self.booth.s3
        pages = self.booth.table.get_paginator("scan").paginate(TableName=self.booth.table_name)
        items = [item for page in pages for item in page["Items"]]
        places = [(self.app.results_bucket, key, {}) for key in self.results()]
        places += [
            (self.visit["Bucket"], self.visit["Key"], {"VersionId": each["VersionId"]})
            for each in self.booth.versions(self.visit)
        ]
        self.stages[stage] = {
            "at": int(time.time() * 1000),
            "names": self.names,
            "input": state_input,
            "items": sorted(
                (
                    item
                    for item in items
                    if item.get("run", {}).get("S", "") in ("", run)
                    and not item["pk"]["S"].startswith(("setting#", "count#", "stats#"))
                ),
                key=lambda item: item["pk"]["S"],
            ),
            "objects": [
                {"bucket": "uploads" if version else "results", "key": key, "type": found["ContentType"]}
                | {"version": found.get("VersionId", ""), "body": self.hash_of(found["Body"].read())}
                for bucket, key, version in places
                for found in [s3.get_object(Bucket=bucket, Key=key, **version)]
            ],
        }
        print(f"{stage}: {len(self.stages[stage]['items'])} records, {len(places)} objects", file=sys.stderr)
        self.app.fail()
        self.app.drop_events = False
        self.booth.await_idle()
        self.booth.delete(self.request)

    def hash_of(self, body: bytes) -> str:
        """The name under which an object's bytes are kept."""
        name = hashlib.sha256(body).hexdigest()[:16]
        self.bodies[name] = base64.b64encode(body).decode()
        return name

    def results(self) -> list[str]:
        """Keys in the results bucket that are the visit's."""
        heads = (f"work/{self.names['run']}/", f"photo/photo_{self.names['picture']}_", self.names["key"])
        return [key for head in heads for key in self.booth.results(head)]


def capture(app: Any) -> dict[str, Any]:
    """All stages, and the definition with `${X}` in place of the ARN of the function X."""
    booth = Capture(app)
    booth.begin()
    booth.keep("waiting for the photo")

    app.drop_events = True
    booth.begin()
    booth.put()
    booth.keep("the photo's event lost")

    booth.begin()
    app.fail({"kind": "denied", "match": "Start states:StartExecution *"})
    booth.put()
    await_true(lambda: "claimed" in booth.booth.record(booth.visit))
    booth.keep("claimed, not started")

    for state in STATES:
        # The last one has a picture that failed, so that its input and the record hold every form of a picture.
        faults = [{"kind": "filtered-prompt", "times": 1}] if state == "Finish" else []
        booth.begin(state, faults=faults)
        booth.put()
        booth.keep(state, booth.await_end())

    app.redeploy(**MINUTES_BETWEEN_TURNS)
    booth.begin("GenerateImages")
    booth.put()
    booth.keep("waiting for its turns", booth.await_end())
    app.redeploy()

    booth.begin()
    app.fail({"kind": "denied", "match": "Finish s3:DeleteObject *"})
    booth.put()
    booth.await_end()
    booth.keep("ended, not cleaned")

    booth.begin()
    booth.put()
    booth.await_end()
    booth.keep("ended")

    booth.begin()
    app.fail({"kind": "denied", "match": "DetectFaces rekognition:DetectFaces *"})
    booth.put()
    booth.await_end()
    booth.keep("failed, may be tried again")

    booth.begin()
    booth.put()
    booth.await_end()
    app.fail({"kind": "denied", "match": "DeletePhoto s3:DeleteObject *"})
    booth.booth.delete(booth.request)
    booth.keep("deleted, not erased")

    booth.begin()
    booth.put()
    booth.await_end()
    booth.booth.delete(booth.request)
    booth.keep("deleted")

    booth.begin()
    booth.put()
    booth.await_end()
    booth.booth.delete(booth.request)
    booth.booth.age(booth.visit, 3600)
    booth.booth.sweep()
    await_true(lambda: "key" not in booth.booth.record(booth.visit))
    booth.keep("forgotten")

    definition = json.dumps(booth.definition)
    for name, function in app.stack.functions.items():
        definition = definition.replace(f':function:{function.name}"', f':function:${{{name}}}"')
    return {"definition": json.loads(definition), "stages": booth.stages, "bodies": booth.bodies}


def await_true(condition: Callable[[], Any], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("a visit did not come to its stage")
        time.sleep(0.05)


def capture_revision(revision: str) -> dict[str, Any]:
    """What the application of a commit leaves; runs in a checkout of it, with this interpreter and today's weights."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT)]
        subprocess.run([*git, "worktree", "add", "--quiet", "--detach", tree, revision], check=True)
        try:
            (tree / "models").symlink_to(ROOT / "models")
            (tree / "tests" / "upgrade").mkdir(exist_ok=True)
            for name in ("__init__.py", "capture.py"):
                (tree / "tests" / "upgrade" / name).write_bytes((Path(__file__).parent / name).read_bytes())
            environment = os.environ | {"PYTHONPATH": f"{tree}{os.pathsep}{tree / 'functions'}"}
            command = [sys.executable, "-m", "tests.upgrade.capture"]
            done = subprocess.run(command, cwd=tree, env=environment, check=True, stdout=subprocess.PIPE)
            commit = subprocess.run([*git, "rev-parse", revision], check=True, stdout=subprocess.PIPE, text=True)
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", tree], check=True)
    return {"revision": commit.stdout.strip()} | json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade.capture", description=__doc__)
    parser.add_argument("revision", nargs="?", help="a commit; without it, of this tree, to standard output")
    revision = parser.parse_args().revision
    if revision:
        try:
            captured = capture_revision(revision)
        except (OSError, subprocess.CalledProcessError) as error:  # no git, no such commit, or what is said above
            sys.exit(f"{revision} could not be captured: {error}")
        RELEASED.write_text(json.dumps(captured, indent=1) + "\n", encoding="utf-8")
        return
    from local.app import App

    with App(port=0) as app:
        json.dump(capture(app), sys.stdout)


if __name__ == "__main__":
    main()
