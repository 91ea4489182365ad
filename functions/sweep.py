"""Every minute: copies settings from SSM into the table and handles the open runs, see `booth.lifecycle.sweeping`."""

from typing import Any

from booth.aws import settings
from booth.handlers import entry
from booth.lifecycle import sweeping


@entry
def handler(event: dict[str, Any], context: object) -> None:
    settings.copy_to_table()
    sweeping.watch()
