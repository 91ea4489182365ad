"""The last step, whatever happened: settles the run as SUCCEEDED, PARTIAL or FAILED and cleans up."""

from typing import Any

from booth import ending, store
from booth.log import logger, metrics


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    logger.append_keys(run=event["run"])
    failed = {each["picture"]: each["error"] for each in event.get("pictures", []) if "error" in each}
    run = ending.settle(store.get(event["run"]), event.get("error", {}).get("Error", ""), failed)
    return {"status": run.status, "error": run.error or "None"}
