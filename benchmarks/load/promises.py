"""The promises of docs/reliability.md, held against what the visitors saw and what is left."""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from benchmarks.load.costs import Cost
from benchmarks.load.leftovers import Behind
from benchmarks.load.percentiles import percentile
from benchmarks.load.visitors import Answer, Visit
from booth import limits
from local.app import App

AWS_FAULTS = ("ServiceUnavailable", "Throttled", "OutputBlocked", "ModelsUnavailable")
"""What a photo may fail with here: nothing is wrong with it, and the booth has time enough."""

STATUS_SECONDS = 1.0
"""95 % of the answers about a photo's status, asked for without `wait`, take no longer."""

TRUE = 0.2
SHORT_SECONDS = 5
"""Waiting times below this are not compared: turns are told in whole seconds."""
SAME_TIME_SECONDS = 10
"""Photos that come within this come together: which face is found first is chance."""

SAME = 1.15
"""A last photo costs at most this much of a first one; which photos meet faults is chance."""


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
