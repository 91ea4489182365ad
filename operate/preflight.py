"""Before an event: can this AWS account paint? `make preflight`, with the operator's credentials.

Asks Bedrock about each candidate of ImageModels, the SAM endpoint for a mask and Rekognition for a face, Lambda how
many executions it allows at once and Service Quotas for the endpoint's instances, and prints what was found and what to
do about it. Parameters are those of `sam deploy`: template.yaml's defaults, then those of
samconfig.toml (--config-env), then those on the command line. It paints nothing: the only calls that cost anything
are one DetectFaces and one InvokeEndpoint.

Exit status 0 if at least one candidate lives, the SAM endpoint and Rekognition answer, and Lambda and the instances'
quota suffice for one visitor and one endpoint; else 1.
"""

import argparse
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "functions"))  # the application's own clients, as Lambda finds them

from booth import concurrency  # noqa: E402
from booth.aws import (  # noqa: E402
    rekognition,
    sam,
)
from booth.aws.clients import client  # noqa: E402
from booth.aws.errors import code_of  # noqa: E402
from booth.errors import (  # noqa: E402
    BoothError,
    ServiceUnavailable,
    Throttled,
)
from booth.painting.models import MODELS  # noqa: E402
from booth.painting.pacing import WINDOW_MS  # noqa: E402
from booth.pixels import (  # noqa: E402
    encoding,
    geometry,
)

PHOTO = ROOT / "tests" / "photos" / "astronaut.jpg"
PICTURES = 3  # a photo
SAM_ATTEMPTS = 3  # as often as the state machine asks: an endpoint that has slept may not answer the first time


class SettingsError(Exception):
    """The parameters can't be read; the text says why."""


@dataclass
class Candidate:
    """What was found out about `model@region`."""

    model: str
    region: str
    state: str = "unknown"
    """active, legacy, retired or unknown."""
    access: str = "unknown"
    """granted, denied or unknown."""
    requests: float | None = None
    """A minute."""
    documented: bool = False
    """`requests` is AWS's default, not this account's own."""
    todo: list[str] = field(default_factory=list)

    @property
    def lives(self) -> bool:
        """Whether it can be expected to paint."""
        return self.state in ("active", "legacy") and self.access == "granted" and bool(self.requests)

    @property
    def photos(self) -> int:
        """Photos an hour that the quota allows, as the booth paces them."""
        return int((self.requests or 0) * 3_600_000 / WINDOW_MS / PICTURES)


@dataclass(frozen=True)
class Service:
    """Whether a service other than Bedrock answers, what it said, and what to do if it doesn't."""

    name: str
    answers: bool
    said: str
    todo: str = ""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags, whose values don't matter here."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def read_settings(config_env: str | None, overrides: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """The stack's parameters, and `Region` if samconfig.toml has one. Raises SettingsError."""
    template = yaml.load((root / "template.yaml").read_text(encoding="utf-8"), Loader=_Loader)
    settings = {name: str(value.get("Default", "")) for name, value in template["Parameters"].items()}
    given = list(overrides)
    if config_env:
        config = tomllib.loads((root / "samconfig.toml").read_text(encoding="utf-8"))
        environments = [name for name, value in config.items() if isinstance(value, dict)]
        if config_env not in environments:
            raise SettingsError(f"samconfig.toml has no environment {config_env}; it has {', '.join(environments)}.")
        deploy = config[config_env].get("deploy", {}).get("parameters", {})
        pairs = deploy.get("parameter_overrides", [])
        given = (shlex.split(pairs) if isinstance(pairs, str) else pairs) + given
        if "region" in deploy:
            settings["Region"] = deploy["region"]
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or name not in template["Parameters"]:
            raise SettingsError(f"{pair} is no Name=value of a parameter of template.yaml.")
        settings[name] = value
    return settings


def look_at(model: str, region: str) -> Candidate:
    """Asks Bedrock and Service Quotas in the Region about one candidate. Errors become its state and what to do.

    `region` may end with the requests a minute that the booth is told to keep to, `=20`.
    """
    region, _, paced = region.partition("=")
    found = Candidate(model, region)
    if model not in MODELS:
        found.todo.append("The application has no codec for this model: mend ImageModels.")
        return found
    try:
        behind = _model_behind(found)
        name = _look_at_lifecycle(found, behind)
        if found.state != "retired":
            _look_at_access(found, behind)
            _look_at_quota(found, name, int(paced or MODELS[model].requests_a_minute))
    except ClientError as error:
        _explain(found, error)
    except BotoCoreError as error:
        found.todo.append(
            f"Bedrock could not be asked ({type(error).__name__}): check the Region's name, network and credentials."
        )
    return found


def _explain(found: Candidate, error: ClientError) -> None:
    code = code_of(error)
    if code == "ResourceNotFoundException":
        found.state = "retired"
        found.todo.append(f"{found.region} doesn't have it (any more): take it out of ImageModels.")
    elif code == "ValidationException":
        found.todo.append("Bedrock calls the id invalid: mend ImageModels.")
    elif code in ("AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"):
        found.todo.append(f"Your credentials may not ask ({error.operation_name}): {code}.")
    else:
        found.todo.append(f"{error.operation_name} answered {code}: try again.")


def _model_behind(found: Candidate) -> str:
    """The candidate's model; of an inference profile the one model that it routes to, in several Regions."""
    if not _is_profile(found.model):
        return found.model
    profile = client("bedrock", region=found.region).get_inference_profile(inferenceProfileIdentifier=found.model)
    return profile["models"][0]["modelArn"].rpartition("/")[2]


