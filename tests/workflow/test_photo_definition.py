"""The state machine's text beside the template: what can be wrong without any execution showing it."""

import json
import re

import pytest
import yaml

from booth import errors, limits
from booth.painting.chain import parse_chain
from booth.painting.models import MODELS
from local.iam import as_list
from local.template.document import TemplateError
from local.template.reader import load
from tests.support.engine import ROOT, read_application, tasks_of

TEXT = (ROOT / "statemachine" / "photo.asl.json").read_text(encoding="utf-8")
DEFINITION = json.loads(TEXT)
TASKS = tasks_of(DEFINITION["States"])

# Lambda's and Step Functions' pages on handling errors; the last two are the names of a function that was out of time
# and of one whose process ended.
AWS_ERRORS = {
    *("Lambda.TooManyRequestsException", "Lambda.ServiceException", "Lambda.AWSLambdaException"),
    *("Lambda.SdkClientException", "Lambda.ClientExecutionTimeoutException", "Lambda.Unknown"),
    *("States.ALL", "Sandbox.Timedout", "Runtime.ExitError"),
}


class _Tagged(yaml.CSafeLoader):
    """YAML in which `!GetAtt A.B` reads as ("GetAtt", "A.B")."""


_Tagged.add_multi_constructor("!", lambda loader, tag, node: (tag, node.value))
RESOURCES = yaml.load((ROOT / "template.yaml").read_text(encoding="utf-8"), Loader=_Tagged)["Resources"]
MACHINE = RESOURCES["PhotoMachine"]["Properties"]
SUBSTITUTIONS = MACHINE["DefinitionSubstitutions"]


def state_machines(definition=DEFINITION, where="the machine"):
    """The machine and the item processor of each Map: name and ASL object with `StartAt` and `States`."""
    yield where, definition
    for name, state in definition["States"].items():
        if state["Type"] == "Map":
            yield from state_machines(state["ItemProcessor"], name)


def states():
    return [(name, state) for _, machine in state_machines() for name, state in machine["States"].items()]


def targets(state):
    """The names of all states that may follow a state."""
    nexts = [state, *state.get("Catch", []), *state.get("Choices", [])]
    return {each["Next"] for each in nexts if "Next" in each} | {state[key] for key in ("Default",) if key in state}


def reachable(machine):
    found, ahead = set(), {machine["StartAt"]}
    while ahead:
        name = ahead.pop()
        found.add(name)
        ahead |= targets(machine["States"].get(name, {})) - found
    return found


def each(found):
    return pytest.mark.parametrize(("name", "found"), found, ids=[name for name, _ in found])


TASK = pytest.mark.parametrize("name", TASKS)


def test_each_step_of_the_product_is_a_task():
    before = ["DetectFaces", "CropFaces", "SegmentCrop", "MergeMasks", "GenerateImage"]
    assert list(TASKS) == [*before, "ModeratePicture", "AdmitAgain", "Finish"]


def test_the_template_gives_each_token_and_no_other():
    tokens = {f"${{{token}}}" for token in SUBSTITUTIONS}
    used = [task["Parameters"]["FunctionName"] for task in TASKS.values()]

    assert set(used) == tokens
    assert sum(TEXT.count(token) for token in tokens) == TEXT.count("${") == len(used)


def function_of(task):
    """A picture whose turn is lost is admitted by the same function."""
    return task.removesuffix("Again")


@TASK
def test_a_task_calls_the_function_of_its_name(name):
    token = TASKS[name]["Parameters"]["FunctionName"].strip("${}")

    assert SUBSTITUTIONS[token] == ("GetAtt", f"{function_of(name)}.Arn")


def test_the_machine_may_invoke_its_functions_and_no_other():
    statements = [statement for policy in MACHINE["Policies"] for statement in policy["Statement"]]
    [resources] = [each["Resource"] for each in statements if each["Action"] == "lambda:InvokeFunction"]

    assert sorted(resources) == sorted(SUBSTITUTIONS.values())


@TASK
def test_a_task_waits_longer_than_its_function_may_run(name):
    function = read_application().functions[function_of(name)]

    assert TASKS[name]["TimeoutSeconds"] > function.timeout


