"""Many photos at once, then a steady stream of them: `make load N=50`, or `python -m benchmarks.load`.

The local application, with canned answers that take as long as real models, and visitors who call as the pad does:
first `--photos` at once, then `--stream` a minute for `--minutes`, while a share of all model calls fails (errors,
throttles, broken connections, garbage, filtered pictures). Then every photo's end, what it cost and what it left are
looked at from behind. With `--quota` the image model takes only so many requests, and photos wait for their turns
(`make pacing`). Exits with 1 if a promise of docs/reliability.md is broken.
"""

import argparse
import json
import multiprocessing
import os
import re
import statistics
import sys
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import visitors
from benchmarks.visitors import Answer, Visit
from local.app import ROOT, App

sys.path.append(str(ROOT / "functions"))  # as in Lambda

from booth import limits

PHOTO = ROOT / "tests" / "photos" / "astronaut.jpg"
REGIONS = ("us-east-1", "us-west-2", "us-east-2")
LATENCIES = {"rekognition": 0.6, "sagemaker": 1.5, "bedrock": 8.0}
"""Seconds that a model takes, whatever it answers."""

AWS_FAULTS = ("ServiceUnavailable", "Throttled", "OutputBlocked", "ModelsUnavailable")
"""What a photo may fail with here: nothing is wrong with it, and the booth has time enough."""

SAMPLE_SECONDS = 1.0
STATUS_SECONDS = 1.0
"""95 % of the answers about a photo's status, asked for without `wait`, take no longer."""

TRUE = 0.2
SHORT_SECONDS = 5
"""Waiting times below this are not compared: turns are told in whole seconds."""
SAME_TIME_SECONDS = 10
"""Photos that come within this come together: which face is found first is chance."""
RARE = 0.02
"""With pacing, at most this share of the model calls meets a used-up quota."""

SAME = 1.15
"""A last photo costs at most this much of a first one; which photos meet faults is chance."""

TIMED = ("Photo", "Sweep", "Purge")
"""Functions whose calls depend on the time that passes, not on the photos alone."""


def faults(share: float) -> dict[str, list[dict[str, Any]]]:
    """Faults for each model that strike this share of its calls, in equal parts."""
    broken = [{"kind": "reset"}, {"kind": "malformed"}]
    mixes = {
        "rekognition": [
            {"status": 500, "type": "InternalServerError", "message": "failed"},
            {"status": 400, "type": "ThrottlingException", "message": "slow down"},
        ],
        "sagemaker": [
            {"status": 424, "type": "ModelError", "message": "failed"},
            {"status": 400, "type": "ThrottlingException", "message": "slow down"},
        ],
        "bedrock": [
            {"status": 500, "type": "InternalServerException", "message": "failed"},
            {"kind": "throttled"},
            {"kind": "filtered-output"},
        ],
    }
    together = {name: broken + mix for name, mix in mixes.items()}
    return {name: [fault | {"share": share / len(mix)} for fault in mix] for name, mix in together.items()}


# What the application does meanwhile


@dataclass(frozen=True)
class Sample:
    """The application at one moment."""

    time: float
    """Seconds since the epoch."""
    requests: Counter[tuple[str, str]]
    """AWS calls so far, by function's name in the template and action."""
    log_bytes: int
    """Length of the functions' log."""
    processes: dict[str, list[int]]
    """Resident bytes of each process, by function's name in the template; "emulator", "stand-ins", "visitors"."""
    cpu: dict[str, float]
    """Processor seconds so far, by the same names; those of ended processes included."""
    busy: dict[str, int]
    """Processes at work, by function's name in the template."""


