"""What an AWS account may do with the candidates of ImageModels: lifecycle, access and quota of each."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from booth.aws import client, code_of
from booth.chain import REQUESTS_A_MINUTE
from booth.pacing import WINDOW_MS

PICTURES = 3  # a photo


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


def look_at(model: str, region: str) -> Candidate:
    """Asks Bedrock and Service Quotas in the Region about one candidate. Errors become its state and what to do.

    `region` may end with the requests a minute that the booth is told to keep to, `=20`.
    """
    region, _, paced = region.partition("=")
    found = Candidate(model, region)
    if model not in REQUESTS_A_MINUTE:
        found.todo.append("The application has no codec for this model: mend ImageModels.")
        return found
    try:
        behind = _model_behind(found)
        name = _look_at_lifecycle(found, behind)
        if found.state != "retired":
            _look_at_access(found, behind)
            _look_at_quota(found, name, int(paced or REQUESTS_A_MINUTE[model]))
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
        found.requests, found.documented = REQUESTS_A_MINUTE[found.model], True
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


def _words(name: str) -> list[str]:
    """A model's name for comparison: quotas write the provider before it, and sometimes V1 behind it."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    return [word for word in words if word not in ("amazon", "stability", "ai", "v1")]