def test_a_picture_is_scored_until_nobody_cleans_up_after_its_run():
    """`sweep` removes copies that nobody has listed CLEAN_SECONDS after the end."""
    task, broken = TASKS["ModeratePicture"], TASKS["ModeratePicture"]["Retry"][1]
    waits = broken["MaxAttempts"] * broken["MaxDelaySeconds"]

    assert (1 + broken["MaxAttempts"]) * task["TimeoutSeconds"] + waits < limits.CLEAN_SECONDS


def test_the_machine_gives_up_before_sweep_settles_the_run_that_waited_longest():
    longest = limits.QUEUE_SECONDS + limits.STOP_SECONDS

    assert max(task["TimeoutSeconds"] for task in TASKS.values()) < limits.STOP_SECONDS
    assert limits.QUEUE_SECONDS + limits.LATEST_PAINTING_SECONDS < DEFINITION["TimeoutSeconds"] < longest


@TASK
def test_a_task_retries_with_jitter_and_a_longest_wait(name):
    assert TASKS[name]["Retry"]
    for retrier in TASKS[name]["Retry"]:
        assert retrier["JitterStrategy"] == "FULL"
        assert retrier["MaxDelaySeconds"] >= retrier["IntervalSeconds"]
        assert retrier["MaxAttempts"] > 0


@TASK
def test_a_task_retries_errors_that_exist(name):
    ours = {kind.__name__ for kind in vars(errors).values() if isinstance(kind, type)}
    names = [error for retrier in TASKS[name]["Retry"] for error in retrier["ErrorEquals"]]

    assert set(names) <= ours | AWS_ERRORS
    assert len(names) == len(set(names))


@each([(name, state) for name, state in states() if state["Type"] in ("Task", "Map")])
def test_every_error_is_caught(name, found):
    assert [catcher["ErrorEquals"] for catcher in found["Catch"]][-1] == ["States.ALL"]


@each([(name, state) for name, state in states() if state["Type"] == "Map"])
def test_a_map_is_never_retried_as_a_whole(name, found):
    assert "Retry" not in found


@each(list(state_machines()))
def test_each_state_can_be_reached_and_each_next_state_exists(name, found):
    """The interpreter takes a machine with a `Next` to nowhere; AWS refuses it when it is deployed."""
    assert reachable(found) == set(found["States"])


def test_every_error_that_can_pass_is_retried_by_a_rule_of_the_painting_step():
    names = {error for retrier in TASKS["GenerateImage"]["Retry"] for error in retrier["ErrorEquals"]}

    assert {"Throttled", "ServiceUnavailable", "OutputBlocked"} <= names
    assert not {"ContentBlocked", "ModelsUnavailable", "InternalError", "States.ALL"} & names


def test_the_painting_function_may_call_every_model_that_has_a_codec_and_no_other():
    statements = RESOURCES["GenerateImage"]["Properties"]["Policies"][0]["Statement"]
    unconditional = [statement for statement in statements if isinstance(statement, dict)]  # not an If
    allowed = [statement for statement in unconditional if statement["Action"] == "bedrock:InvokeModel"]
    arns = [arn for statement in allowed for _, arn in statement["Resource"]]
    ids = {re.search(r":(?:foundation-model|inference-profile)/(.+)$", arn)[1] for arn in arns}

    assert ids == set(MODELS) | {"stability.stable-image-inpaint-v1:0"}
    [behind] = [statement for statement in allowed if "Condition" in statement]
    [profiles] = [each["Resource"] for each in allowed if "inference-profile" in each["Resource"][0][1]]
    assert behind["Condition"] == {"StringEquals": {"bedrock:InferenceProfileArn": profiles}}
    assert all("::foundation-model/stability." in arn for _, arn in behind["Resource"])
    for resources in (profiles, behind["Resource"]):
        assert [re.search(r":bedrock:([^:]+):", arn)[1] for _, arn in resources] == [
            "us-east-1",
            "us-east-2",
            "us-west-2",
        ]


