"""What a visit would take on AWS if its functions started cold, by published figures; `make bench-cold` prints it.

The visit is recorded and reckoned as in prediction.py, with the same seeds. An invocation that finds no environment of
its function waits for one: Lambda gives it a place and brings the code there (by the ZIP's size, layers included), and
then the function's modules are imported. How long that takes here is told in units of what was published: the import of
boto3 with one client. A first call over a client takes longer, for its connection is made. Environments that are warmed
are ready some time after /upload has asked for them; an invocation that comes before that starts one of its own.
docs/decisions/0035-cold-starts.md says where the figures come from and what this can't tell.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks import latencies
from benchmarks.latencies import LogNormal
from benchmarks.load.percentiles import percentile
from benchmarks.memory import VCPU_MB, sizes_of_template
from benchmarks.prediction import SEEDS, TOUCH, Moment, Reckoning, Trace, module_of
from benchmarks.waterfall import Invocation, Span
from booth import concurrency
from local.template.document import read

ROOT = Path(__file__).parent.parent
PLACE, INIT, CONNECT = "new environments", "init", "first calls"
AT_AN_EVENT = "warmed when the camera opens"
FLAT_BYTES = 3e6
"""Of a ZIP, that make no difference: "up to a few MB" (lambda-environment-size)."""
SPREAD = 0.1
"""Sigma of init and of first calls, as of the published ones: 92 with 90 % of 104, 416 with 99 % of 536."""


@dataclass(frozen=True)
class Start:
    """What a function's cold start is made of."""

    bytes: float
    """Of its ZIP and of those of its layers."""
    units: float
    """Processor time of its init in that of boto3 with a client for DynamoDB, a bare interpreter's taken off both."""


@dataclass(frozen=True)
class Published:
    """What latencies.toml has about init and first calls, in ms."""

    bare: float
    boto3: float
    waiting: float
    """Of a first call, whatever the memory."""
    working: float
    """Of a first call, on a whole vCPU."""

    @staticmethod
    def read() -> "Published":
        """Of the rows. A first call at 512 and at 1769 MB gives what it waits and what it works."""
        rows = {name: row["published"] for name, row in latencies.rows().items()}
        small, whole = rows["lambda-first-call-512"]["mean"], rows["lambda-first-call-1769"]["mean"]
        working = (small - whole) / (VCPU_MB / 512 - 1)
        return Published(rows["lambda-init-bare"]["p50"], rows["lambda-init-boto3"]["p50"], whole - working, working)

    def init(self, start: Start) -> LogNormal:
        """Of a function's Init Duration. Lambda gives a whole vCPU for it, whatever the memory."""
        return LogNormal(self.bare + start.units * (self.boto3 - self.bare), SPREAD)

    def first_call(self, memory: int) -> LogNormal:
        """What a first call takes longer than another one, with this memory (MB)."""
        return LogNormal(self.waiting + self.working * max(1, VCPU_MB / memory), SPREAD)


@dataclass
class Environment:
    """One of a function: when it is free (ms), and whether it has made calls, so that its connections are open."""

    free: float
    connected: bool


@dataclass(frozen=True)
class Warming:
    """Modules of which environments are warmed, each for as many as it is named."""

    before: Sequence[str] = ()
    """Ready when the visit begins: the page asks for them some seconds before, when the camera opens."""
    by_upload: Sequence[str] = ()
    """Asked for by /upload, in this order."""


def warmings() -> dict[str, Warming]:
    """The ways to warm that are compared, by their names; what is warmed is the template's."""
    wanted, new = warmed_modules(), concurrency.beside_a_run(concurrency.NEW_ACCOUNT)
    return {
        "nothing warmed": Warming(),
        "warmed by /upload": Warming(by_upload=wanted),
        AT_AN_EVENT: Warming(before=["upload", *wanted]),
        "the same, 10 executions": Warming(before=["upload", *wanted[:new]], by_upload=wanted[new : 2 * new]),
    }


def warmed_modules() -> list[str]:
    """Modules of the functions that the template has /upload warm, one for each environment, in order."""
    resources = read(ROOT / "template.yaml")["Resources"]
    join = resources["Upload"]["Properties"]["Environment"]["Variables"]["WARMED"]["Fn::If"][1]["Fn::Join"]
    names = [each["Fn::GetAtt"][0] for each in join[1]]
    return [resources[name]["Properties"]["Handler"].removesuffix(".handler") for name in names]


