"""Checks the promises of docs/reliability.md against the visitors' answers and the state in AWS's services."""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from benchmarks.load.aws_state import AwsState
from benchmarks.load.costs import Cost, ratios
from benchmarks.load.percentiles import percentile
from benchmarks.load.visitors import Answer, Visit
from booth import limits
from local.app import App

FAULT_CODES = ("ServiceUnavailable", "Throttled", "OutputBlocked", "ModelsUnavailable")
"""The error codes that injected faults may lead to: the photo is good, and there is time enough."""

STATUS_SECONDS = 1.0
"""The limit for the 95th percentile of polls without `wait`."""

WAIT_TOLERANCE = 0.2
"""How far the time until a picture's turn may be from the `waiting_seconds` announced for it, as a share of them."""
SHORT_SECONDS = 5
"""Waiting times below this are not compared: they are announced in whole seconds."""
SAME_TIME_SECONDS = 10
"""Photos that arrive within this are not ordered: whose faces are found first is chance."""

MAX_COST_RATIO = 1.15
"""Cost of a photo at the end of the stream to one at its beginning; which photos meet faults is chance."""


def broken_promises(app: App, visits: list[Visit], probes: list[Answer], costs: list[Cost], peaks: Counter) -> list:
    """The promises that were broken: a sentence each, with how often and an example."""
    broken = []

    def promise(sentence: str, failed: Iterable[Any]) -> None:
        if failed := list(failed):
            broken.append(f"{sentence}: {len(failed)}, such as {failed[0]}")

    state = AwsState(app)
    ended = [visit for visit in visits if visit.result]
    promise("every photo has an end", [visit.problem or visit.key for visit in visits if not visit.result])
    codes = [visit.result["error"]["code"] for visit in ended if visit.result["status"] == "FAILED"]
    promise("a photo fails for AWS's faults only", [code for code in codes if code not in FAULT_CODES])
    pictures = [each for visit in ended for each in visit.result["pictures"]]
    reasons = [each["error"]["code"] for each in pictures if each["error"]]
    promise(
        "a missing picture has a typed reason", [code for code in reasons if code not in (*FAULT_CODES, "TimedOut")]
    )
    answers = [answer for visit in visits for answer in visit.answers] + probes
    promise("every poll is answered", [answer.status for answer in answers if answer.status not in (200, 202)])
    promise(
        "a shown picture stays",
        [url for visit in ended for url in visit.pictures if url not in visit.result["url_generated"]],
    )

    records, executions = state.records(), state.executions()
    promise("no photo is lost", set(visit.key for visit in visits) - {record["key"] for record in records})
    promise("no photo is processed twice", (Counter(executions) - Counter({record["run"] for record in records})))
    promise(
        "every run is settled", [r["run"] for r in records if r["status"] not in ("SUCCEEDED", "PARTIAL", "FAILED")]
    )
    promise(
        f"every run ends within {limits.RUN_SECONDS} s of its last turn",
        [record["run"] for record in records if record.get("ended", 0) > record.get("deadline", 0)],
    )
    promise("who comes later does not come earlier", overtaking(records))
    waits = [(visit.key, *wait) for visit in ended if (wait := wait_times(visit))]
    promise(
        f"a waiting time that was told is true within {WAIT_TOLERANCE:.0%}",
        [each for each in waits if abs(each[2] - each[1]) > WAIT_TOLERANCE * each[1]],
    )
    now = time.time() * 1000
    promise("no open record is stuck", [r["run"] for r in records if "open" in r and r["due"] < now - 15_000])
    shown = {record["original"] for record in records if "original" in record}
    shown |= {each["key"] for r in records for each in r.get("pictures", {}).values() if "key" in each}
    results = state.objects(app.results_bucket)
    promise("nothing is left under work/", [key for key in results if key.startswith("work/")])
    promise("every result is shown", set(results) ^ shown)
    again = {record["key"] for record in records if record["status"] == "FAILED"}
    promise("no upload is kept without a reason", set(state.objects(app.uploads_bucket)) - again)

    sizes = {name: function.memory_mb << 20 for name, function in app.stack.functions.items()}
    promise("a process fits into its function's memory", [name for name in sizes if peaks[name] > sizes[name]])
    quick = percentile([probe.seconds for probe in probes], 95)
    promise(f"95 % of status answers take at most {STATUS_SECONDS} s", [quick] if quick > STATUS_SECONDS else [])
    if costs:
        promise(
            "the last photos cost like the first",
            [f"{name} x{x:.2f}" for name, x in ratios(*costs).items() if x > MAX_COST_RATIO],
        )
    return broken


def wait_times(visit: Visit) -> tuple[int, float] | None:
    """The first `waiting_seconds` announced, and the seconds until the turn came; None if less than SHORT_SECONDS."""
    first = next((answer for answer in visit.answers if answer.body.get("waiting_seconds", 0) >= SHORT_SECONDS), None)
    if first is None:
        return None
    before = ("merge", "wait")  # turns are given while masks are merged
    begun = next(each for each in visit.answers if each.asked > first.asked and each.body["step"] not in before)
    return first.body["waiting_seconds"], begun.answered - first.answered


def overtaking(records: list[dict[str, Any]]) -> list[str]:
    """Ids of runs with an earlier turn than a run that was claimed more than SAME_TIME_SECONDS before them."""
    turns = [
        (int(r["claimed"]), min(int(t["at"]) for t in r["turns"].values()), r["run"]) for r in records if r.get("turns")
    ]
    return [
        run_id
        for claimed, turn, run_id in turns
        for other_claimed, other_turn, _ in turns
        if other_turn > turn and other_claimed + SAME_TIME_SECONDS * 1000 < claimed
    ]