class Sampler:
    """Looks at the application every second. Use it as a context manager; Linux only, for it reads /proc."""

    def __init__(self, app: App):
        self._app = app
        self._functions = {function.name: name for name, function in app.stack.functions.items()}
        self._cpu: dict[int, tuple[str, float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.samples: list[Sample] = []
        self.peaks: Counter[str] = Counter()
        """Peak resident bytes of any one process, by the names of `Sample.processes`."""

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self.samples.append(self._look())

    def _look(self) -> Sample:
        resident = defaultdict(list)
        for pid, name in self._processes():
            try:
                status = dict(re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()))
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except (OSError, KeyError):
                continue  # it has just ended
            if status:
                resident[name].append(int(status["VmRSS"]) * 1024)
                self.peaks[name] = max(self.peaks[name], int(status["VmHWM"]) * 1024)
            self._cpu[pid] = name, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        cpu = Counter()
        for name, seconds in self._cpu.values():
            cpu[name] += seconds
        return Sample(
            time.time(),
            Counter(self._app.authority.counts),
            self._app.log_path.stat().st_size,
            dict(resident),
            dict(cpu),
            {name: self._app.busy(name) for name in self._functions.values()},
        )

    def _processes(self) -> Iterable[tuple[int, str]]:
        """The application's processes: id and name."""
        workers = {pid: name for name in self._functions.values() for pid in self._app.processes(name)}
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        for pid in parents:
            above = pid
            while above not in (0, os.getpid()):
                above = parents.get(above, 0)
            if above and (name := workers.get(pid) or self._name(pid)):
                yield pid, name

    def _name(self, pid: int) -> str:
        if pid == os.getpid():
            return "emulator"
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return ""
        kinds = {b"forkserver": "fork servers", b"local.standins": "stand-ins", b"spawn_main": "visitors"}
        return next((name for part, name in kinds.items() if part in command), "")


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest of the values that at least so many percent of them do not exceed; 0 if there are none."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0.0


def lambda_seconds(log: bytes, functions: dict[str, str]) -> Counter[str]:
    """Seconds that functions ran, by name in the template, as the REPORT lines of a piece of the log tell."""
    seconds = Counter()
    for name, ms in re.findall(rb"\[([\w-]+)\] REPORT RequestId: \S+\tDuration: ([\d.]+) ms", log):
        seconds[functions[name.decode()]] += float(ms) / 1000
    return seconds


@dataclass(frozen=True)
class Cost:
    """What a photo cost in a part of the stream; polls and sweeps apart, for they cost by the second."""

    photos: int
    requests: dict[str, float]
    """AWS calls per photo, by service."""
    seconds: float
    """Lambda seconds per photo."""
    transitions: float
    """Steps of the state machine per photo, retries included."""


class Behind:
    """The application from behind, when all is over."""

    def __init__(self, app: App):
        self._app = app
        self._steps = app.client("stepfunctions")
        self._s3 = app.client("s3")

    def records(self) -> list[dict[str, Any]]:
        """All runs of the table, as plain values."""
        from boto3.dynamodb.types import TypeDeserializer

        value, found = TypeDeserializer().deserialize, []
        pages = self._app.client("dynamodb").get_paginator("scan")
        for page in pages.paginate(TableName=self._app.stack.tables["Table"].name):
            items = [item for item in page["Items"] if item["pk"]["S"].startswith("run#")]
            found += [{name: value(field) for name, field in item.items()} for item in items]
        return found

    def executions(self) -> list[str]:
        """Names of all executions, in the order in which they were started."""
        machine = self._app.stack.state_machines["PhotoMachine"].arn
        pages = self._steps.get_paginator("list_executions").paginate(stateMachineArn=machine)
        found = [(each["startDate"], each["name"]) for page in pages for each in page["executions"]]
        return [name for _, name in sorted(found)]

    def transitions(self, run: str) -> int:
        """How many steps a run's execution took, as Step Functions bills them: a retry is one more."""
        arn = self._app.stack.state_machines["PhotoMachine"].arn.replace(":stateMachine:", ":execution:") + f":{run}"
        pages = self._steps.get_paginator("get_execution_history").paginate(executionArn=arn)
        kinds = Counter(event["type"] for page in pages for event in page["events"])
        entered = sum(number for kind, number in kinds.items() if kind.endswith("StateEntered"))
        return entered + max(0, kinds["TaskScheduled"] - kinds["TaskStateEntered"])

    def objects(self, bucket: str) -> list[str]:
        """Keys of all versions that lie in a bucket."""
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        kinds = ("Versions", "DeleteMarkers")
        return [entry["Key"] for page in pages for kind in kinds for entry in page.get(kind, [])]


def broken_promises(app: App, visits: list[Visit], probes: list[Answer], costs: list[Cost], peaks: Counter) -> list:
    """What did not hold, a sentence each."""
    broken = []

    def promise(sentence: str, failed: Iterable[Any]) -> None:
        if failed := list(failed):
            broken.append(f"{sentence}: {len(failed)}, such as {failed[0]}")

    behind = Behind(app)
    ended = [visit for visit in visits if visit.result]
    promise("every photo has an end", [visit.problem or visit.key for visit in visits if not visit.result])
    codes = [visit.result["error"]["code"] for visit in ended if visit.result["status"] == "FAILED"]
    promise("a photo fails for AWS's faults only", [code for code in codes if code not in AWS_FAULTS])
    pictures = [each for visit in ended for each in visit.result["pictures"]]
    reasons = [each["error"]["code"] for each in pictures if each["error"]]
    promise("a missing picture has a typed reason", [code for code in reasons if code not in (*AWS_FAULTS, "TimedOut")])
    answers = [answer for visit in visits for answer in visit.answers] + probes
    promise("every poll is answered", [answer.status for answer in answers if answer.status not in (200, 202)])
    promise(
        "a shown picture stays",
        [url for visit in ended for url in visit.pictures if url not in visit.result["url_generated"]],
    )

    records, executions = behind.records(), behind.executions()
    promise("no photo is lost", set(visit.key for visit in visits) - {record["key"] for record in records})
    promise("no photo is processed twice", (Counter(executions) - Counter({record["run"] for record in records})))
    promise(
        "every run is settled", [r["run"] for r in records if r["status"] not in ("SUCCEEDED", "PARTIAL", "FAILED")]
    )
    promise(
        f"every run ends within {limits.RUN_SECONDS} s of its last turn",
        [record["run"] for record in records if record.get("ended", 0) > record.get("deadline", 0)],
    )
    promise("who comes later does not come earlier", overtakers(records))
    told = [(visit.key, *wait) for visit in ended if (wait := waited(visit))]
    promise(
        f"a waiting time that was told is true within {TRUE:.0%}",
        [each for each in told if abs(each[2] - each[1]) > TRUE * each[1]],
    )
    now = time.time() * 1000
    promise("no open record is stuck", [r["run"] for r in records if "open" in r and r["due"] < now - 15_000])
    shown = {record["original"] for record in records if "original" in record}
    shown |= {each["key"] for r in records for each in r.get("pictures", {}).values() if "key" in each}
    results = behind.objects(app.results_bucket)
    promise("nothing is left under work/", [key for key in results if key.startswith("work/")])
    promise("every result is shown", set(results) ^ shown)
    again = {record["key"] for record in records if record["status"] == "FAILED"}
    promise("no upload is kept without a reason", set(behind.objects(app.uploads_bucket)) - again)

    sizes = {name: function.memory_mb << 20 for name, function in app.stack.functions.items()}
    promise("a process fits into its function's memory", [name for name in sizes if peaks[name] > sizes[name]])
    quick = percentile([probe.seconds for probe in probes], 95)
    promise(f"95 % of status answers take at most {STATUS_SECONDS} s", [quick] if quick > STATUS_SECONDS else [])
    if len(costs) == 2:
        first, last = costs
        more = {service: last.requests[service] / number for service, number in first.requests.items()}
        more |= {"Lambda": last.seconds / first.seconds, "Step Functions": last.transitions / first.transitions}
        promise("the last photos cost like the first", [f"{name} x{x:.2f}" for name, x in more.items() if x > SAME])
    return broken


def waited(visit: Visit) -> tuple[int, float] | None:
    """The seconds that a visitor was first told to wait, and those it then took; None: it was not, or a short time."""
    told = next((answer for answer in visit.answers if answer.body.get("waiting_seconds", 0) >= SHORT_SECONDS), None)
    if told is None:
        return None
    begun = next(answer for answer in visit.answers if answer.asked > told.asked and answer.body["step"] != "wait")
    return told.body["waiting_seconds"], begun.answered - told.answered


def overtakers(records: list[dict[str, Any]]) -> list[str]:
    """Runs that have an earlier turn than another one that came, SAME_TIME_SECONDS or more, before them."""
    turns = [
        (int(r["claimed"]), min(int(t["at"]) for t in r["turns"].values()), r["run"]) for r in records if r.get("turns")
    ]
    return [
        late
        for came, turn, late in turns
        for before, its, _ in turns
        if its > turn and before + SAME_TIME_SECONDS * 1000 < came
    ]


def cost(app: App, samples: list[Sample], visits: list[Visit], begin: float, end: float) -> Cost:
    """What the photos that were sent between two moments (seconds since the epoch) cost."""
    before = max((each for each in samples if each.time <= begin), key=lambda each: each.time, default=samples[0])
    after = min((each for each in samples if each.time >= end), key=lambda each: each.time, default=samples[-1])
    ended = [v for v in visits if v.result and before.time <= v.answers[-1].answered < after.time]
    photos = max(1, len(ended))
    requests = Counter()
    for (name, action), number in (after.requests - before.requests).items():
        if name not in TIMED:
            requests[action.partition(":")[0]] += number
    functions = {function.name: name for name, function in app.stack.functions.items()}
    log = app.log_path.read_bytes()[before.log_bytes : after.log_bytes]
    seconds = sum(each for name, each in lambda_seconds(log, functions).items() if name not in TIMED)
    behind, keys = Behind(app), {visit.key for visit in ended}
    steps = [behind.transitions(record["run"]) for record in behind.records() if record["key"] in keys]
    return Cost(
        len(ended),
        {service: number / photos for service, number in sorted(requests.items())},
        seconds / photos,
        statistics.mean(steps or [0]),
    )


def report(name: str, visits: list[Visit], probes: list[Answer]) -> None:
    """Prints what the visitors of a part of the load saw."""
    results = [visit.result for visit in visits if visit.result]
    reasons = Counter(each["error"]["code"] for result in results for each in result["pictures"] if each["error"])
    failed = Counter(result["error"]["code"] for result in results if result["error"])
    first = [min(visit.pictures.values()) - visit.sent for visit in visits if visit.pictures]
    whole = [visit.answers[-1].answered - visit.sent for visit in visits if visit.result]
    polls = [answer for visit in visits for answer in visit.answers]
    print(f"\n{name}: {len(visits)} photos")
    print(f"  ended               {show(Counter(result['status'] for result in results))}")
    print(f"  failed photos       {show(failed)}")
    print(f"  missing pictures    {show(reasons)}")
    print(f"  first picture after {spread(first)}")
    print(f"  all ended after     {spread(whole)}")
    if waits := [wait for visit in visits if (wait := waited(visit))]:
        print(f"  told to wait        {len(waits)}, {spread([float(told) for told, _ in waits])}")
        print(f"  wrong by            {spread([abs(had - told) / told for told, had in waits], '')} of what was told")
    print(f"  POST /upload        {spread([visit.upload_seconds for visit in visits])}")
    print(f"  status, at once     {spread([probe.seconds for probe in probes])}")
    again = sum(visit.busy for visit in visits)
    print(f"  polls               {len(polls) / max(1, len(visits)):.1f} a photo, {again} calls made again")


def show(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.most_common()) or "none"


def spread(values: list[float], unit: str = " s") -> str:
    """Median, 95th and 99th percentile and maximum."""
    marks = {"median": percentile(values, 50), "p95": percentile(values, 95), "p99": percentile(values, 99)}
    marks["max"] = max(values, default=0.0)
    return ", ".join(f"{name} {value:.2f}{unit}" for name, value in marks.items())


def report_machine(app: App, samples: list[Sample], peaks: Counter[str], photos: int) -> None:
    """Prints where time and memory went."""
    first, last = samples[0], samples[-1]
    early, late = samples[: len(samples) // 10 + 1], samples[-(len(samples) // 10 + 1) :]
    print("\n                  processes  busy of   peak MB  early MB  late MB  of MB   CPU s  CPU s/photo")
    for name in sorted(peaks, key=lambda name: -last.cpu.get(name, 0)):
        function = app.stack.functions.get(name)
        most = max(len(sample.processes.get(name, ())) for sample in samples)
        busy = f"{max(sample.busy[name] for sample in samples):4} {function.concurrency:3}" if function else " " * 8
        mb = [peaks[name] >> 20, largest(early, name) >> 20, largest(late, name) >> 20]
        cpu = last.cpu.get(name, 0) - first.cpu.get(name, 0)
        of = function.memory_mb if function else ""
        print(
            f"  {name:16}  {most:8}  {busy}  {mb[0]:8}  {mb[1]:8}  {mb[2]:7}  {of:5}  {cpu:6.1f}  {cpu / photos:11.2f}"
        )
    total, seconds = sum(last.cpu.values()) - sum(first.cpu.values()), last.time - first.time
    print(
        f"  all: {total:.0f} CPU seconds in {seconds:.0f} s, {total / photos:.2f} a photo, {os.cpu_count()} processors"
    )


def largest(samples: list[Sample], name: str) -> int:
    """Resident bytes of the largest process of a name in some samples."""
    return max((max(each.processes[name]) for each in samples if each.processes.get(name)), default=0)


def report_costs(costs: list[Cost]) -> None:
    for name, each in zip(("first", "last"), costs, strict=False):
        requests = ", ".join(f"{service} {number:.1f}" for service, number in each.requests.items())
        print(f"  {name} tenth ({each.photos} photos), per photo: {requests};", end=" ")
        print(f"Lambda {each.seconds:.2f} s, {each.transitions:.1f} state transitions")


def chain(quota: int | None) -> dict[str, str]:
    """Parameters of a booth whose image model takes so many requests a minute in each of its three Regions."""
    candidates = [f"us.stability.stable-image-inpaint-v1:0@{region}={quota}" for region in REGIONS]
    return {"ImageModels": ",".join(candidates)} if quota else {}


def set_models(app: App, failing: float, faces: int, quota: int | None) -> None:
    """Canned answers in place of the models, with their latencies, faults and the image models' quota."""
    canned = {"rekognition": {"faces": faces}, "sagemaker": {}, "bedrock": {}}
    for name, struck in faults(failing).items():
        settings = {"canned": canned[name], "latency": LATENCIES[name], "faults": struck if failing else []}
        if name == "bedrock":
            settings["quota"] = quota
        body = json.dumps(settings).encode()
        urllib.request.urlopen(
            urllib.request.Request(f"{app.standins_url}/standins/{name}", body, method="PUT")
        ).close()


def calls(app: App) -> dict[str, dict[str, int]]:
    """What each model's stand-in has counted."""
    counted = {}
    for name in LATENCIES:
        with urllib.request.urlopen(f"{app.standins_url}/standins/{name}") as answer:
            counted[name] = json.load(answer)
    return counted


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=50, help="photos at once (50)")
    parser.add_argument("--minutes", type=float, default=10, help="length of the stream (10)")
    parser.add_argument("--stream", type=float, default=20, help="photos a minute in the stream (20)")
    parser.add_argument("--failing", type=float, default=0.2, help="share of the model calls that fail (0.2)")
    parser.add_argument(
        "--quota", type=int, help="requests a minute and Region of the image model, in three Regions (any)"
    )
    parser.add_argument("--faces", type=int, default=1, help="faces in each photo (1)")
    wanted = parser.parse_args()
    starts = [number * 60 / wanted.stream for number in range(int(wanted.minutes * wanted.stream))]
    if wanted.photos < 1 and not starts:
        parser.error("no photo is to be sent")
    photo = PHOTO.read_bytes()
    with (
        App(port=0, parameters=chain(wanted.quota)) as app,
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process,
        Sampler(app) as sampler,
    ):
        set_models(app, wanted.failing, wanted.faces, wanted.quota)
        burst, probes = process.submit(visitors.send_all, app.url, photo, [0.0] * wanted.photos).result()
        report("At once", burst, probes)
        stream, streamed = process.submit(visitors.send_all, app.url, photo, starts).result()
        time.sleep(2 * SAMPLE_SECONDS)  # `finish` cleans up after its photo's end was told
        costs = []
        if stream:
            report(f"Stream of {wanted.stream:g} a minute", stream, streamed)
            taken = statistics.median(v.answers[-1].answered - v.started for v in stream)
            begin, end = stream[0].started + taken, stream[-1].started
            tenth = (end - begin) / 10
            costs = [cost(app, sampler.samples, stream, *part) for part in ((begin, begin + tenth), (end - tenth, end))]
        report_machine(app, sampler.samples, sampler.peaks, len(burst) + len(stream))
        report_costs(costs)
        counted = calls(app)
        failures = [f"{name} {each['failures']} of {each['calls']}" for name, each in counted.items()]
        print(f"  model calls that failed: {', '.join(failures)}; over the quota: {counted['bedrock']['throttled']}")
        broken = broken_promises(app, burst + stream, probes + streamed, costs, sampler.peaks)
        if counted["bedrock"]["throttled"] > RARE * counted["bedrock"]["calls"]:
            broken.append(f"a call over the quota is rare: {counted['bedrock']['throttled']}")
    for sentence in broken:
        print(f"BROKEN: {sentence}")
    print(f"\n{len(broken)} promises broken" if broken else "\nEvery promise held.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
