"""What an AWS account may do with the candidates of ImageModels: lifecycle, access and quota of each."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from booth.aws.clients import client
from booth.aws.errors import code_of
from booth.painting import answers
from booth.painting.known_answers import Meaning
from booth.painting.models import MODELS
from booth.run import WINDOW_MS
from booth.scenes import DEFAULT_PICTURES


@dataclass
class CandidateCheck:
    """What AWS says about a candidate, `model@region`, and what to do about it."""

    model: str
    region: str
    state: str = "unknown"
    """active, legacy, retired, off (the endpoint) or unknown."""
    access: str = "unknown"
    """granted, denied or unknown."""
    requests_a_minute: float | None = None
    """The quota; None: unknown."""
    is_default_quota: bool = False
    """`requests_a_minute` is AWS's documented default, not this account's own quota."""
    todo: list[str] = field(default_factory=list)
    window: int = WINDOW_MS
    """Shortest time between two calls at a slot of the booth's pacing, ms; `requests_a_minute` slots."""
    note: str = ""
    """What else was found; empty for nothing."""

    @property
    def is_usable(self) -> bool:
        """Whether InvokeModel should succeed."""
        return self.state in ("active", "legacy") and self.access == "granted" and bool(self.requests_a_minute)

    @property
    def photos_an_hour(self) -> int:
        """Photos an hour that the quota allows with the booth's pacing, DEFAULT_PICTURES pictures each."""
        return int((self.requests_a_minute or 0) * 3_600_000 / self.window / DEFAULT_PICTURES)


def check_candidate(model: str, region: str) -> CandidateCheck:
    """Asks Bedrock and Service Quotas in the Region about one candidate. AWS's errors are part of the result.

    `region` may end with the requests a minute that ImageModels allows the booth, `=20`.
    """
    region, _, allowed = region.partition("=")
    found = CandidateCheck(model, region)
    if model not in MODELS:
        found.todo.append("The application has no codec for this model: mend ImageModels.")
        return found
    try:
        foundation_model = _foundation_model(found)
        name = _check_lifecycle(found, foundation_model)
        if found.state != "retired":
            _check_access(found, foundation_model)
            _check_quota(found, name, int(allowed or MODELS[model].requests_a_minute))
    except ClientError as error:
        _record_error(found, error)
    except BotoCoreError as error:
        found.todo.append(
            f"Bedrock could not be asked ({type(error).__name__}): check the Region's name, network and credentials."
        )
    return found


def _record_error(found: CandidateCheck, error: ClientError) -> None:
    """Adds what an error of AWS's means for the candidate, and what to do about it: as the booth itself would judge."""
    code, text = code_of(error), error.response["Error"].get("Message", "")
    known = answers.find(code, text)
    if code in _CREDENTIALS or "is not authorized to perform" in text:
        found.todo.append(f"Your credentials may not ask ({error.operation_name}): {code}.")
    elif known and known.meaning == Meaning.RETIRED:
        found.state = "retired"
        found.todo.append(known.todo)
    elif known and known.meaning == Meaning.DENIED:
        found.access = "denied"
        found.todo.append(known.todo)
    elif known:
        found.todo.append(f"{error.operation_name} answered {code}: try again.")
    else:
        said = answers.told(code, text)
        found.todo.append(f"{error.operation_name} answered what the booth does not know, {said}: try again.")


_CREDENTIALS = ("UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException")


def _foundation_model(found: CandidateCheck) -> str:
    """The id of the candidate's foundation model; of an inference profile the one that it routes to."""
    if not _is_profile(found.model):
        return found.model
    profile = client("bedrock", region=found.region).get_inference_profile(inferenceProfileIdentifier=found.model)
    return profile["models"][0]["modelArn"].rpartition("/")[2]


def _is_profile(model: str) -> bool:
    """Whether the id is an inference profile's, such as `us.stability.x`, and no foundation model's, `stability.x`."""
    return model.partition(".")[0] in ("us", "eu", "apac", "jp", "au", "global")


def _check_lifecycle(found: CandidateCheck, model: str) -> str:
    """Sets the state; returns the model's name as AWS writes it, empty if it has none."""
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


def _check_access(found: CandidateCheck, model: str) -> None:
    """Sets the access: granted if Region, agreement, authorisation and entitlement all are there."""
    availability = client("bedrock", region=found.region).get_foundation_model_availability(modelId=model)
    agreement = availability.get("agreementAvailability", {}).get("status")
    problems = []
    if availability.get("regionAvailability") != "AVAILABLE":
        problems.append(f"{found.region} doesn't offer it to your account.")
    if agreement == "PENDING":
        problems.append("The subscription is being set up: wait up to 15 minutes.")
    elif agreement != "AVAILABLE":
        problems.append(
            "Nobody has accepted its terms: subscribe once (aws bedrock list-foundation-model-agreement-offers and "
            f"create-foundation-model-agreement --model-id {model}, with rights to aws-marketplace:Subscribe)."
        )
    if availability.get("authorizationStatus") != "AUTHORIZED":
        problems.append("Your account isn't authorised: look at its policies (SCP) and payment method.")
    if availability.get("entitlementAvailability") != "AVAILABLE" and agreement == "AVAILABLE":
        problems.append("Your account isn't entitled to it: ask AWS Support.")
    found.access = "denied" if problems else "granted"
    found.todo += problems


def _check_quota(found: CandidateCheck, name: str, allowed: int) -> None:
    """Sets the quota; `allowed`: requests a minute that ImageModels allows the booth."""
    found.requests_a_minute = _account_quota(found, name)
    if found.requests_a_minute is None:
        found.requests_a_minute, found.is_default_quota = MODELS[found.model].requests_a_minute, True
    if not found.requests_a_minute:
        found.todo.append("Its quota is 0 requests a minute: ask AWS Support to raise it.")
    elif found.requests_a_minute < allowed:
        quota = f"{found.model}@{found.region}={found.requests_a_minute:.0f}"
        found.todo.append(f"The booth would ask it {allowed} times a minute: write {quota} in ImageModels.")


def _account_quota(found: CandidateCheck, name: str) -> float | None:
    """This account's requests a minute by Service Quotas; None if it has no such quota or the call fails."""
    kind = "cross-region" if _is_profile(found.model) else "on-demand"
    quotas = client("service-quotas", region=found.region).get_paginator("list_service_quotas")
    values = []
    try:
        for page in quotas.paginate(ServiceCode="bedrock"):
            for quota in page["Quotas"]:
                head, _, model = quota["QuotaName"].partition(" requests per minute for ")
                if head.lower().startswith(kind) and model and _normalised(model) == _normalised(name):
                    values.append(quota["Value"])
    except (ClientError, BotoCoreError):
        return None  # the report shows AWS's default, and marks it
    return min(values, default=None)


def _normalised(name: str) -> list[str]:
    """A model's name as words for comparison, without provider and V1: only the names of quotas have these."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    return [word for word in words if word not in ("amazon", "stability", "ai", "v1")]
