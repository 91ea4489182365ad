"""Step Functions: one execution per run, whose name is the run's id."""

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
    """The execution's ARN."""
    return _machine().replace(":stateMachine:", ":execution:") + f":{run_id}"


def start(run_id: str) -> None:
    """Starts the run's execution. Idempotent: with the same name and input StartExecution starts no second one."""
    with aws_errors():
        try:
            connect().start_execution(stateMachineArn=_machine(), name=run_id, input=json.dumps({"run": run_id}))
        except ClientError as error:
            if code_of(error) != "ExecutionAlreadyExists":
                raise


def is_running(run_id: str) -> bool | None:
    """Whether the run's execution is running; None if there is none (it was never started)."""
    with aws_errors():
        try:
            answer = connect().describe_execution(executionArn=_execution(run_id))
        except ClientError as error:
            if code_of(error) == "ExecutionDoesNotExist":
                return None
            raise
        return answer["status"] in ("RUNNING", "PENDING_REDRIVE")


def stop(run_id: str) -> None:
    """Stops the run's execution; does nothing if it has ended or was never started."""
    with aws_errors():
        try:
            connect().stop_execution(executionArn=_execution(run_id))
        except ClientError as error:
            if code_of(error) != "ExecutionDoesNotExist":
                raise
