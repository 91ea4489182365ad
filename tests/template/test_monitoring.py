"""Alarms and dashboard look at metrics that exist, and say what is so."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from functools import cache

import pytest

from benchmarks import cost
from booth import run
from booth.painting.chain import parse_chain
from booth.painting.models import ENDPOINT as ENDPOINT_WORD
from booth.painting.models import MODELS
from tests.support.judges.metrics import MORE, faults_of_metric, faults_of_statistic
from tests.support.templates import ROOT, TOOLS, read

TEMPLATE, MONITORING = read(ROOT / "template.yaml"), read(ROOT / "monitoring.yaml")
ENDPOINTS = {name: read(ROOT / f"{name}_model" / "endpoint.yaml") for name in ("sam", "paint")}
OWN = "PhotoBooth"

ENDED = {  # AWS's "Amazon Bedrock model lifecycle" and the models' cards
    "amazon.titan-image-generator-v1",
    "amazon.titan-image-generator-v2:0",  # 2026-06-30
    "amazon.nova-canvas-v1:0",  # 2026-09-30
}
LIVING = {*MODELS, ENDPOINT_WORD} - ENDED

FUNCTIONS = {name for name, each in TEMPLATE["Resources"].items() if each["Type"] == "AWS::Serverless::Function"}
PATHS = {
    name: [
        event["Properties"].get("Path", "")
        for event in TEMPLATE["Resources"][name]["Properties"].get("Events", {}).values()
    ]
    for name in FUNCTIONS
}
OF_STAFF_AND_WALL = {
    name for name, paths in PATHS.items() if paths and all(path.startswith(("/staff/", "/wall/")) for path in paths)
}
"""Watched by an alarm, and not on the dashboard, which costs $3 a month above 50 metrics."""
VALUES = {
    "StateMachineArn": {"Machine"},
    "ApiId": {"Api"},
    "QueueName": {"LostCalls"},
    "EndpointName": {"SamEndpoint", "PaintEndpoint", "AWS::StackName"},
    "VariantName": {"AllTraffic"},
    "FunctionName": FUNCTIONS,
    "service": {"Booth"},
    "model": LIVING,
}
"""What a dimension's value is, by the name of the parameter that holds it."""

UNWATCHED = {"Succeeded", "Partial", "Failed", "PhotoPutAgain", "BudgetSpent", "RequestRefused", "OldUploads"}
UNWATCHED |= {"PeopleInvented", "PaintedAgain", "HeadsByMatte"}
"""Counted for whoever looks into a booth's day; no alarm and no widget shows them."""


