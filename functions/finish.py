"""The last step, also after an error: ends the run as SUCCEEDED, PARTIAL or FAILED and cleans up."""

from typing import Any

from booth.aws import clients, objects, table
from booth.handlers import step
from booth.lifecycle import ending
from booth.runs import store

clients.at_init(table.connect, objects.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    failed = {each["picture"]: each["error"] for each in event.get("pictures", []) if "error" in each}
    run = ending.settle(store.get(event["run"]), event.get("error", {}).get("Error", ""), failed)
    return {"status": run.status, "error": run.error or "None"}
