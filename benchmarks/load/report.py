"""The report that is printed: what the visitors saw, where time and memory went, what a photo cost."""

import os
from collections import Counter

from benchmarks.load.costs import Cost
from benchmarks.load.percentiles import summary
from benchmarks.load.promises import wait_times
from benchmarks.load.sampler import Sample
from benchmarks.load.visitors import Answer, Visit
from local.app import App


def report(name: str, visits: list[Visit], probes: list[Answer]) -> None:
    """Prints the results and response times of a part of the load."""
    results = [visit.result for visit in visits if visit.result]
    reasons = Counter(each["error"]["code"] for result in results for each in result["pictures"] if each["error"])
    failed = Counter(result["error"]["code"] for result in results if result["error"])
    first = [min(visit.pictures.values()) - visit.sent for visit in visits if visit.pictures]
    whole = [visit.answers[-1].answered - visit.sent for visit in visits if visit.result]
    polls = [answer for visit in visits for answer in visit.answers]
    print(f"\n{name}: {len(visits)} photos")
    print(f"  ended               {counted(Counter(result['status'] for result in results))}")
    print(f"  failed photos       {counted(failed)}")
    print(f"  missing pictures    {counted(reasons)}")
    print(f"  first picture after {summary(first)}")
    print(f"  all ended after     {summary(whole)}")
    if waits := [wait for visit in visits if (wait := wait_times(visit))]:
        print(f"  told to wait        {len(waits)}, {summary([float(told) for told, _ in waits])}")
        print(f"  wrong by            {summary([abs(had - told) / told for told, had in waits], '')} of what was told")
    print(f"  POST /upload        {summary([visit.upload_seconds for visit in visits])}")
    print(f"  status, at once     {summary([probe.seconds for probe in probes])}")
    again = sum(visit.retries for visit in visits)
    print(f"  polls               {len(polls) / max(1, len(visits)):.1f} a photo, {again} calls made again")


def counted(counts: Counter[str]) -> str:
    """The counts as text, the most frequent first."""
    return ", ".join(f"{number} {name}" for name, number in counts.most_common()) or "none"


def report_machine(app: App, samples: list[Sample], peaks: Counter[str], photos: int) -> None:
    """Prints each function's processes, memory and processor time."""
    first, last = samples[0], samples[-1]
    early, late = samples[: len(samples) // 10 + 1], samples[-(len(samples) // 10 + 1) :]
    print("\n                  processes  busy of   peak MB  early MB  late MB  of MB   CPU s  CPU s/photo")
    for name in sorted(peaks, key=lambda name: -last.cpu.get(name, 0)):
        function = app.stack.functions.get(name)
        most = max(len(sample.processes.get(name, ())) for sample in samples)
        busy = f"{max(sample.busy[name] for sample in samples):4} {function.concurrency:3}" if function else " " * 8
        mb = [peaks[name] >> 20, largest_resident(early, name) >> 20, largest_resident(late, name) >> 20]
        cpu = last.cpu.get(name, 0) - first.cpu.get(name, 0)
        of = function.memory_mb if function else ""
        print(
            f"  {name:16}  {most:8}  {busy}  {mb[0]:8}  {mb[1]:8}  {mb[2]:7}  {of:5}  {cpu:6.1f}  {cpu / photos:11.2f}"
        )
    total, seconds = sum(last.cpu.values()) - sum(first.cpu.values()), last.time - first.time
    print(
        f"  all: {total:.0f} CPU seconds in {seconds:.0f} s, {total / photos:.2f} a photo, {os.cpu_count()} processors"
    )


def largest_resident(samples: list[Sample], name: str) -> int:
    """Resident bytes of the largest process of this name in the samples; 0 if there is none."""
    return max((max(each.processes[name]) for each in samples if each.processes.get(name)), default=0)


def report_costs(costs: list[Cost]) -> None:
    """Prints what a photo cost in the first and the last tenth of the stream."""
    if not all(each.photos for each in costs):
        print("  too few photos in the stream to compare the first with the last")
        return
    for name, each in zip(("first", "last"), costs, strict=False):
        requests = ", ".join(f"{service} {number:.1f}" for service, number in each.requests.items())
        print(f"  {name} tenth ({each.photos} photos), per photo: {requests};", end=" ")
        print(f"Lambda {each.seconds:.2f} s, {each.transitions:.1f} state transitions")
