"""One odd photo through the running application."""

import json
import time
import urllib.request
from pathlib import Path

from PIL import Image

from booth.pixels import encoding, intake
from client.booth import Booth
from local.app import App
from tests.odd_photos.checks import broken_promises, psnr
from tests.odd_photos.compositions import PHOTOS
from tests.support import kept_faces

LOSS = 3.0
"""In dB: so much farther from the photo than the photo's own JPEG may the faces in a picture be. The blocks of 8 x 8
pixels at their edges hold something else. Faces a pixel aside are some 20 dB farther."""


def memory_of(app: App, function: str) -> int:
    """Greatest resident memory so far of a function's processes (its logical id), in MB, as Linux tells it."""
    peaks = [0]
    for pid in app.processes(function):
        try:
            [line] = [l for l in Path(f"/proc/{pid}/status").read_text().splitlines() if l.startswith("VmHWM")]
            peaks.append(int(line.split()[1]) // 1024)
        except (OSError, ValueError):  # it has just ended
            pass
    return max(peaks)


class Trial:
    """The running application, and what one photo in it came to. `side`: its PictureSide."""

    def __init__(self, app: App, side: int = intake.PHOTO_SIDE):
        self.app, self.side = app, side
        self.steps, self.table = app.client("stepfunctions"), app.client("dynamodb")
        self.models = kept_faces.Models()

    def send(self, name: str, out: Path, **fields: object) -> tuple[dict[str, object], list[str]]:
        """The photo through the application; a row of figures, and what is wrong. `fields`: as for `Booth.send`."""
        file = out / f"{name.replace(' ', '_').replace(':', '_').replace(',', '')}.jpg"
        file.write_bytes(PHOTOS[name].make())
        case = self.models(file.read_bytes(), self.side)
        wrong = list(broken_promises(case))
        started = time.monotonic()
        result = Booth(self.app.url, show=lambda _: None).send(file, out, **fields)
        row: dict[str, object] = {"photo": name, "size": "x".join(map(str, Image.open(file).size))}
        row |= {
            "faces": len(case.faces) + len(case.others),
            "visitors": len(case.faces),
            "kept": f"{case.keep.mean():.0%}",
            "ended": result["status"],
        }
        requests = [len(each) for each in self.models.requests(case.photo, case.faces)]
        row |= {"crops": len(requests), "largest request": f"{max(requests, default=0) // 1000} kB"}
        near = []
        for url in json.loads(result["url_generated"]):
            with urllib.request.urlopen(url) as answer:
                near.append(psnr(encoding.decode(answer.read()), case))
        best = psnr(encoding.decode(encoding.encode_jpeg(case.photo)), case)
        row |= {"PSNR": f"{min(near, default=0):.1f} of {best:.1f}"} | self._run(result)
        row |= {"s": f"{time.monotonic() - started:.0f}", "memory": f"{memory_of(self.app, 'DetectFaces')} MB"}
        if row["visitors"] != PHOTOS[name].visitors or row["counted"] != row["visitors"]:
            wrong.append(f"{row['visitors']} visitors, and {row['counted']} counted, not {PHOTOS[name].visitors}")
        if result["status"] != "SUCCEEDED":
            wrong.append(f"it ended {result['status']}: {result['error']}")
        if near and min(near) < best - LOSS:
            wrong.append(f"the faces in a picture are not the photo's: {min(near):.1f} dB, not {best:.1f}")
        return row, wrong

    def _run(self, result: dict) -> dict[str, object]:
        """Of the last execution: faces kept by the ellipse, and the sizes of its state and record in bytes."""
        machine = self.app.stack.state_machines["PhotoMachine"].arn
        newest = max(self.steps.list_executions(stateMachineArn=machine)["executions"], key=lambda e: e["startDate"])
        pages = self.steps.get_paginator("get_execution_history").paginate(executionArn=newest["executionArn"])
        sizes = [len(json.dumps(event, default=str)) for page in pages for event in page["events"]]
        key = {"pk": {"S": f"run#{newest['name']}"}}
        record = self.table.get_item(TableName=self.app.stack.tables["Table"].name, Key=key)["Item"]
        counted = int(record.get("faces", {"N": "0"})["N"])
        by_ellipse = int(record.get("faces_by_ellipse", {"N": "0"})["N"])
        return {
            "counted": counted,
            "by ellipse": by_ellipse,
            "state": max(sizes),
            "events": len(sizes),
            "record": len(json.dumps(record)),
        }
