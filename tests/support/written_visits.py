"""Visits that are written down, to be reckoned for AWS, with hops whose times do not spread."""

from benchmarks.latencies import LogNormal
from benchmarks.waterfall import Invocation, Span

READ, WRITE, PUT, START = "dynamodb.GetItem", "dynamodb.UpdateItem", "s3.PutObject", "sfn.StartExecution"
MS = {
    "S3 GET": 30,
    "S3 PUT": 100,
    "DynamoDB reads": 10,
    "DynamoDB writes": 20,
    "StartExecution": 40,
    "transitions": 50,
    "Lambda invoke": 25,
    "event delivery": 200,
    "API": 5,
    "CDN": 15,
}
"""Milliseconds of a hop, by its name."""


def always(ms):
    """The times of a hop, by size, that takes so many milliseconds each time."""
    return ((0, LogNormal(ms, 0)),)


def function(name, ms, *calls, at=0.0):
    """A function that began at `at` and took so many ms; calls are (name, begin, end) in ms after that."""
    spans = [Span(call, at + begin / 1000, at + end / 1000) for call, begin, end in calls]
    return Invocation(Span(f"photo-booth-{name}", at, at + ms / 1000), spans)
