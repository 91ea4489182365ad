"""What watching a photo takes: `make bench-polling`. Prints a table in Markdown.

In the local application, over loopback: as many booths at once as `--booths` says each follow a run of 12 s through
`POST /photo`, by its requestId alone, as the pad does. The runs are written into the table by this program, with the
times of a real visit, so nothing else is at work. Four ways of asking: long polls (`wait` 10 with `progress`, the
pad's), and polls every 0.25, 0.5 and 1 s. For each: calls, and reads and writes of DynamoDB, a photo; how long news
waits to be seen; processor time of `photo` a call; and what a photo's polling costs on AWS at `--memory` MB. There a
call is billed for the time that it is held, or, if it isn't, for its processor time at that size's share of a vCPU.
"""

import argparse
import json
import os
import random
import statistics
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import machine, processes

ROOT = Path(__file__).parent.parent

VCPU_MB = 1769
"""At this memory a function has one vCPU; below, in proportion (Lambda's guide, "Memory")."""
ROUND_TRIP_MS = 10
"""What a read of the table takes on AWS on top of processor time: DynamoDB answers in single-digit milliseconds."""
SCRIPT = [
    (1.1, "copy"),
    (1.3, "crop"),
    (1.7, "segment"),
    (3.4, "merge"),
    (3.8, "generate"),
    (11.0, "p1"),
    (11.6, "p2"),
    (12.0, "p3"),
    (12.2, "end"),
]
"""Seconds after the photo's arrival at which there is news, as in a visit with the models' set times."""
SCENES = ["a", "b", "c"]


@dataclass
class Booth:
    """One booth's visit."""

    run: str = field(default_factory=lambda: str(uuid.uuid4()))
    request: str = field(default_factory=lambda: str(uuid.uuid4()))
    written: list[tuple[float, float]] = field(default_factory=list)
    """When (time.monotonic()) each progress was there to be seen."""
    seen: list[tuple[float, float]] = field(default_factory=list)
    """When each answer came, and its progress."""
    held: list[float] = field(default_factory=list)
    """Seconds that each call took."""
    refused: int = 0
    """Calls that were answered with 503."""


def delays(booth: Booth) -> list[float]:
    """How long each piece of news waited to be seen, in seconds. Answers may overtake the note of their news."""
    return [
        max(0.0, next(when for when, progress in booth.seen if progress >= news) - there)
        for there, news in booth.written
    ]


def play(booth: Booth) -> None:
    """Writes the run's course into the table, each again if the machine is too busy for it."""
    from booth.errors import ServiceUnavailable
    from booth.http import contract
    from booth.runs import store

    began = time.monotonic()
    for moment, what in SCRIPT:
        time.sleep(max(0.0, began + moment - time.monotonic()))
        while True:
            try:
                write(booth.run, what)
                progress = contract.progress(store.get(booth.run))
                break
            except ServiceUnavailable:
                continue
        booth.written.append((time.monotonic(), progress))


def write(run: str, what: str) -> None:
    """One line of SCRIPT."""
    from booth import scenes
    from booth.run import Status
    from booth.runs import store

    if what == "copy":
        store.publish_copy(run, f"photo/{run}.jpg", scenes.chosen(tuple(SCENES)))
    elif what == "end":
        record = store.get(run)
        store.end(record, Status.SUCCEEDED, "", record.pictures)
    elif what.startswith("p"):
        store.publish_picture(run, int(what[1:]), f"photo/photo_{run}_{what[1:]}.jpeg")
    else:
        store.enter(run, what)


def follow(booth: Booth, url: str, wait: int, pause: float) -> None:
    """Asks until the run has ended."""
    body: dict[str, object] = {"requestId": booth.request, "wait": wait}
    while True:
        asked = time.monotonic()
        request = urllib.request.Request(f"{url}/photo", json.dumps(body).encode(), method="POST")
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, value = answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            booth.refused += 1
            time.sleep(1)
            continue
        now = time.monotonic()
        booth.held.append(now - asked)
        booth.seen.append((now, value["progress"]))
        if status == 200:
            return
        body["progress"] = value["progress"]
        time.sleep(max(0.0, pause - (now - asked)))


