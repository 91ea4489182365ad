"""The state machine by AWS itself: ValidateStateMachineDefinition, and TestState of each state with recorded inputs.

No function is called: Tasks and Maps are given what a function or the items would have answered (`mock`), and the other
states call nothing. It takes the rights states:DescribeStateMachine, states:ValidateStateMachineDefinition,
states:TestState and iam:PassRole for the machine's role. states.json is recorded from moto's interpreter
(`tests/support/state_cases.py`, which says what a case has).

Source: https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from deploy.stack import StackError

CASES = Path(__file__).with_name("states.json")
CAUSE = "what the function said"
STARTED = "2026-01-01T00:00:00.000Z"
UNCHECKED = "NONE"
"""By default a mocked result is held against the model of Lambda's Invoke, in which `Payload` is a blob, so a text: AWS
refuses an object with "Mock result schema validation error: Field 'Payload' must be a string" (LocalStack's tests of
fieldValidationMode, recorded on AWS). What a Task gets from lambda:invoke is the object."""
SHOWN = 3
"""So many of the answers that differ are told."""


def check(machine: str, say: Callable[[str], None]) -> str:
    """Asks AWS what it makes of the state machine with the ARN `machine`; gives what it says in a sentence.

    Raises StackError: it refuses the definition, or does another thing than was recorded.
    """
    client = client_for()
    described = client.describe_state_machine(stateMachineArn=machine)
    found = client.validate_state_machine_definition(**validation(described))
    said = [f"{each['severity']} {each['code']}: {each['message']}" for each in found["diagnostics"]]
    if found["result"] != "OK":
        raise StackError(f"AWS refuses the state machine's definition: {'; '.join(said)}")
    cases, wrong = _cases(), []
    for case in cases:
        say(f"{case['state']}: {case['expected']['status']}")
        wrong += differences(case, client.test_state(**request(case, described)))
    if wrong:
        raise StackError(f"{len(wrong)} of {len(cases)} answers of states differ: {'; '.join(wrong[:SHOWN])}")
    warned = f", which warns: {'; '.join(said)}" if said else ""
    return f"the definition is OK{warned}; {len(cases)} answers of {len({case['state'] for case in cases})} states"


def count() -> int:
    """How many times `check` calls TestState."""
    return len(_cases())


def _cases() -> list[dict]:
    return json.loads(CASES.read_text(encoding="utf-8"))


def client_for() -> Any:
    """Step Functions. AWS's own address of TestState begins with `sync-`; one that is set is taken as it is."""
    is_aws = "amazonaws.com" in boto3.client("stepfunctions").meta.endpoint_url
    config = Config(inject_host_prefix=is_aws, retries={"mode": "adaptive", "total_max_attempts": 8})
    return boto3.client("stepfunctions", config=config)


def validation(machine: dict) -> dict:
    """The request to validate a definition; `machine` as DescribeStateMachine gives it."""
    return {"definition": machine["definition"], "type": machine["type"], "severity": "WARNING"}


def request(case: dict, machine: dict) -> dict:
    """TestState's request for a case of states.json."""
    found = {
        "definition": machine["definition"],
        "roleArn": machine["roleArn"],
        "stateName": case["state"],
        "input": json.dumps(case["input"]),
        "inspectionLevel": "DEBUG",
    }
    mock = case.get("mock", {})
    if "result" in mock:
        found["mock"] = {"result": json.dumps(mock["result"]), "fieldValidationMode": UNCHECKED}
    if "error" in mock:
        found["mock"] = {"errorOutput": {"error": mock["error"], "cause": CAUSE}}
    if "attempt" in case:
        found["context"] = json.dumps(_context(case, machine))
    if "retries" in case:
        found["stateConfiguration"] = {"retrierRetryCount": case["retries"]}
    return found


def _context(case: dict, machine: dict) -> dict:
    """The Context object of a Task's attempt; TestState takes one only with a mock."""
    arn = machine["stateMachineArn"].replace(":stateMachine:", ":execution:") + ":" + case["input"]["run"]
    return {
        "Execution": {"Id": arn, "Input": {"run": case["input"]["run"]}, "Name": case["input"]["run"]}
        | {"RoleArn": machine["roleArn"], "StartTime": STARTED},
        "State": {"EnteredTime": STARTED, "Name": case["state"], "RetryCount": case["attempt"]},
        "StateMachine": {"Id": machine["stateMachineArn"], "Name": machine["name"]},
    }


def differences(case: dict, answer: dict) -> Iterator[str]:
    """In which members TestState's answer is another than what was recorded, a sentence each."""
    expected = case["expected"]
    retrier = expected.get("retrier") if expected["status"] == "RETRIABLE" else None
    details = answer.get("inspectionData", {}).get("errorDetails", {})
    output = answer.get("output") if "output" in expected else None
    pairs = {
        "status": (expected["status"], answer["status"]),
        "next state": (expected.get("next"), answer.get("nextState") or None),
        "output": (expected.get("output"), output and json.loads(output)),
        "error": (expected.get("error"), answer.get("error")),
        "retrier": (retrier, details.get("retryIndex") if retrier is not None else None),
    }
    for member, (ours, theirs) in pairs.items():
        if ours != theirs:
            where = f"{case['state']} with {case.get('mock', case['input'])}"
            yield f"{where}: {member} {json.dumps(theirs)} instead of {json.dumps(ours)}"
            return
