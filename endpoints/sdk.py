"""What the deployment needs of AWS's SageMaker SDK (sagemaker-core), under the SDK's own Python, .tools/sagemaker:

    python -m endpoints.sdk image us-east-1 ml.c7i.xlarge sam
    python -m endpoints.sdk wait us-east-1 photo-booth-sam-dev
    python -m endpoints.sdk reason us-east-1 photo-booth-sam-dev

`image`: an endpoint's image in a Region, for an instance type or "serverless". `wait`: waits until an endpoint is
InService and prints a line about it. `reason`: why an endpoint failed, or an empty line. The result is on standard
output, and so is the reason, in one line and with exit status 1, if there is none. Progress is on standard error.
"""

import os
import sys
from pathlib import Path

os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = str(Path(__file__).with_name("sagemaker.yaml"))  # no telemetry

import rich
from botocore.exceptions import BotoCoreError, ClientError
from sagemaker.core import image_uris  # pyright: ignore[reportMissingImports]  in .tools/sagemaker
from sagemaker.core.resources import Endpoint  # pyright: ignore[reportMissingImports]  in .tools/sagemaker
from sagemaker.core.serverless_inference_config import ServerlessInferenceConfig  # pyright: ignore[reportMissingImports]  in .tools/sagemaker
from sagemaker.core.utils.exceptions import FailedStatusError, TimeoutExceededError  # pyright: ignore[reportMissingImports]  in .tools/sagemaker

PYTHON = "py312"
# AWS's inference containers by endpoint. docs/sam-endpoint.md and docs/paint-endpoint.md say why these, and what the
# packages rely on in them.
CONTAINERS = {
    "sam": {"framework": "pytorch", "version": "2.6.0"},
    "paint": {"framework": "huggingface", "version": "5.5.3", "base_framework_version": "pytorch2.6.0"},
}
SERVERLESS = "serverless"
POLL_SECONDS = 2
TIMEOUT_SECONDS = 7200  # as for the stack


class SdkError(RuntimeError):
    """There is no result; the message says why."""


def image(region: str, instance: str, kind: str) -> str:
    """An endpoint's image for an instance type, or for "serverless". Raises `SdkError` where AWS publishes none."""
    serverless, container = instance == SERVERLESS, CONTAINERS[kind]
    try:
        return image_uris.retrieve(
            **container,
            region=region,
            py_version=PYTHON,
            instance_type=None if serverless else instance,
            serverless_inference_config=ServerlessInferenceConfig() if serverless else None,
            image_scope="inference",
        )
    except ValueError as error:
        raise SdkError(
            f"AWS publishes no {container['framework']} {container['version']} inference image for {instance} in "
            f"{region}: deploy in another Region, or name an image of yours as ImageUri. "
            f"({' '.join(str(error).split())})"
        ) from error


def wait(region: str, name: str) -> str:
    """Waits until the endpoint is InService; returns a line with its instances and image.

    Raises `SdkError` if it fails or isn't InService within TIMEOUT_SECONDS.
    """
    endpoint = Endpoint.get(endpoint_name=name, region=region)
    try:
        endpoint.wait_for_status("InService", poll=POLL_SECONDS, timeout=TIMEOUT_SECONDS)
    except FailedStatusError as error:
        raise SdkError(f"{name} is {endpoint.endpoint_status}: {endpoint.failure_reason}") from error
    except TimeoutExceededError as error:
        raise SdkError(f"{name} is still {endpoint.endpoint_status} after {TIMEOUT_SECONDS // 60} minutes.") from error
    [variant] = endpoint.production_variants
    images = [each.resolved_image or each.specified_image for each in variant.deployed_images or []]
    instances = f", instances: {variant.current_instance_count}" if variant.current_instance_count else ""
    return f"{name} is {endpoint.endpoint_status}{instances}, image: {', '.join(images) or 'not told'}"


def reason(region: str, name: str) -> str:
    """SageMaker's reason for the endpoint's failure; empty if it has not failed, or if there is no endpoint."""
    try:
        return str(Endpoint.get(endpoint_name=name, region=region).failure_reason or "")
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":  # its answer for an endpoint that isn't there
            return ""
        raise


def main(arguments: list[str]) -> int:
    """Runs the command; exit status 1 if there is no result."""
    rich.reconfigure(stderr=True)  # the SDK prints its progress with rich
    command, region, *subject = arguments
    try:
        print({"image": image, "wait": wait, "reason": reason}[command](region, *subject))
    except (SdkError, BotoCoreError, ClientError) as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
