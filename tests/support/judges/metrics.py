"""The metrics that AWS publishes, as a judge of what alarms and dashboards look at.

The list is AWS's own: the npm package @aws-cdk/aws-service-spec (tools/package.json), of which AWS's CDK is made; what
it lacks stands in `MORE` with the page that has it. Statistics and units are CloudWatch's, in botocore's model.
"""

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache

from botocore.loaders import Loader

from tests.support.templates import TOOLS

SPEC = TOOLS / "npm" / "node_modules" / "@aws-cdk" / "aws-service-spec" / "db.json.gz"
MORE = {
    # https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html, "SageMaker AI endpoint metrics"
    ("/aws/sagemaker/Endpoints", frozenset({"EndpointName", "VariantName"})): {"CPUUtilization", "MemoryUtilization"},
}
# "Statistics definitions" in CloudWatch's guide: those with a number, of which 50, 95 or 99.9 are examples.
BY_NUMBER = re.compile(r"(p|tm|tc|ts|wm)(100|\d{1,2}(\.\d{1,10})?)")


def published_schema() -> dict[str, dict]:
    """The list as the package has it: metrics, events and their relations."""
    return json.loads(gzip.decompress(SPEC.read_bytes()))["schema"]


@cache
def published() -> dict[tuple[str, frozenset[str]], set[str]]:
    """The names of AWS's metrics by namespace and dimensions."""
    schema = published_schema()
    metrics = {each["$id"]: each for each in schema["metric"]["entities"]}
    sets = {each["$id"]: each["dimensions"] for each in schema["dimensionSet"]["entities"]}
    found = {key: set(names) for key, names in MORE.items()}
    for metric, uses in schema["usesDimensionSet"]["forward"].items():
        for use in uses:
            key = metrics[metric]["namespace"], frozenset(each["name"] for each in sets[use["$id"]])
            found.setdefault(key, set()).add(metrics[metric]["name"])
    return found


@cache
def _words(shape: str) -> set[str]:
    return set(Loader().load_service_model("cloudwatch", "service-2")["shapes"][shape]["enum"])


def faults_of_metric(namespace: str, name: str, dimensions: set[str]) -> Iterator[str]:
    """What AWS's list says against a metric; a sentence for each fault."""
    kinds = {key[1] for key in published() if key[0] == namespace}
    if not kinds:
        yield f"AWS has no namespace {namespace}"
    elif frozenset(dimensions) not in kinds:
        yield f"{namespace} has no metrics by {', '.join(sorted(dimensions)) or 'nothing'}"
    elif name not in published()[namespace, frozenset(dimensions)]:
        yield f"{namespace} has no metric {name} by {', '.join(sorted(dimensions)) or 'nothing'}"


def faults_of_statistic(statistic: str, period: int, unit: str | None = None, periods: int = 1) -> Iterator[str]:
    """What CloudWatch says against a statistic, its period in seconds, a unit, and the number of an alarm's periods."""
    if statistic not in _words("Statistic") and not BY_NUMBER.fullmatch(statistic):
        yield f"there is no statistic {statistic}"
    if unit is not None and unit not in _words("StandardUnit"):
        yield f"there is no unit {unit}"
    # PutMetricAlarm's reference: a period is 10, 20, 30 or a multiple of 60; all of them make a day at most, a week if
    # each is an hour or longer.
    if period not in (10, 20, 30) and (period < 60 or period % 60):
        yield f"no period has {period} s"
    if period * periods > (604800 if period >= 3600 else 86400):
        yield f"{periods} periods of {period} s are more than an alarm looks at"