def visit(booth: Booth, url: str, wait: int, pause: float) -> None:
    time.sleep(random.random())
    writer = threading.Thread(target=play, args=(booth,))
    writer.start()
    follow(booth, url, wait, pause)
    writer.join()


def measure(app, booths: int, wait: int, pause: float, memory: int) -> str:
    """One way of asking: a row of the table."""
    from booth.runs import store, uploads

    visits = [Booth() for _ in range(booths)]
    for each in visits:
        given = {"scenes": SCENES, "content_type": "image/jpeg", "consent": None}
        uploads.issue(each.run, f"photo/{each.run}.jpg", picture_id=each.run, **given)
        uploads.bind(store.get(each.run), each.request)
        store.claim(each.run, "1")
        store.enter(each.run, "detect")  # a run that waits would be started by whoever asks for it
    before = processes.cpu_seconds(app.processes("Photo"))
    app.traffic.take()
    threads = [threading.Thread(target=visit, args=(each, app.url, wait, pause)) for each in visits]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    calls = sum(len(each.held) for each in visits) / booths
    per_call = (processes.cpu_seconds(app.processes("Photo")) - before) / booths / calls
    if refused := sum(each.refused for each in visits):
        print(f"{refused} calls were answered with 503", file=sys.stderr)
    waited = sorted(delay for each in visits for delay in delays(each))
    held = sum(map(sum, (each.held for each in visits))) / booths
    traffic = app.traffic.take()
    reads = traffic["Photo", "dynamodb.GetItem"].requests / booths
    update = traffic.get(("Photo", "dynamodb.UpdateItem"))  # who asks again and again instead of waiting makes none
    writes = update.requests / booths if update else 0
    billed = held if wait else calls * (per_call * max(1, VCPU_MB / memory) + 2 * ROUND_TRIP_MS / 1000)
    price = tomllib.loads((ROOT / "benchmarks" / "prices.toml").read_text())
    cost = billed * memory / 1024 * price["lambda"]["gb_second"] + reads * price["dynamodb"]["read"]
    cost += writes * price["dynamodb"]["write"]
    cost += calls * (price["lambda"]["request"] + price["api"]["request"])
    way = f"`wait` {wait}" if wait else f"every {pause} s"
    median, worst = statistics.median(waited), waited[int(len(waited) * 0.95)]
    figures = (
        f"{calls:.0f} | {reads:.0f} | {writes:.0f} | {median:.2f} | {worst:.2f} | {per_call * 1000:.1f} | {billed:.2f}"
    )
    return f"| {way} | {figures} | {cost * 1e6:.0f} | {billed / 12:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.polling", description=__doc__)
    parser.add_argument(
        "--booths", type=int, default=20, help="booths at once, at most 200; a process for each held call"
    )
    parser.add_argument("--memory", type=int, default=512, help="MemorySize that costs are reckoned for")
    parser.add_argument("--ways", nargs="+", default=["10:0.1", "0:0.25", "0:0.5", "0:1"], help="wait:pause in seconds")
    arguments = parser.parse_args()
    if not 1 <= arguments.booths <= 200:
        parser.error("1 to 200 booths")
    from local.app import App
    from local.lambdas.function import Function

    booths = arguments.booths
    Function.concurrency = booths  # usually fewer, for a local booth's sake
    with App(port=0) as app:
        os.environ["TABLE"] = app.stack.tables["Table"].name
        print(machine.line(), f"{booths} booths, {arguments.memory} MB", sep=", ")
        print(
            "\n| asking | calls | reads | writes | news after, s | 95 % | CPU ms a call | billed s | $ for a million "
            "| at once |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|")
        for part in (booths // 8, booths // 4, booths // 2, booths):  # starts the processes, not all in one moment
            measure(app, max(1, part), 10, 0.1, arguments.memory)
        for way in arguments.ways:
            wait, pause = way.split(":")
            print(measure(app, booths, int(wait), float(pause), arguments.memory), flush=True)


if __name__ == "__main__":
    main()