def alarms_of(template):
    return {name: each for name, each in template["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"}


ALARMS = {name: each["Properties"] for name, each in alarms_of(MONITORING).items()}
for _kind, _template in ENDPOINTS.items():
    ALARMS |= {f"{_kind} {name}": each["Properties"] for name, each in alarms_of(_template).items()}


def metrics_of(alarm):
    """The metrics that an alarm looks at: namespace, name and dimensions (name to value)."""
    several = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
    for metric in several or [alarm]:
        values = {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}
        yield metric["Namespace"], metric["MetricName"], {name: plain(value) for name, value in values.items()}


def plain(value):
    return value["Ref"] if isinstance(value, dict) else value


def dashboard():
    return json.loads(MONITORING["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])


def shown(widget):
    """The metrics of a widget. "." is what stands there in the row before, "..." all but the last of it.

    Source: "Dashboard body structure and syntax" in CloudWatch's API reference.
    """
    before = []
    for metric in widget["properties"]["metrics"]:
        row = [each for each in metric if not isinstance(each, dict)]
        if not row:  # an expression
            continue
        if row[0] == "...":
            row = before[: len(before) - len(row) + 1] + row[1:]
        row = before = [before[number] if each == "." else each for number, each in enumerate(row)]
        names, values = row[2::2], [re.sub(r"^\$\{(.*)\}$", r"\1", value) for value in row[3::2]]
        yield row[0], row[1], dict(zip(names, values, strict=True))


SHOWN = [metric for widget in dashboard()["widgets"] for metric in shown(widget)]
LOOKED_AT = [metric for alarm in ALARMS.values() for metric in metrics_of(alarm)] + SHOWN


@cache
def calls_of(function):
    """The functions' calls of `function`, from their source."""
    files = sorted((ROOT / "functions").rglob("*.py"))
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    return [
        node
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function
    ]


def counted():
    """The names that the functions count."""
    for node in calls_of("count"):
        if ast.unparse(node.args[0]) == "status.capitalize()":  # of a run that has ended
            yield from (status.capitalize() for status in run.ENDED if status != run.Status.DELETED)
        else:
            yield ast.literal_eval(node.args[0])


def measured():
    """The names of what the functions measure by model."""
    assert all([each.arg for each in node.keywords] == ["model"] for node in calls_of("measure"))
    return {ast.literal_eval(node.args[0]) for node in calls_of("measure")}


@pytest.mark.parametrize(("namespace", "name", "dimensions"), LOOKED_AT, ids=lambda value: str(value))
def test_every_metric_is_one_that_somebody_publishes(namespace, name, dimensions):
    if namespace == OWN:
        assert list(dimensions) == (["model", "service"] if name in measured() else ["service"])
        assert name in set(counted()) | measured()
    else:
        assert not list(faults_of_metric(namespace, name, set(dimensions)))
    for dimension, value in dimensions.items():
        assert value in VALUES[dimension]


def test_the_list_lacks_only_what_is_said():
    looked_at = {(namespace, frozenset(dimensions)) for namespace, _, dimensions in LOOKED_AT}
    assert MORE.keys() <= looked_at


def statistics():
    """(statistic, period, unit, number of periods) of each alarm, and of each metric of a widget."""
    for alarm in ALARMS.values():
        periods = alarm["EvaluationPeriods"]
        periods = periods if isinstance(periods, int) else 1440  # QuietMinutes, at most
        several = [each["MetricStat"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
        for each in several or [alarm]:
            statistic = each.get("Stat") or each.get("Statistic") or each["ExtendedStatistic"]
            yield statistic, each["Period"], each.get("Unit"), periods
    for widget in dashboard()["widgets"]:
        own = widget["properties"]
        for row in own["metrics"]:
            options = own | (row[-1] if isinstance(row[-1], dict) else {})
            if "expression" not in options:
                yield options["stat"], options["period"], None, 1


def test_every_statistic_and_period_is_one_that_cloudwatch_knows():
    assert [each for one in statistics() for each in faults_of_statistic(*one)] == []


PLANTED = {
    "a namespace that is none": (
        ("AWS/StepFunctions", "ExecutionsFailed", {"StateMachineArn"}),
        "AWS has no namespace",
    ),
    "a REST API's name": (("AWS/ApiGateway", "5XXError", {"ApiId"}), "AWS/ApiGateway has no metric 5XXError by ApiId"),
    "another dimension": (("AWS/Lambda", "Errors", {"Function"}), "AWS/Lambda has no metrics by Function"),
    "too few dimensions": (("AWS/SageMaker", "Invocations", {"EndpointName"}), "AWS/SageMaker has no metrics by"),
    "none where there is one": (("AWS/States", "ExecutionsFailed", set()), "AWS/States has no metrics by nothing"),
    "another spelling": (("AWS/States", "ExecutionsTimedout", {"StateMachineArn"}), "AWS/States has no metric"),
    "a metric of the instances": (
        ("AWS/SageMaker", "CPUUtilization", {"EndpointName", "VariantName"}),
        "AWS/SageMaker",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_the_list_finds_a_planted_metric(fault):
    metric, words = PLANTED[fault]
    [said] = faults_of_metric(*metric)
    assert said.startswith(words)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (("Median", 60), "there is no statistic Median"),
        (("p101", 60), "there is no statistic p101"),
        (("Sum", 90), "no period has 90 s"),
        (("p95", 60, "Mikroseconds"), "there is no unit Mikroseconds"),
        (("Sum", 60, None, 1441), "1441 periods of 60 s are more"),
    ],
)
def test_a_planted_statistic_is_found(one, words):
    [said] = faults_of_statistic(*one)
    assert said.startswith(words)


def test_every_count_is_looked_at_or_known_not_to_be():
    looked_at = {name for namespace, name, _ in LOOKED_AT if namespace == OWN}
    assert set(counted()) - looked_at == UNWATCHED


def test_a_count_is_published_under_the_namespace_and_dimension_that_alarms_and_dashboard_name():
    """In CloudWatch's embedded metric format, as Powertools writes it with the template's environment."""
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}
    assert TEMPLATE["Resources"]["Monitoring"]["Properties"]["Parameters"]["Booth"] == {"Ref": "AWS::StackName"}
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == OWN
    own = {name: value for name, value in variables.items() if isinstance(value, str)}
    told = subprocess.run(
        [sys.executable, "-c", "from booth.log import count, metrics; count('EventLost'); metrics.flush_metrics()"],
        env=os.environ | own | {"POWERTOOLS_SERVICE_NAME": "booth", "PYTHONPATH": str(ROOT / "functions")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    line = json.loads(told)
    [embedded] = line["_aws"]["CloudWatchMetrics"]
    assert (embedded["Namespace"], embedded["Dimensions"], line["service"]) == (OWN, [["service"]], "booth")
    assert [each["Name"] for each in embedded["Metrics"]] == ["EventLost"]


def test_what_is_measured_by_model_is_shown_for_each_model_that_lives():
    shown_by_model = {name: {each["model"] for _, other, each in SHOWN if other == name} for name in measured()}
    assert shown_by_model == {"KeptChange": LIVING}


@pytest.mark.parametrize("name", [name for name, each in ALARMS.items() if "Metrics" in each])
def test_an_alarms_expressions_are_of_its_own_metrics(name):
    """And have no FILL: AWS doesn't say what it makes of a metric that never had a data point."""
    metrics = ALARMS[name]["Metrics"]
    ids = {each["Id"] for each in metrics}
    for each in metrics:
        words = set(re.findall(r"[A-Za-z_]+", each.get("Expression", "")))
        assert words - {"SUM", "IF", "METRICS"} <= ids - {each["Id"]}
    assert len([each for each in metrics if each.get("ReturnData", True)]) == 1
    assert len({each["MetricStat"]["Period"] for each in metrics if "MetricStat" in each}) == 1


@pytest.mark.parametrize("kind", ENDPOINTS)
def test_the_endpoints_alarms_name_its_variant(kind):
    resources = ENDPOINTS[kind]["Resources"]
    assert resources["Endpoint"]["Properties"]["EndpointName"] == {"Ref": "AWS::StackName"}
    [variant] = resources["EndpointConfig"]["Properties"]["ProductionVariants"]
    variants = variant["Fn::If"][1:] if kind == "sam" else [variant]  # SAM's may be serverless
    assert {each["VariantName"] for each in variants} == VALUES["VariantName"]


def test_the_dashboard_shows_each_function_by_its_name():
    """A SEARCH would have to guess it: a function's name is the stack's, its own and something random.

    More than 50 metrics would cost: what nobody waits for in a queue is watched by its alarm alone.
    """
    watched = FUNCTIONS - OF_STAFF_AND_WALL - {"PaintAgain", "ModeratePicture"}
    for metric in ("Duration", "Errors"):
        assert {each["FunctionName"] for _, name, each in SHOWN if name == metric} == watched
    assert "SEARCH" not in json.dumps(MONITORING) + json.dumps(ENDPOINTS)


# What CloudWatch makes of missing data: "Configuring how CloudWatch alarms treat missing data" in its user guide.


def state(alarm, points, before):
    """The state of an alarm after an evaluation.

    Args:
        points: those of the evaluation range, which is longer than EvaluationPeriods, the newest first; True where one
            breaches, None where it is missing.
        before: the state until now. A new alarm's is INSUFFICIENT_DATA.
    """
    needed = alarm["EvaluationPeriods"]
    found = [point for point in points if point is not None]
    if not found:
        ends = {"breaching": "ALARM", "notBreaching": "OK", "ignore": before, "missing": "INSUFFICIENT_DATA"}
        return ends[alarm["TreatMissingData"]]
    # With enough of them the newest count, from however far back; else each gap does as TreatMissingData says.
    filled = found[:needed] + [alarm["TreatMissingData"] == "breaching"] * (needed - len(found))
    return "ALARM" if sum(filled) >= alarm.get("DatapointsToAlarm", needed) else "OK"


def told(alarm, before, after):
    """Whether somebody hears of a transition. Actions follow a change of state only (PutMetricAlarm in the API)."""
    actions = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
    return before != after and bool(alarm.get(actions[after]))


NONE = [None] * 7


@pytest.mark.parametrize("name", ALARMS)
def test_no_alarm_is_raised_by_a_first_deployment_where_nothing_has_been_measured(name):
    alarm = ALARMS[name] | {"EvaluationPeriods": 5}
    after = state(alarm, NONE, "INSUFFICIENT_DATA")
    assert after != "ALARM"
    assert after == "OK" or not told(alarm, "INSUFFICIENT_DATA", after)


def test_a_sweep_that_stops_is_told_within_ten_minutes_and_a_busy_one_is_not():
    alarm = ALARMS["SweepStopped"]
    assert [(name, each) for _, name, each in metrics_of(alarm)] == [("Invocations", {"FunctionName": "Sweep"})]
    runs = False  # a data point is at least 1, which is not below the threshold
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert state(alarm, [runs, *NONE[1:]], "INSUFFICIENT_DATA") == "OK", "the first minute"
    # A sweep is written down when it ends, three minutes after its call at the latest.
    assert TEMPLATE["Resources"]["Sweep"]["Properties"]["Timeout"] <= 180
    assert alarm["EvaluationPeriods"] * alarm["Period"] >= 180 + 60
    assert state(alarm, [*NONE[:4], runs, runs, runs], "OK") == "OK"
    after = state(alarm, NONE, "OK")
    assert told(alarm, "OK", after)
    # AWS's tables look at five periods for three: two more.
    assert (alarm["EvaluationPeriods"] + 2) * alarm["Period"] <= 480, "and a minute or two until it is seen"


def test_none_left_is_told_until_a_picture_is_painted_and_not_until_nobody_comes():
    alarm = ALARMS["ModelsUnavailable"]
    assert [(name, each) for _, name, each in metrics_of(alarm)] == [("ModelsUnavailable", {"service": "Booth"})]
    assert state(alarm, [True], "OK") == "ALARM"
    assert state(alarm, [None], "ALARM") == "ALARM"
    assert state(alarm, [False], "ALARM") == "OK"
    assert told(alarm, "OK", "ALARM")
    assert told(alarm, "ALARM", "OK")


def test_a_candidate_that_is_gone_is_not_said_to_be_back_when_some_minutes_are_over():
    alarm = ALARMS["ModelGone"]
    assert told(alarm, "OK", "ALARM")
    assert not told(alarm, "ALARM", state(alarm, NONE, "ALARM"))


def test_an_alarm_of_runs_that_the_clock_ended_does_not_count_stopped_executions():
    """A visitor's deletion stops one, too."""
    counts = {(namespace, name) for namespace, name, _ in metrics_of(ALARMS["RunsTimedOut"])}
    assert counts == {("AWS/States", "ExecutionsTimedOut"), (OWN, "TimedOut")}


def test_the_costs_are_of_as_many_alarms_and_metrics_as_there_are():
    deploy = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    alarms = [each["Properties"] for each in alarms_of(MONITORING).values()]
    metrics = sum(len(list(metrics_of(alarm))) for alarm in alarms)
    assert f"| Alarms: {len(alarms)}, over {metrics} metrics | 0.10 a metric | {metrics * 0.1:.2f} |" in deploy
    assert f"| The booth's own metrics: {len(set(counted()))} |" in deploy
    on_it = {json.dumps(metric) for metric in SHOWN}
    assert f"| Dashboard, of {len(on_it)} metrics |" in deploy
    assert cost.idle_day_usage(cost.Usage())["cloudwatch.alarm_metric_month"] == metrics / 30


# The image models of samconfig.toml


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_each_environment_asks_models_that_live_as_sam_reads_its_configuration(environment):
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))[environment]["deploy"]["parameters"]
    reads = "import json, sys; from samcli.cli.types import CfnParameterOverridesType as Overrides;"
    reads += "print(json.dumps(Overrides().convert(json.load(sys.stdin), None, None)))"
    answer = subprocess.run(
        [TOOLS / "sam" / "bin" / "python", "-c", reads],
        input=json.dumps(config["parameter_overrides"]),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    models = json.loads(answer)["ImageModels"]

    assert re.fullmatch(TEMPLATE["Parameters"]["ImageModels"]["AllowedPattern"], models)
    assert not {each.model for each in parse_chain(models)} & ENDED


def test_the_default_chain_begins_with_titan_and_ends_with_a_model_that_lives():
    first, *_, last = parse_chain(TEMPLATE["Parameters"]["ImageModels"]["Default"])
    assert first.model == "amazon.titan-image-generator-v2:0"
    assert last.model not in ENDED
