"""What a photo cost: AWS calls, Lambda seconds and state transitions."""

import re
import statistics
from collections import Counter
from dataclasses import dataclass

from benchmarks.load.leftovers import Behind
from benchmarks.load.sampler import Sample
from benchmarks.load.visitors import Visit
from local.app import App

TIMED = ("Photo", "Sweep", "Purge")
"""Functions whose calls depend on the time that passes, not on the photos alone."""


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


def lambda_seconds(log: bytes, functions: dict[str, str]) -> Counter[str]:
    """Seconds that functions ran, by name in the template, as the REPORT lines of a piece of the log tell."""
    seconds = Counter()
    for name, ms in re.findall(rb"\[([\w-]+)\] REPORT RequestId: \S+\tDuration: ([\d.]+) ms", log):
        seconds[functions[name.decode()]] += float(ms) / 1000
    return seconds