def _is_profile(model: str) -> bool:
    """`us.stability.x` is one, `stability.x` is a model."""
    return model.split(".")[0] in ("us", "eu", "apac", "jp", "au", "global")


def _look_at_lifecycle(found: Candidate, model: str) -> str:
    """Sets the state; gives the model's name as AWS writes it."""
    details = client("bedrock", region=found.region).get_foundation_model(modelIdentifier=model)["modelDetails"]
    cycle = details.get("modelLifecycle", {})
    end = cycle.get("endOfLifeTime")
    if end and end <= datetime.now(UTC):
        found.state = "retired"
        found.todo.append(f"Its life ended on {end:%Y-%m-%d}: take it out of ImageModels.")
    elif cycle.get("status") == "LEGACY":
        found.state = "legacy"
        when = f" and ends on {end:%Y-%m-%d}" if end else ""
        found.todo.append(f"It is legacy{when}; AWS may refuse it to accounts that don't use it: have another.")
    else:
        found.state = "active"
    return details.get("modelName", "")


def _look_at_access(found: Candidate, model: str) -> None:
    told = client("bedrock", region=found.region).get_foundation_model_availability(modelId=model)
    agreement = told.get("agreementAvailability", {}).get("status")
    wrong = []
    if told.get("regionAvailability") != "AVAILABLE":
        wrong.append(f"{found.region} doesn't offer it to your account.")
    if agreement == "PENDING":
        wrong.append("The subscription is being set up: wait up to 15 minutes.")
    elif agreement != "AVAILABLE":
        wrong.append(
            "Nobody has accepted its terms: subscribe once (aws bedrock list-foundation-model-agreement-offers and "
            f"create-foundation-model-agreement --model-id {model}, with rights to aws-marketplace:Subscribe)."
        )
    if told.get("authorizationStatus") != "AUTHORIZED":
        wrong.append("Your account isn't authorised: look at its policies (SCP) and payment method.")
    if told.get("entitlementAvailability") != "AVAILABLE" and agreement == "AVAILABLE":
        wrong.append("Your account isn't entitled to it: ask AWS Support.")
    found.access = "denied" if wrong else "granted"
    found.todo += wrong


def _look_at_quota(found: Candidate, name: str, paced: int) -> None:
    found.requests = _own_quota(found, name)
    if found.requests is None:
        found.requests, found.documented = MODELS[found.model].requests_a_minute, True
    if not found.requests:
        found.todo.append("Its quota is 0 requests a minute: ask AWS Support to raise it.")
    elif found.requests < paced:
        quota = f"{found.model}@{found.region}={found.requests:.0f}"
        found.todo.append(f"The booth would ask it {paced} times a minute: write {quota} in ImageModels.")


