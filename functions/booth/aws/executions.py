"""Step Functions: one execution per run, named after it."""

import json
import os

from botocore.exceptions import ClientError

from booth.aws.clients import client
from booth.aws.errors import aws_errors, code_of


def connect():
    """The client, made once."""
    return client("stepfunctions")


def _machine() -> str:
    return os.environ["STATE_MACHINE_ARN"]


def _execution(run_id: str) -> str:
    return _machine().replace(":stateMachine:", ":execution:") + f":{run_id}"


def start(run_id: str) -> None:
    """Starts the run's execution, unless it was started before: the name makes a second start harmless."""
    with aws_errors():
        try:
            connect().start_execution(stateMachineArn=_machine(), name=run_id, input=json.dumps({"run": run_id}))
        except ClientError as error:
            if code_of(error) != "ExecutionAlreadyExists":
                raise


def is_running(run_id: str) -> bool | None:
    """Whether the run's execution is running; None if it was never started."""
    with aws_errors():
        try:
            answer = connect().describe_execution(executionArn=_execution(run_id))
        except ClientError as error:
            if code_of(error) == "ExecutionDoesNotExist":
                return None
            raise
        return answer["status"] in ("RUNNING", "PENDING_REDRIVE")


def stop(run_id: str) -> None:
    """Stops the run's execution; nothing happens if it has ended or never was."""
    with aws_errors():
        try:
            connect().stop_execution(executionArn=_execution(run_id))
        except ClientError as error:
            if code_of(error) != "ExecutionDoesNotExist":
                raise
