"""What a photo cost: AWS calls, Lambda seconds and state transitions."""

import re
import statistics
from collections import Counter
from dataclasses import dataclass

from benchmarks.load.aws_state import AwsState
from benchmarks.load.sampler import Sample
from benchmarks.load.visitors import Visit
from local.app import App

PERIODIC = ("Photo", "Sweep", "Purge")
"""Functions that are called by the second, not by the photo: left out."""


@dataclass(frozen=True)
class Cost:
    """What a photo cost on average in a part of the stream, without the PERIODIC functions."""

    photos: int
    requests: dict[str, float]
    """AWS calls per photo, by service."""
    seconds: float
    """Lambda seconds per photo."""
    transitions: float
    """Steps of the state machine per photo, retries included."""


def cost(app: App, samples: list[Sample], visits: list[Visit], begin: float, end: float) -> Cost:
    """What the photos that ended between two times (seconds since the epoch) cost."""
    before = max((each for each in samples if each.time <= begin), key=lambda each: each.time, default=samples[0])
    after = min((each for each in samples if each.time >= end), key=lambda each: each.time, default=samples[-1])
    ended = [v for v in visits if v.result and before.time <= v.answers[-1].answered < after.time]
    photos = max(1, len(ended))
    requests = Counter()
    for (name, action), number in (after.requests - before.requests).items():
        if name not in PERIODIC:
            requests[action.partition(":")[0]] += number
    functions = {function.name: name for name, function in app.stack.functions.items()}
    log = app.log_path.read_bytes()[before.log_bytes : after.log_bytes]
    seconds = sum(each for name, each in lambda_seconds(log, functions).items() if name not in PERIODIC)
    state, keys = AwsState(app), {visit.key for visit in ended}
    steps = [state.transitions(record["run"]) for record in state.records() if record["key"] in keys]
    return Cost(
        len(ended),
        {service: number / photos for service, number in sorted(requests.items())},
        seconds / photos,
        statistics.mean(steps or [0]),
    )


def ratios(first: Cost, last: Cost) -> dict[str, float]:
    """How many times the first's a photo of the last cost, by service; empty if a part has no photos."""
    if not (first.photos and last.photos):
        return {}
    pairs = {service: (number, last.requests.get(service, 0.0)) for service, number in first.requests.items()}
    pairs |= {"Lambda": (first.seconds, last.seconds), "Step Functions": (first.transitions, last.transitions)}
    return {name: late / early for name, (early, late) in pairs.items() if early}


def lambda_seconds(log: bytes, functions: dict[str, str]) -> Counter[str]:
    """Billed seconds by the functions' logical ids, summed over the REPORT lines of a part of the log.

    `functions`: logical ids by the functions' physical names.
    """
    seconds = Counter()
    for name, ms in re.findall(rb"\[([\w-]+)\] REPORT RequestId: \S+\tDuration: ([\d.]+) ms", log):
        seconds[functions[name.decode()]] += float(ms) / 1000
    return seconds
