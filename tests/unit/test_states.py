"""What AWS is asked of the state machine, against Step Functions' wire protocol."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from werkzeug.wrappers import Request, Response

from deploy import states
from deploy.stack import StackError
from tests.support.engine import read_application
from tests.support.judges.shapes import json_problems
from tests.support.serving import serving

pytestmark = pytest.mark.starts

MODEL = boto3.client("stepfunctions", region_name="us-east-1").meta.service_model
INVOKED = boto3.client("lambda", region_name="us-east-1").meta.service_model.operation_model("Invoke").output_shape
CASES = json.loads(states.CASES.read_text(encoding="utf-8"))
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:photo-booth-prove-dev"
[MACHINE] = read_application().state_machines.values()


def answer_of(case):
    """What AWS answers where the state does what was recorded."""
    expected = case["expected"]
    answer = {"status": expected["status"]}
    if expected.get("next"):
        answer["nextState"] = expected["next"]
    if "output" in expected:
        answer["output"] = json.dumps(expected["output"])
    if "error" in expected:
        answer |= {"error": expected["error"], "cause": states.CAUSE}
    if expected["status"] == "RETRIABLE":
        answer["inspectionData"] = {"errorDetails": {"retryIndex": expected["retrier"]}}
    return answer


def mock_problem(mock):
    """Why AWS refuses a mocked result of Lambda's Invoke, by its model and in AWS's words; None if it doesn't."""
    result = json.loads(mock.get("result", "[]"))
    is_checked = mock.get("fieldValidationMode", "STRICT") != "NONE" and "Payload" in result
    if is_checked and INVOKED.members["Payload"].type_name == "blob" and not isinstance(result["Payload"], str):
        return "Mock result schema validation error: Field 'Payload' must be a string"
    return None


class StepFunctions:
    """The service as a WSGI application; each request is held against AWS's model, and kept."""

    def __init__(self):
        self.asked = []
        self.validated = {"result": "OK", "diagnostics": []}
        self.tested = [answer_of(case) for case in CASES]
        self.refused = None

    def __call__(self, environ, start_response):
        request = Request(environ)
        operation = request.headers["X-Amz-Target"].removeprefix("AWSStepFunctions.")
        given = json.loads(request.get_data())
        model = MODEL.operation_model(operation)
        assert list(json_problems(model.input_shape, given, operation)) == []
        self.asked.append((operation, given))
        status, answer = 400, {"__type": "AccessDeniedException", "message": "not authorized"}
        if operation == "TestState" and (problem := mock_problem(given.get("mock", {}))):
            answer = {"__type": "ValidationException", "message": problem}
        elif operation != self.refused:
            status, answer = 200, getattr(self, operation)()
            assert list(json_problems(model.output_shape, answer, operation)) == []
        response = Response(json.dumps(answer), status, content_type="application/x-amz-json-1.0")
        return response(environ, start_response)

    def DescribeStateMachine(self):
        role = "arn:aws:iam::123456789012:role/machine"
        return {"stateMachineArn": ARN, "name": "photo-booth-prove-dev", "roleArn": role, "type": "STANDARD"} | {
            "definition": json.dumps(MACHINE.definition),
            "creationDate": 1796371200,
        }

    def ValidateStateMachineDefinition(self):
        return self.validated

    def TestState(self):
        return self.tested.pop(0)


@pytest.fixture
def step_functions(monkeypatch):
    service = StepFunctions()
    with serving(service) as url:
        for name, value in {"ENDPOINT_URL": url, "ACCESS_KEY_ID": "AKIATEST", "SECRET_ACCESS_KEY": "a secret"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield service


def check():
    return states.check(ARN, lambda text: None)


def test_every_state_is_asked_about_and_no_function_is_called(step_functions):
    assert check() == f"the definition is OK; {len(CASES)} answers of 20 states"
    operations, asked = zip(*step_functions.asked, strict=True)
    assert operations[:2] == ("DescribeStateMachine", "ValidateStateMachineDefinition")
    kinds = dict(all_states(MACHINE.definition["States"]))
    for request in asked[2:]:
        assert ("mock" in request) == (kinds[request["stateName"]] in ("Task", "Map"))
        assert ("context" in request) <= ("mock" in request)  # or it is refused
    assert {request["stateName"] for request in asked[2:]} == set(kinds)


def all_states(of):
    for name, state in of.items():
        yield name, state["Type"]
        yield from all_states(state.get("ItemProcessor", {}).get("States", {}))


def test_what_aws_warns_of_is_told(step_functions):
    step_functions.validated["diagnostics"] = [{"severity": "WARNING", "code": "W", "message": "looks odd"}]

    assert check().startswith("the definition is OK, which warns: WARNING W: looks odd;")


def test_a_definition_that_is_refused_stops_it(step_functions):
    said = {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": "no such state"}
    step_functions.validated = {"result": "FAIL", "diagnostics": [said]}

    with pytest.raises(
        StackError, match="refuses the state machine's definition: ERROR SCHEMA_VALIDATION_FAILED: no such state"
    ):
        check()
    assert len(step_functions.asked) == 2


@pytest.mark.parametrize(
    ("status", "change", "said"),
    [
        ("SUCCEEDED", {"nextState": "Finish"}, 'next state "Finish" instead of "CropFaces"'),
        ("SUCCEEDED", {"output": "{}"}, "output {} instead of "),
        ("SUCCEEDED", {"status": "FAILED"}, 'status "FAILED" instead of "SUCCEEDED"'),
        ("RETRIABLE", {"inspectionData": {}}, "retrier null instead of 0"),
        ("CAUGHT_ERROR", {"error": "States.Runtime"}, 'error "States.Runtime" instead of '),
    ],
)
def test_an_answer_that_is_another_is_told(step_functions, status, change, said):
    number = next(number for number, case in enumerate(CASES) if case["expected"]["status"] == status)
    step_functions.tested[number] |= change

    with pytest.raises(StackError, match=f"1 of {len(CASES)} answers of states differ: DetectFaces with ") as failure:
        check()
    assert said in str(failure.value)


@pytest.mark.parametrize("operation", ["DescribeStateMachine", "ValidateStateMachineDefinition", "TestState"])
def test_a_refusal_is_an_error(step_functions, operation):
    step_functions.refused = operation

    with pytest.raises(ClientError, match="AccessDenied"):
        check()
    assert step_functions.asked[-1][0] == operation


def test_on_aws_it_is_asked_at_the_address_of_its_own(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    assert states.client_for().meta.config.inject_host_prefix
    assert states.client_for().meta.endpoint_url == "https://states.eu-west-1.amazonaws.com"
