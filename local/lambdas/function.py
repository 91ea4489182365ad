"""A Lambda function, and the environment that Lambda gives it."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SYSTEM_ENVIRONMENT = {"LANG": "en_US.UTF-8", "TZ": ":UTC", "PATH": os.defpath, "HOME": "/tmp"}


@dataclass(frozen=True)
class Function:
    """A Lambda function as its template describes it.

    `code` is the folder that becomes the working directory and the first place of imports, `timeout` is in
    seconds, `retries` counts the further attempts of a failed event invocation, `event_age` is how many seconds one
    is kept, `concurrency` is the greatest number of workers, `layers` are the logical ids of its layers.
    """

    name: str
    handler: str
    code: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 3.0
    memory_mb: int = 128
    retries: int = 2
    event_age: float = 6 * 3600
    concurrency: int = 200
    layers: tuple[str, ...] = ()


def environment_of_worker(function: Function, api_port: int) -> dict[str, str]:
    """What Lambda defines anew for each worker."""
    return {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api_port}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{time.strftime('%Y/%m/%d')}/[$LATEST]{uuid.uuid4().hex}",
    }


def environment_of(function: Function, region: str) -> dict[str, str]:
    """The function's own variables and those that Lambda defines, nothing of the application's."""
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return {
        **function.environment,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{python}",
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": str(Path(function.code).resolve()),
        **SYSTEM_ENVIRONMENT,
    }
