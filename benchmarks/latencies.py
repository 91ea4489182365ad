"""Published latencies of AWS's services: latencies.toml, its table in docs/latencies.md, and log-normals made of them.

python -m benchmarks.latencies      writes the table into docs/latencies.md anew
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import NormalDist
from typing import Any

FILE = Path(__file__).parent / "latencies.toml"
DOCUMENT = Path(__file__).parent.parent / "docs" / "latencies.md"
BEGIN, END = "<!-- latencies.toml: begin -->", "<!-- latencies.toml: end -->"
SEEN = {"source": "yes", "second hand": "**no**, second hand", "memory": "**no**, from memory"}
"""How a row's figures came here, and what the table says about it."""
PREFERRED = (50, 95, 90, 99, 10)
"""Percentiles, in the order in which two of them are taken. Mean and 95 % go before two others than the median."""


@dataclass(frozen=True)
class LogNormal:
    """Times whose logarithms are normal: median in ms, and the logarithms' standard deviation."""

    median: float
    sigma: float

    def draw(self, random: Random) -> float:
        """A time in ms."""
        return random.lognormvariate(math.log(self.median), self.sigma)

    def percentile(self, percent: float) -> float:
        """In ms."""
        return self.median * math.exp(self.sigma * _z(percent))

    @staticmethod
    def through(first: tuple[float, float], second: tuple[float, float]) -> "LogNormal":
        """The one that has both percentiles, each (percent, ms). Raises ValueError if the higher one is the shorter."""
        (low, short), (high, long) = sorted((first, second))
        sigma = math.log(long / short) / (_z(high) - _z(low))
        if sigma < 0:
            raise ValueError(f"the {high} % lie below the {low} %")
        return LogNormal(short * math.exp(-sigma * _z(low)), sigma)

    @staticmethod
    def of_mean(mean: float, p95: float) -> "LogNormal":
        """The one with this mean and 95 %, both in ms. Raises ValueError if there is none: 95 % above 3.8 means.

        The mean is median * exp(sigma**2 / 2). Of the two that fit, the less spread one.
        """
        z = _z(95)
        root = z * z - 2 * math.log(p95 / mean)
        if root < 0:
            raise ValueError(f"no log-normal has a mean of {mean} and 95 % of {p95}")
        sigma = z - math.sqrt(root)
        return LogNormal(mean * math.exp(-sigma * sigma / 2), sigma)


def _z(percent: float) -> float:
    return NormalDist().inv_cdf(percent / 100)


def rows() -> dict[str, dict[str, Any]]:
    """The rows of latencies.toml by id."""
    return {row["id"]: row for row in tomllib.loads(FILE.read_text("utf-8"))["row"]}


def fitted(published: Mapping[str, Any]) -> LogNormal | None:
    """The log-normal of what a row publishes; None if that is too little for one."""
    if "p50" not in published and {"mean", "p95"} <= published.keys():
        return LogNormal.of_mean(published["mean"], published["p95"])
    known = [(percent, published[f"p{percent}"]) for percent in PREFERRED if f"p{percent}" in published]
    return LogNormal.through(known[0], known[1]) if len(known) > 1 else None


@dataclass(frozen=True)
class Hop:
    """A kind of way that a visit takes again and again, with the times of one or more sizes (bytes), smallest first."""

    calls: tuple[str, ...]
    """The SDK's calls that are on it, as "service.Operation"."""
    sizes: tuple[tuple[int, LogNormal], ...]
    ms_per_mb: float

    def times(self, size: float) -> LogNormal:
        """The times of this many bytes; beyond the largest size that is known the median goes on growing as before."""
        median, sigma = self.sizes[0][1].median, self.sizes[0][1].sigma
        for (below, small), (above, large) in pairwise(self.sizes):
            if size > below:
                share = (size - below) / (above - below)
                median = small.median + share * (large.median - small.median)
                sigma = small.sigma + min(share, 1) * (large.sigma - small.sigma)
        return LogNormal(median + self.ms_per_mb * size / 1e6, sigma)


def hops() -> dict[str, Hop]:
    """The hops of latencies.toml by name. Raises ValueError if a row that one names gives no log-normal."""
    document, made = tomllib.loads(FILE.read_text("utf-8")), {}
    published = {row["id"]: row["published"] for row in document["row"]}
    for hop in document["hop"]:
        sizes = []
        for size, name in zip(hop.get("bytes", [0]), hop["rows"], strict=True):
            if (fit := fitted(published[name])) is None:
                raise ValueError(f"{name} publishes too little to draw from")
            sizes.append((size, fit))
        made[hop["name"]] = Hop(tuple(hop["calls"]), tuple(sizes), hop.get("ms_per_mb", 0))
    return made


def in_words(published: Mapping[str, Any]) -> str:
    """What the source says."""
    names = {"below_p99": "99 % below", "words": ""}
    said = [
        f"{names.get(name, name.replace('p', '', 1) + ' %' if name[0] == 'p' else name)} {value}".strip()
        for name, value in published.items()
    ]
    return ", ".join(said)


def line(row: Mapping[str, Any]) -> str:
    """A row of the table; median and 95 % that are reckoned, not published, have a sign before them."""
    published, fit = row["published"], fitted(row["published"])
    cells = []
    for percent in (50, 95):
        reckoned = f"~ {fit.percentile(percent):.0f}" if fit else "-"
        cells.append(f"{published[f'p{percent}']:g}" if f"p{percent}" in published else reckoned)
    source = f"[{row['source']}]({row['url']})" if row["url"] else row["source"]
    dated = f"{source}, {row['date']}" if row["date"] else source
    what = (row["service"], row["operation"], row["size"], *cells, in_words(published), row["measured"], dated)
    return f"| {' | '.join([*what, SEEN[row['seen']]])} |"


def table() -> str:
    """All rows, in Markdown."""
    head = ("service", "operation", "size", "median", "95 %", "published, ms", "measured", "source, date", "verified")
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *map(line, rows().values())])


def with_table(document: str) -> str:
    """The document with the table as latencies.toml has it now. Raises ValueError if it has no place for one."""
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError("docs/latencies.md has lost the marks around the table")
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text("utf-8")), "utf-8")
