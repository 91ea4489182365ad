"""Checks of the services other than Bedrock: Rekognition, the SAM endpoint, Lambda, SageMaker's quota of instances."""

import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from booth import concurrency
from booth.aws import rekognition, sam
from booth.aws.clients import client
from booth.aws.errors import code_of
from booth.errors import BoothError, ServiceUnavailable, Throttled
from booth.keep import MORE, Keep
from booth.pixels import encoding, geometry
from booth.scenes import DEFAULT_PICTURES
from operate.parameters import ROOT, default_parameters

T = TypeVar("T")

SAM_ATTEMPTS = 3  # as many as the state machine's: the first call of a serverless endpoint may time out


@dataclass(frozen=True)
class ServiceCheck:
    """Whether a service can do its part of one visit, what was found, and what to do about it."""

    name: str
    is_usable: bool
    finding: str
    todo: str = ""


def check_lambda(lambda_concurrency: int) -> ServiceCheck:
    """How many visitors at once the account's concurrent executions in the Region serve.

    `lambda_concurrency`: the parameter LambdaConcurrency.
    """
    try:
        limit = client("lambda").get_account_settings()["AccountLimit"]
    except (ClientError, BotoCoreError) as error:
        todo = "See that your credentials may lambda:GetAccountSettings."
        return ServiceCheck("Lambda", False, _code_or_type(error), todo)
    executions = limit["UnreservedConcurrentExecutions"]
    few, many = (concurrency.visitors(executions, busiest) for busiest in (DEFAULT_PICTURES, geometry.MAX_CROPS))
    finding = (
        f"{executions} executions at once of {limit['ConcurrentExecutions']}: "
        f"{few} visitors at once with {DEFAULT_PICTURES} pictures each, {many} if all are groups of ten"
    )
    todo = ""
    if few < 2:
        todo = 'Ask AWS for more: Service Quotas, AWS Lambda, "Concurrent executions" (L-B99A9384).'
    elif lambda_concurrency > executions:
        parameter = f"LambdaConcurrency={lambda_concurrency}"
        todo = f"{parameter} is more than there is: write {executions}, or leave it to make deploy."
    return ServiceCheck("Lambda", bool(many), finding, todo)


def check_instances(folder: str, environment: str, region: str | None = None) -> ServiceCheck:
    """Whether the account's quota suffices for an endpoint's instances in this environment of its endpoint.toml.

    Advised is a quota of at least twice MinInstances: an update starts the new fleet beside the old one.

    Args:
        folder: of the endpoint, sam_model or paint_model.
        region: the endpoint's; None for the default one.
    """
    environments = tomllib.loads((ROOT / folder / "endpoint.toml").read_text(encoding="utf-8"))
    fleet = default_parameters(ROOT / folder / "endpoint.yaml") | environments[environment]
    quota, least = f"{fleet['InstanceType']} for endpoint usage", int(fleet["MinInstances"])
    wanted = max(2 * least, int(fleet["MaxInstances"]))
    if fleet["InstanceType"] == "serverless":
        return ServiceCheck("SageMaker", True, "the endpoint is serverless: no quota of instances")
    request = f'Ask AWS for {wanted}: Service Quotas, Amazon SageMaker, "{quota}".'
    try:
        pages = (
            client("service-quotas", region=region)
            .get_paginator("list_service_quotas")
            .paginate(ServiceCode="sagemaker")
        )
        values = [each["Value"] for page in pages for each in page["Quotas"] if each["QuotaName"] == quota]
    except (ClientError, BotoCoreError) as error:
        todo = "See that your credentials may servicequotas:ListServiceQuotas."
        return ServiceCheck("SageMaker", False, _code_or_type(error), todo)
    if not values:
        return ServiceCheck("SageMaker", False, f"Service Quotas tells nothing of {quota}", request)
    finding = f"{quota}: {values[0]:g}; the endpoint begins with {least}, an update needs {2 * least}"
    return ServiceCheck("SageMaker", values[0] >= least, finding, "" if values[0] >= wanted else request)


def check_rekognition(photo: bytes, moderates: bool) -> tuple[ServiceCheck, list[dict[str, Any]]]:
    """Whether Rekognition finds the face in the test photo, and its FaceDetails, empty if not; and whether it gives
    moderation labels, if photos or pictures for the wall are moderated (`moderates`).
    """
    try:
        details = rekognition.detect_faces(photo)
    except BoothError as error:
        todo = "Check that Rekognition exists in the stack's Region and that your credentials may DetectFaces."
        return ServiceCheck("Rekognition", False, _text(error), todo), []
    if not details:
        todo = "Check what answers as Rekognition."
        return ServiceCheck("Rekognition", False, "found no face in a portrait", todo), []
    if not moderates:
        return ServiceCheck("Rekognition", True, "finds faces"), details
    try:
        rekognition.moderation_labels(photo, 50)
    except BoothError as error:
        todo = "See that your credentials may DetectModerationLabels; or set WallModeration=off, ModerationThreshold=0."
        return ServiceCheck("Rekognition", False, f"finds faces; moderation labels: {_text(error)}", todo), details
    return ServiceCheck("Rekognition", True, "finds faces, gives moderation labels"), details


