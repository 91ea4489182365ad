"""The state in the emulated AWS services after the load: records, executions and objects."""

from collections import Counter
from typing import Any

from local.app import App


class AwsState:
    """Reads the application's table, state machine and buckets."""

    def __init__(self, app: App):
        self._app = app
        self._steps = app.client("stepfunctions")
        self._s3 = app.client("s3")

    def records(self) -> list[dict[str, Any]]:
        """The record of every run, its attributes as Python values."""
        from boto3.dynamodb.types import TypeDeserializer

        value, found = TypeDeserializer().deserialize, []
        pages = self._app.client("dynamodb").get_paginator("scan")
        for page in pages.paginate(TableName=self._app.stack.tables["Table"].name):
            items = [item for item in page["Items"] if item["pk"]["S"].startswith("run#")]
            found += [{name: value(field) for name, field in item.items()} for item in items]
        return found

    def executions(self) -> list[str]:
        """Names of all executions, oldest first."""
        machine = self._app.stack.state_machines["PhotoMachine"].arn
        pages = self._steps.get_paginator("list_executions").paginate(stateMachineArn=machine)
        found = [(each["startDate"], each["name"]) for page in pages for each in page["executions"]]
        return [name for _, name in sorted(found)]

    def transitions(self, run_id: str) -> int:
        """State transitions of a run's execution as Step Functions bills them: each retry is one more."""
        arn = self._app.stack.state_machines["PhotoMachine"].arn.replace(":stateMachine:", ":execution:") + f":{run_id}"
        pages = self._steps.get_paginator("get_execution_history").paginate(executionArn=arn)
        kinds = Counter(event["type"] for page in pages for event in page["events"])
        entered = sum(number for kind, number in kinds.items() if kind.endswith("StateEntered"))
        return entered + max(0, kinds["TaskScheduled"] - kinds["TaskStateEntered"])

    def objects(self, bucket: str) -> list[str]:
        """The keys of all versions and delete markers in a bucket."""
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        kinds = ("Versions", "DeleteMarkers")
        return [entry["Key"] for page in pages for kind in kinds for entry in page.get(kind, [])]