@pytest.mark.parametrize("repaints", ["false", "true"])
def test_the_painting_function_may_ask_rekognition_only_where_people_are_counted(repaints):
    stack = load(
        ROOT / "template.yaml",
        stack="s",
        region="us-east-1",
        parameters={"RepaintInventedPeople": repaints},
        attributes={"Cdn": "E1EXAMPLE", "Cdn.DomainName": "cdn.example"},
    )
    actions = {action for each in stack.policies["GenerateImage"] for action in as_list(each["Action"])}
    assert ("rekognition:DetectFaces" in actions) == (repaints == "true")
    assert stack.functions["GenerateImage"].environment["REPAINT_INVENTED_PEOPLE"] == repaints


def test_counting_people_and_painting_once_more_fit_in_the_functions_time():
    counting = 2 + 5  # seconds to connect to Rekognition, and to wait for its answer: booth.aws.clients
    left = read_application().functions["GenerateImage"].timeout - limits.LATEST_REPAINT_CHECK_SECONDS

    assert counting + limits.REPAINT_CALL_SECONDS + 5 < left
    assert limits.REPAINT_CALL_SECONDS < limits.MODEL_CALL_SECONDS


def test_the_default_chain_is_titan_then_stability_and_has_codecs():
    chain = parse_chain(read_application().functions["GenerateImage"].environment["IMAGE_MODELS"])

    assert [each.region for each in chain] == ["us-east-1", "us-west-2", "us-east-1", "us-west-2", "us-east-2"]
    assert [each.model.split(".")[-1].split("-")[0] for each in chain] == ["titan"] * 2 + ["stable"] * 3


@pytest.mark.parametrize(
    "chain",
    [
        "endpoint",
        "endpoint=12x2, us.stability.stable-image-inpaint-v1:0@us-east-1=10",
        "us.stability.stable-image-inpaint-v1:0@us-west-2 ,endpoint=0.25",
        "us.stability.stable-image-inpaint-v1:0@us-west-2,endpoint=7.5,us.stability.stable-image-inpaint-v1:0@us-east-1",
    ],
)
@pytest.mark.parametrize(("given", "region"), [("", "us-east-1"), ("ap-northeast-2", "ap-northeast-2")])
def test_only_the_function_that_paints_may_call_the_endpoint_and_both_know_its_region(chain, given, region):
    parameters = {"ImageModels": chain, "PaintEndpoint": "photo-booth-paint-prod", "PaintRegion": given}
    attributes = {"Cdn": "E1EXAMPLE", "Cdn.DomainName": "cdn.example"}
    stack = load(ROOT / "template.yaml", stack="s", region="us-east-1", parameters=parameters, attributes=attributes)
    calls = {
        name: json.dumps(statements).count("endpoint/photo-booth-paint") for name, statements in stack.policies.items()
    }
    assert {name for name, number in calls.items() if number} == {"GenerateImage"}
    [own] = [each for each in stack.policies["GenerateImage"] if each["Action"] == "sagemaker:InvokeEndpoint"]
    assert own["Resource"] == f"arn:aws:sagemaker:{region}:123456789012:endpoint/photo-booth-paint-prod"
    for name in ("MergeMasks", "Admit", "GenerateImage"):
        environment = stack.functions[name].environment
        assert f"endpoint@{region}" in map(str, parse_chain(environment["IMAGE_MODELS"], environment["PAINT_REGION"]))
    assert not [each for each in read_application().policies["GenerateImage"] if "sagemaker" in json.dumps(each)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"ImageModels": "amazon.titan-image-generator-v2:0"},
        {"ImageModels": ""},
        {"ImageModels": "amazon.titan-image-generator-v2:0@us-east-1=0"},
        {"ImageModels": ",endpoint"},
        {"ImageModels": "endpoint,"},
        {"ImageModels": "endpoint=0"},
        {"ImageModels": "endpoint=2x0"},
        {"ImageModels": "endpoint@us-east-1=2x1"},
        {"PaintEndpoint": "Photo-Booth-Paint"},
        {"PaintRegion": "Seoul"},
        {"ImageQuality": "best"},
        {"PictureSide": "2048"},
    ],
)
def test_parameters_that_cannot_be_are_refused_before_anything_is_deployed(wrong):
    with pytest.raises(TemplateError, match=next(iter(wrong))):
        load(ROOT / "template.yaml", stack="s", region="us-east-1", parameters=wrong)
