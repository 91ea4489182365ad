"""Percentiles of measured values, as numbers and as text."""

from collections.abc import Sequence


def percentile(values: Sequence[float], percent: int) -> float:
    """The percentile by nearest rank: a value that was measured; 0 if there are none."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0.0


def summary(values: list[float], unit: str = " s") -> str:
    """Median, 95th and 99th percentile and maximum."""
    marks = {"median": percentile(values, 50), "p95": percentile(values, 95), "p99": percentile(values, 99)}
    marks["max"] = max(values, default=0.0)
    return ", ".join(f"{name} {value:.2f}{unit}" for name, value in marks.items())