def check_sam(endpoint: str, given_arn: str, keep: str, photo: bytes, details: list[dict[str, Any]]) -> ServiceCheck:
    """Whether the SAM endpoint is InService and returns a mask for the face that Rekognition has found.

    And whether it can keep heads and whole people, as the parameter Keep may want, or a visitor. `given_arn`: the
    parameter SamEndpointArn, empty where the template makes the ARN from the name. `details`: Rekognition's FaceDetails
    of the photo.
    """
    name = f"SAM endpoint {endpoint}"
    if fault := _fault_of_endpoint(endpoint, given_arn) or _fault_of_mask(photo, details):
        return ServiceCheck(name, False, *fault)
    found = "InService, masks a face"
    try:
        _asked(lambda: sam.alphas(sam.request_for_more(MORE, *_faces_of(photo, details), photo), MORE))
    except BoothError as error:
        todo = "" if keep == Keep.FACE else "Deploy one that has a matte (docs/sam-endpoint.md), or set Keep to face."
        return ServiceCheck(name, not todo, f"{found}; heads and people are not kept ({_text(error)})", todo)
    return ServiceCheck(name, True, f"{found}, keeps heads and people")


def fault_of_status(status: str) -> tuple[str, str] | None:
    """An endpoint's status and what to do, None if it is InService."""
    if status in ("Creating", "Updating", "SystemUpdating", "RollingBack"):
        return status, "Wait until it is InService."
    return None if status == "InService" else (status, "Deploy it anew; SageMaker's console has its log.")


def _fault_of_endpoint(endpoint: str, given_arn: str) -> tuple[str, str] | None:
    """The endpoint's state and what to do, None if it is InService and the booth may call it."""
    try:
        description = client("sagemaker").describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        # SageMaker answers ValidationException for an endpoint that doesn't exist.
        return code_of(error), "Deploy it, or set SamEndpoint to its name; check the Region."
    except BotoCoreError as error:
        return type(error).__name__, "Check the Region's name and network."
    status = description["EndpointStatus"]
    if fault := fault_of_status(status):
        return fault
    arn = description["EndpointArn"]
    if arn != (given_arn or f"{arn.rpartition('/')[0]}/{endpoint}"):
        return "InService, but the booth may not call it", f"Set SamEndpointArn to {arn}."
    return None


def _fault_of_mask(photo: bytes, details: list[dict[str, Any]]) -> tuple[str, str] | None:
    """What is wrong with the mask that the endpoint gives for a face of the photo, and what to do; None if nothing."""
    faces, (width, height) = _faces_of(photo, details)
    if not faces:
        return "InService, not asked for want of a face", "Mend Rekognition first."
    crop = geometry.Crop((0, 0, width, height), (0,))
    try:
        mask = _asked(lambda: sam.segment(sam.request_for(crop, faces, photo)))
    except (ServiceUnavailable, Throttled) as error:
        return f"InService, but: {_text(error)}", "Look into the endpoint's log."
    except BoothError as error:
        return f"InService, but: {_text(error)}", "Check your rights and SamProtocol."
    if mask.shape != (height, width) or not mask.any():
        return "InService, but its mask is empty or of another size", "Check what it runs."
    return None


def _faces_of(photo: bytes, details: list[dict[str, Any]]) -> tuple[list[geometry.Face], tuple[int, int]]:
    """The first face of the photo, or none; width and height of the photo."""
    width, height = encoding.size_of(photo)
    return geometry.faces_from_rekognition(details, width, height)[:1], (width, height)


def _asked(call: Callable[[], T]) -> T:
    """What a call of the endpoint gives, made SAM_ATTEMPTS times at most. Raises BoothError."""
    for _ in range(SAM_ATTEMPTS - 1):
        with suppress(ServiceUnavailable, Throttled):
            return call()
    return call()


def _code_or_type(error: ClientError | BotoCoreError) -> str:
    """The code of an error that AWS answered, or the type of one that botocore raised."""
    return code_of(error) if isinstance(error, ClientError) else type(error).__name__


def _text(error: BoothError) -> str:
    return f"{type(error).__name__}: {error}"
