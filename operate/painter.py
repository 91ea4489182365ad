"""The painter of one's own: is its endpoint InService, and does it paint as fast as ImageModels says?"""

import io
from typing import Any

import numpy as np
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image

from booth.aws.clients import client
from booth.aws.errors import code_of
from booth.errors import BoothError
from booth.painting import answers, sagemaker
from booth.painting.chain import Candidate
from booth.painting.codecs.codec import Style
from booth.painting.codecs.own import PAINTER
from booth.painting.endpoint_answers import KNOWN_OF_ENDPOINT
from booth.pixels import encoding
from booth.scenes import Prompt
from operate.image_models import CandidateCheck
from operate.services import fault_of_status

PICTURES = 2
"""Painted one after the other; the last one counts, for the first may be slower."""
_SIDE = 1024
_STYLE = Style("standard", 8.0)  # the painter knows neither
_MINUTE_MS = 60_000


def check_painter(candidate: Candidate, endpoint: str, photo: bytes) -> CandidateCheck:
    """Asks SageMaker about the endpoint, and has it paint. AWS's errors are part of the result.

    Args:
        candidate: with what ImageModels says of it.
        endpoint: the parameter PaintEndpoint.
        photo: JPEG.
    """
    found = CandidateCheck(candidate.model, candidate.region, window=_MINUTE_MS)
    if not endpoint:
        found.todo.append("PaintEndpoint is empty: set it, or take the word endpoint out of ImageModels.")
        return found
    try:
        described = client("sagemaker", region=candidate.region).describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        # SageMaker answers ValidationException for an endpoint that doesn't exist.
        said = code_of(error)
        if said == "ValidationException":
            found.state = "off"
        found.todo.append(f"{endpoint}: {said}. Deploy it or turn it on, or mend PaintEndpoint and PaintRegion.")
        return found
    except BotoCoreError as error:
        found.todo.append(f"{type(error).__name__}: check PaintRegion and network.")
        return found
    if fault := fault_of_status(described["EndpointStatus"]):
        found.state = "off"
        found.todo.append(f"{endpoint} is {fault[0]}. {fault[1]}")
        return found
    found.state = "active"
    try:
        seconds = painted_in(candidate.region, endpoint, photo)
    except (BoothError, answers.CandidateGone, answers.RequestRefused, answers.UnknownAnswer) as error:
        found.todo.append(f"InService, but: {type(error).__name__}: {error}. {_advice(error)}")
        return found
    found.access = "granted"
    _compare(found, candidate, seconds, _instances(described))
    return found


def painted_in(region: str, endpoint: str, photo: bytes) -> float:
    """Seconds that the endpoint says one picture of a megapixel took. Raises what `sagemaker.invoke` does."""
    image = Image.open(io.BytesIO(photo)).convert("RGB").resize((_SIDE, _SIDE))
    keep = np.zeros((_SIDE, _SIDE), bool)
    keep[_SIDE // 4 : _SIDE // 2, _SIDE // 3 : _SIDE * 2 // 3] = True
    body = PAINTER.request(
        encoding.encode_for_model(np.asarray(image)),
        encoding.encode_mask_for_model(keep),
        Prompt("a person in a library", ""),
        1,
        _STYLE,
    )
    answer: dict[str, Any] = {}
    for _ in range(PICTURES):
        answer = sagemaker.invoke(region, body, endpoint=endpoint)
        PAINTER.picture(answer)
    try:
        return float(answer["seconds"])
    except (KeyError, TypeError, ValueError):
        raise answers.UnknownAnswer("200: it does not say how long it took") from None


def _advice(error: Exception) -> str:
    """What to do about an endpoint that is InService and does not paint: the booth's own table has some of it."""
    if isinstance(cause := error.__cause__, ClientError):
        known = answers.find(code_of(cause), str(cause.response["Error"].get("Message")), KNOWN_OF_ENDPOINT)
        if known and known.todo:
            return known.todo
    return "A new instance paints after some minutes; else look into the endpoint's log."


def _instances(described: Any) -> int:
    return sum(each.get("CurrentInstanceCount", 0) for each in described.get("ProductionVariants", []))


def _compare(found: CandidateCheck, candidate: Candidate, seconds: float, instances: int) -> None:
    """Sets the pictures a minute that there can be, and says what ImageModels should say."""
    possible, allowed = 60 / max(seconds, 0.01), candidate.pictures_a_minute / candidate.slots
    found.note = f"paints a picture in {seconds:.1f} s, {instances} instance{'s' * (instances != 1)}"
    found.requests_a_minute = round(min(possible, allowed) * min(instances, candidate.slots), 1)
    if possible < allowed:
        pace = f"{possible:.2g}" if possible < 1 else f"{int(possible)}"
        found.todo.append(
            f"It {found.note}, and the booth would ask an instance {allowed:g} times a minute: write "
            f"endpoint={pace}{f'x{candidate.slots}' * (candidate.slots > 1)} in ImageModels."
        )
    if instances < candidate.slots:
        found.todo.append(
            f"It has {instances} instances, and ImageModels counts on {candidate.slots}: raise MinInstances, or write "
            f"endpoint={allowed:g}x{max(1, instances)}."
        )