class ColdReckoning(Reckoning):
    """One visit on AWS that finds no function warm but those that were warmed for it."""

    def __init__(
        self,
        trace: Trace,
        seed: int,
        hops: Mapping[str, latencies.Hop],
        starts: Mapping[str, Start],
        warming: Warming,
    ):
        super().__init__(trace, seed, hops)
        self._starts, self._warmed = starts, warming.by_upload
        self._published, self._memory = Published.read(), sizes_of_template()
        self._environments: defaultdict[str, list[Environment]] = defaultdict(list)
        for module in warming.before:
            self._environments[module].append(Environment(0.0, False))
        self._connected, self._made = False, list[Span]()
        self._cold = Random(f"cold {seed}")  # of its own, so that what is drawn for a warm visit is drawn here, too

    def _after(self, moment: Moment, hop: str, size: float = 0) -> Moment:
        return moment.after(hop, self._hops[hop].times(size).draw(self._cold))

    def started_cold(self, moment: Moment, module: str) -> Moment:
        """When a new environment of a module that was asked for then is ready."""
        start = self._starts[module]
        moment = self._after(moment, PLACE, max(0.0, start.bytes - FLAT_BYTES))
        return moment.after(INIT, self._published.init(start).draw(self._cold))

    def worked(self, began: Moment, invocation: Invocation) -> tuple[list[tuple[Span, Moment]], Moment]:
        """As the reckoning's own, in an environment that is free, or in a new one."""
        module, self._made = module_of(invocation.span.name), []
        free = [each for each in self._environments[module] if each.free <= began.at]
        if free:
            environment = max(free, key=lambda each: (each.connected, each.free))
        else:
            began, environment = self.started_cold(began, module), Environment(math.inf, False)
            self._environments[module].append(environment)
        self._connected = environment.connected
        if module == "upload":
            self._warm(began)
        done, ended = super().worked(began, invocation)
        environment.free, environment.connected = ended.at, True
        return done, ended

    def _warm(self, began: Moment) -> None:
        """Asks for environments, one call after the other, while /upload does its own work."""
        asked = self._connecting(began, "upload")
        for module in self._warmed:
            asked = self._after(asked, "Lambda's events")
            ready = self.started_cold(self._after(asked, "event to function"), module)
            self._environments[module].append(Environment(ready.at, False))

    def _connecting(self, moment: Moment, module: str) -> Moment:
        return moment.after(CONNECT, self._published.first_call(self._memory[module]).draw(self._cold))

    def called(self, moment: Moment, module: str, call: Span) -> Moment:
        """As the reckoning's own; later where the service has no open connection yet."""
        before = (each for each in self._made if each.service == call.service and each.end <= call.begin + TOUCH)
        if not self._connected and not any(before):
            moment = self._connecting(moment, module)
        self._made.append(call)
        return super().called(moment, module, call)


@dataclass(frozen=True)
class ColdVisit:
    """Of many seeds: seconds that a first visit waits longer than a warm one, and on what (ms, means)."""

    first: list[float]
    all: list[float]
    spent: Mapping[str, float]
    """Of the first picture."""

    @staticmethod
    def of(
        trace: Trace,
        starts: Mapping[str, Start],
        warming: Warming,
        seeds: int = SEEDS,
    ) -> "ColdVisit":
        """Beside a warm visit of the same seed."""
        hops, spent = latencies.hops(), Counter[str]()
        first, end = [], []
        for seed in range(seeds):
            warm, cold = Reckoning(trace, seed, hops), ColdReckoning(trace, seed, hops, starts, warming)
            for made, before, after in zip((first, end), warm.shown(), cold.shown(), strict=True):
                made.append((after.at - before.at) / 1000)
                if made is first:
                    spent.update({hop: ms / seeds for hop, ms in after.spent.items() if hop in (PLACE, INIT, CONNECT)})
        return ColdVisit(first, end, spent)


def report(visits: Mapping[str, ColdVisit]) -> str:
    """A table in Markdown: by how much a first visit's pictures come later than a warm one's, and why."""
    hops = (PLACE, INIT, CONNECT)
    lines = [f"| | first picture later by, s | all pictures, s | {' | '.join(f'{hop}, ms' for hop in hops)} |"]
    lines.append("|---" * (3 + len(hops)) + "|")
    for name, made in visits.items():
        cells = [f"{percentile(each, 50):.2f}, {percentile(each, 95):.2f}" for each in (made.first, made.all)]
        cells += [f"{made.spent.get(hop, 0):.0f}" for hop in hops]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