def _own_quota(found: Candidate, name: str) -> float | None:
    """Requests a minute that Service Quotas tells of this account; None if it tells none or may not be asked."""
    kind = "cross-region" if _is_profile(found.model) else "on-demand"
    quotas = client("service-quotas", region=found.region).get_paginator("list_service_quotas")
    values = []
    try:
        for page in quotas.paginate(ServiceCode="bedrock"):
            for quota in page["Quotas"]:
                head, _, model = quota["QuotaName"].partition(" requests per minute for ")
                if head.lower().startswith(kind) and model and _words(model) == _words(name):
                    values.append(quota["Value"])
    except (ClientError, BotoCoreError):
        return None  # the documented figure is shown, and marked
    return min(values, default=None)


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
    template = yaml.load((ROOT / "sam_model" / "endpoint.yaml").read_text(encoding="utf-8"), Loader=_Loader)
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


def _words(name: str) -> list[str]:
    """A model's name for comparison: quotas write the provider before it, and sometimes V1 behind it."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    return [word for word in words if word not in ("amazon", "stability", "ai", "v1")]


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
    height, width = encoding.decode(photo).shape[:2]
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


def report(candidates: list[Candidate], services: list[Service]) -> list[str]:
    """What the operator reads, line by line."""
    lines = [f"{'candidate':58} {'state':8} {'access':8} {'requests/min':>12} {'photos/h':>8}"]
    for each in candidates:
        requests = "?" if each.requests is None else f"{each.requests:g}{'*' if each.documented else ''}"
        row = f"{each.model}@{each.region}"
        photos = each.photos if each.lives else "-"
        lines.append(f"{row:58} {each.state:8} {each.access:8} {requests:>12} {photos:>8}")
    if any(each.documented for each in candidates):
        lines.append("* AWS's documented default, for Service Quotas told nothing; new accounts may have less.")
    lines += ["", *(f"{each.name}: {'ok' if each.answers else 'BAD'}, {each.said}" for each in services), ""]
    todo = [f"{each.model}@{each.region}: {text}" for each in candidates for text in each.todo]
    todo += [f"{each.name}: {each.todo}" for each in services if each.todo]
    if todo:
        lines += ["To do:", *(f"  {text}" for text in todo), ""]
    living = [each for each in candidates if each.lives]
    if living:
        first = [each for each in living if each.model == living[0].model]
        total = sum(each.photos for each in first)
        where = f"{first[0].model} in {', '.join(each.region for each in first)}"
        lines.append(f"{where} paints up to {total} photos an hour, {PICTURES} pictures each.")
    else:
        lines.append("No candidate lives: no picture can be painted.")
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Prints the report; 0 if an event can begin."""
    parser = argparse.ArgumentParser(prog="python -m operate.preflight", description="Can this AWS account paint?")
    parser.add_argument("--config-env", help="the environment of samconfig.toml that you deploy")
    parser.add_argument("overrides", nargs="*", metavar="Name=value", help="parameters of template.yaml")
    given = parser.parse_args(arguments)
    try:
        settings = read_settings(given.config_env, given.overrides)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    if "Region" in settings:
        os.environ["AWS_DEFAULT_REGION"] = settings["Region"]
    try:
        session = boto3.Session()
        ready = session.region_name and session.get_credentials()
    except BotoCoreError as error:  # a profile that doesn't exist, a session that has expired
        print(error, file=sys.stderr)
        ready = False
    if not ready:
        print(
            "No AWS credentials or Region: set AWS_PROFILE and AWS_DEFAULT_REGION, or run aws configure.",
            file=sys.stderr,
        )
        return 1
    os.environ["SAM_ENDPOINT"], os.environ["SAM_PROTOCOL"] = settings["SamEndpoint"], settings["SamProtocol"]
    pairs = [part.strip().rpartition("@") for part in settings["ImageModels"].split(",")]
    candidates = [look_at(model, region) for model, _, region in pairs]
    photo = PHOTO.read_bytes()
    faces, details = look_at_rekognition(photo)
    services = [faces, look_at_sam(settings["SamEndpoint"], settings["SamEndpointArn"], photo, details)]
    services.append(look_at_lambda(int(settings["LambdaConcurrency"])))
    if settings["SamEndpoint"] == f"photo-booth-sam-{given.config_env}":  # else it is none that we would deploy
        services.append(look_at_instances(given.config_env))
    print("\n".join(report(candidates, services)))
    return 0 if any(each.lives for each in candidates) and all(each.answers for each in services) else 1


if __name__ == "__main__":
    sys.exit(main())
