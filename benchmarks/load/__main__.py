"""Many photos at once, then a steady stream of them: `make load N=50`, or `python -m benchmarks.load`.

The local application, with stand-ins whose canned answers take as long as real models, and visitors who call as the
page does: first `--photos` at once, then `--stream` a minute for `--minutes`, while a share of all model calls fails
(errors, throttling, connection resets, malformed answers, filtered pictures). Then the records, executions and objects
of all runs are checked. With `--quota` the image model allows only so many requests, and pictures wait for their turns
(`make pacing`). Exits with 1 if a promise of docs/reliability.md is broken.
"""

import argparse
import multiprocessing
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from benchmarks.load import visitors
from benchmarks.load.costs import cost
from benchmarks.load.promises import broken_promises
from benchmarks.load.report import report, report_costs, report_machine
from benchmarks.load.sampler import SAMPLE_SECONDS, Sampler
from benchmarks.load.stand_ins import configure, counts, parameters
from local.app import ROOT, App

PHOTO = ROOT / "tests" / "photos" / "astronaut.jpg"
MAX_THROTTLED = 0.02
"""With pacing, at most this share of the image model's calls exceeds its quota."""


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
        App(port=0, parameters=parameters(wanted.quota)) as app,
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process,
        Sampler(app) as sampler,
    ):
        configure(app, wanted.failing, wanted.faces, wanted.quota)
        burst, probes = process.submit(visitors.send_all, app.url, photo, [0.0] * wanted.photos).result()
        report("At once", burst, probes)
        stream, streamed = process.submit(visitors.send_all, app.url, photo, starts).result()
        time.sleep(2 * SAMPLE_SECONDS)  # `finish` cleans up after the photo's end has been published
        costs = []
        if stream:
            report(f"Stream of {wanted.stream:g} a minute", stream, streamed)
            taken = statistics.median(v.answers[-1].answered - v.started for v in stream)
            begin, end = stream[0].started + taken, stream[-1].started
            tenth = (end - begin) / 10
            costs = [cost(app, sampler.samples, stream, *part) for part in ((begin, begin + tenth), (end - tenth, end))]
        report_machine(app, sampler.samples, sampler.peaks, len(burst) + len(stream))
        report_costs(costs)
        counted = counts(app)
        failures = [f"{name} {each['failures']} of {each['calls']}" for name, each in counted.items()]
        print(f"  model calls that failed: {', '.join(failures)}; over the quota: {counted['bedrock']['throttled']}")
        broken = broken_promises(app, burst + stream, probes + streamed, costs, sampler.peaks)
        if counted["bedrock"]["throttled"] > MAX_THROTTLED * counted["bedrock"]["calls"]:
            broken.append(f"a call over the quota is rare: {counted['bedrock']['throttled']}")
    for sentence in broken:
        print(f"BROKEN: {sentence}")
    print(f"\n{len(broken)} promises broken" if broken else "\nEvery promise held.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
