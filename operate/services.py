"""Whether the services beside Bedrock can serve the booth: Rekognition, the SAM endpoint, Lambda, SageMaker's quota."""

import tomllib
from dataclasses import dataclass
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from booth import concurrency, rekognition, sam
from booth.aws import client, code_of
from booth.errors import BoothError, ServiceUnavailable, Throttled
from booth.pixels import composite, geometry
from operate.image_models import PICTURES
from operate.parameters import ROOT, Loader

SAM_ATTEMPTS = 3  # as often as the state machine asks: an endpoint that has slept may not answer the first time


@dataclass(frozen=True)
class Service:
    """Whether a service other than Bedrock answers, what it said, and what to do if it doesn't."""

    name: str
    answers: bool
    said: str
    todo: str = ""


def look_at_lambda(told: int) -> Service:
    """How many visitors at once the account's Lambda serves in the Region. `told`: the parameter LambdaConcurrency."""
    try:
        limit = client("lambda").get_account_settings()["AccountLimit"]
    except (ClientError, BotoCoreError) as error:
        said = code_of(error) if isinstance(error, ClientError) else type(error).__name__
        return Service("Lambda", False, said, "See that your credentials may lambda:GetAccountSettings.")
    executions = limit["UnreservedConcurrentExecutions"]
    few, many = (concurrency.visitors(executions, busiest) for busiest in (PICTURES, geometry.MAX_CROPS))
    said = (
        f"{executions} executions at once of {limit['ConcurrentExecutions']}: "
        f"{few} visitors at once with {PICTURES} pictures each, {many} if all are groups of ten"
    )
    todo = ""
    if few < 2:
        todo = 'Ask AWS for more: Service Quotas, AWS Lambda, "Concurrent executions" (L-B99A9384).'
    elif told > executions:
        todo = f"LambdaConcurrency={told} is more than there is: write {executions}, or leave it to make deploy."
    return Service("Lambda", bool(many), said, todo)


def look_at_instances(environment: str) -> Service:
    """Whether the account may have the instances of the SAM endpoint of this environment, as endpoint.toml names them.

    Twice as many as it begins with: an update brings up the new fleet beside the old one.
    """
    text = (ROOT / "sam_model" / "endpoint.toml").read_text(encoding="utf-8")
    template = yaml.load((ROOT / "sam_model" / "endpoint.yaml").read_text(encoding="utf-8"), Loader=Loader)
    fleet = {name: each.get("Default") for name, each in template["Parameters"].items()}
    fleet |= tomllib.loads(text)[environment]
    quota, least = f"{fleet['InstanceType']} for endpoint usage", int(fleet["MinInstances"])
    wanted = max(2 * least, int(fleet["MaxInstances"]))
    if fleet["InstanceType"] == "serverless":
        return Service("SageMaker", True, "the endpoint is serverless: no quota of instances")
    request = f'Ask AWS for {wanted}: Service Quotas, Amazon SageMaker, "{quota}".'
    try:
        pages = client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
        values = [each["Value"] for page in pages for each in page["Quotas"] if each["QuotaName"] == quota]
    except (ClientError, BotoCoreError) as error:
        said = code_of(error) if isinstance(error, ClientError) else type(error).__name__
        return Service("SageMaker", False, said, "See that your credentials may servicequotas:ListServiceQuotas.")
    if not values:
        return Service("SageMaker", False, f"Service Quotas tells nothing of {quota}", request)
    said = f"{quota}: {values[0]:g}; the endpoint begins with {least}, an update needs {2 * least}"
    return Service("SageMaker", values[0] >= least, said, "" if values[0] >= wanted else request)


def look_at_rekognition(photo: bytes) -> tuple[Service, list[dict[str, Any]]]:
    """Whether Rekognition finds the face in the test photo; and the FaceDetails."""
    try:
        details = rekognition.detect_faces(photo)
    except BoothError as error:
        todo = "Check that Rekognition exists in the stack's Region and that your credentials may DetectFaces."
        return Service("Rekognition", False, _said(error), todo), []
    if not details:
        return Service("Rekognition", False, "found no face in a portrait", "Check what answers as Rekognition."), []
    return Service("Rekognition", True, "finds faces"), details


def look_at_sam(endpoint: str, given_arn: str, photo: bytes, details: list[dict[str, Any]]) -> Service:
    """Whether the SAM endpoint is in service and masks the face that Rekognition has found.

    `given_arn` is the parameter SamEndpointArn, empty where the template makes the ARN from the name.
    """
    name = f"SAM endpoint {endpoint}"
    try:
        told = client("sagemaker").describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        # SageMaker answers ValidationException for an endpoint that doesn't exist.
        return Service(name, False, code_of(error), "Deploy it, or set SamEndpoint to its name; check the Region.")
    except BotoCoreError as error:
        return Service(name, False, type(error).__name__, "Check the Region's name and network.")
    status = told["EndpointStatus"]
    if status in ("Creating", "Updating", "SystemUpdating", "RollingBack"):
        return Service(name, False, status, "Wait until it is InService.")
    if status != "InService":
        return Service(name, False, status, "Deploy it anew; SageMaker's console has its log.")
    arn = told["EndpointArn"]
    if arn != (given_arn or f"{arn.rpartition('/')[0]}/{endpoint}"):
        return Service(name, False, "InService, but the booth may not call it", f"Set SamEndpointArn to {arn}.")
    height, width = composite.decode(photo).shape[:2]
    faces = geometry.faces_from_rekognition(details, width, height)[:1]
    if not faces:
        return Service(name, False, "InService, not asked for want of a face", "Mend Rekognition first.")
    crop = geometry.Crop((0, 0, width, height), (0,))
    for attempt in range(1, SAM_ATTEMPTS + 1):
        try:
            mask = sam.segment(sam.request_for(crop, faces, photo))
        except (ServiceUnavailable, Throttled) as error:
            if attempt == SAM_ATTEMPTS:
                return Service(name, False, f"InService, but: {_said(error)}", "Look into the endpoint's log.")
        except BoothError as error:
            return Service(name, False, f"InService, but: {_said(error)}", "Check your rights and SamProtocol.")
        else:
            break
    if mask.shape != (height, width) or not mask.any():
        return Service(name, False, "InService, but its mask is empty or of another size", "Check what it runs.")
    return Service(name, True, "InService, masks a face")


def _said(error: BoothError) -> str:
    return f"{type(error).__name__}: {error}"
