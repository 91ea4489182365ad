"""Every way a photo, a picture or a call can fail.

The class name is the error's name everywhere: Step Functions matches it in `ErrorEquals`, the table keeps it as the
code, and the booth shows `message`. So a message is a sentence for a visitor, `advice` one for the staff on site, of
what they can do, and the exception's own text is for the log; none may name a person, a file, a box or an AWS resource.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from booth.event import Pause


class BoothError(Exception):
    """Base of all typed errors. `message` is what a visitor reads, `advice` what staff read."""

    message = "Something went wrong on our side. Please try again."
    advice = "Have the visitor try again. If it comes back, tell the operator, who finds the cause in the log."


# The photo itself: final, nothing but another photo helps.


class PhotoError(BoothError):
    """The photo can't be used, and a retry with the same photo can't help."""

    advice = "Have the visitor take another photo."


class NoFaceFound(PhotoError):
    """Rekognition's DetectFaces found no face, or none that it is sure of (`visitors.SURE`)."""

    message = "We could not find a face in this photo. Please look into the camera and take another one."
    advice = "Ask the visitors to look into the camera and come closer, with the light on their faces."


class UnsupportedPhoto(PhotoError):
    """The file's signature is of none of the formats that are taken."""

    message = "This file is not a photo we can read. Please use a JPEG, PNG, WebP or HEIC picture."
    advice = "Have the visitor use the pad's camera, or a file that is a JPEG, PNG, WebP or HEIC picture."


class UnreadablePhoto(PhotoError):
    """The file is damaged, or made so that decoding it would take too long."""

    message = "This photo is damaged or incomplete. Please take it again."
    advice = "Have the visitor take the photo again. If it comes back at one pad alone, look at its network."


class PhotoTooLarge(PhotoError):
    """More than `intake.MAX_BYTES` or `intake.MAX_PIXELS`."""

    message = "This photo is too large. Please use one of at most 60 megapixels and 32 MB."
    advice = "Have the visitor use the pad's camera, or a smaller file."


class PhotoTooSmall(PhotoError):
    """A side is shorter than `intake.MIN_SIDE`."""

    message = "This photo is too small. Please use one of at least 80 pixels on each side."
    advice = "Have the visitor use the pad's camera, or a larger file."


class PhotoTooNarrow(PhotoError):
    """The longer side is more than `intake.MAX_ASPECT` times the shorter one."""

    message = "This photo is too long and narrow. Please use one at most four times as long as it is wide."
    advice = "Have the visitor use the pad's camera, or a file that is no panorama."


class PhotoRefused(PhotoError):
    """Rekognition found a moderation label for which photos are refused (`rekognition.is_refused`)."""

    message = "We can't make pictures of this photo. Please take another one."
    advice = "The photo shows what this booth refuses. Have the visitor take another one."


class PhotoNeverArrived(PhotoError):
    """The presigned URL expired LATE_UPLOAD_SECONDS ago, and no photo was put."""

    message = "The photo did not reach us. Please take it again."
    advice = "The photo's upload never came. If it is more than one now and then, look at the pads' network."


# One picture or one run: final.


class ContentBlocked(BoothError):
    """The image model's content filter refused the prompt or the photo."""

    message = "The image service did not want to paint this picture. Please try another photo or scene."
    advice = "Suggest another scene, or another photo. If one scene does it often, take it off the list."


class ModelsUnavailable(BoothError):
    """Every candidate of the chain is unavailable: retired, denied or unknown."""

    message = "Our image service is not available at the moment. Please try again later."
    advice = "Pause the booth and call the operator: no image model can be used, and nothing on site helps."


class NoModelLeft(BoothError):
    """No candidate is left for a picture: each is unavailable, or gave this picture an answer that is not known."""

    message = "Our image service could not make this picture. Please try again with another photo or scene."
    advice = "Suggest another scene. If it comes back, call the operator: the models answer in unknown words."


class TimedOut(BoothError):
    """The run's time is over."""

    message = "This took too long. Please try again."
    advice = "Have the visitor try again. If it comes often, pause the booth for some minutes and tell the operator."


class BudgetSpent(BoothError):
    """The day's budget of photos is spent. The upload is kept for TRY_AGAIN_SECONDS, for an operator to try again."""

    message = "All photos of today have been taken. Please come back tomorrow."
    advice = "The day's photos are spent. Close the booth for today, or have the operator raise the day's budget."


class QueueFull(BoothError):
    """The earliest turn that is free would come later than QUEUE_SECONDS after the claim."""

    message = "Very many people are waiting for their pictures. Please come back a little later."
    advice = "Pause the booth for a quarter of an hour, until the queue is shorter."


class RunEnded(BoothError):
    """The run has ended or was deleted: a step that works on it stops and publishes nothing."""

    message = "This photo is already finished."
    advice = "Nothing to do: the visit had ended already."


class AccessDenied(BoothError):
    """AWS denied one of our calls, or its resource does not exist: an operator must act, a retry can't help."""

    advice = "Call the operator: AWS denies the booth something that it needs, and nothing on site helps."


class NoMatte(BoothError):
    """The SAM endpoint can't tell people from their background: its protocol is `classic`, or it has no matte."""

    advice = "Nothing to do on site: pictures keep the faces alone. The operator can say whether that is meant."


class InternalError(BoothError):
    """A defect of ours."""

    advice = "Have the visitor try again. If it comes back, tell the operator, who finds the cause in the log."


# Transient: the state machine retries, by these names.


class Throttled(BoothError):
    """AWS or a model throttled our calls, or writers of the same record kept meeting."""

    message = "Very many people are using the booth right now. Please try again in a minute."
    advice = "Have the visitor wait a minute and try again. If it lasts, tell the operator: a quota is too small."


class OutputBlocked(BoothError):
    """The image model's content filter refused the generated picture; another seed may give one that passes."""

    message = "The image service was not happy with this picture. Please try again or choose another scene."
    advice = "Suggest another try or another scene. If one scene does it often, take it off the list."


class TurnLost(BoothError):
    """The candidate of a picture's turn is unavailable, or passed over: the state machine admits the picture again."""

    advice = "Have the visitor try again. If it comes often, tell the operator: an image model is unavailable."


class TurnLate(BoothError):
    """The last call at the slot of a picture's turn came late, and the slot is not free soon: admitted again."""

    advice = "Have the visitor try again. If it comes often, the models are too few for so many: pause now and then."


class PhotoNotFound(BoothError):
    """S3 answers 404 for the photo's version: it was deleted, or a new bucket's versioning is not in effect yet."""

    message = "The photo did not reach us. Please take it again."
    advice = "Have the visitor take the photo again. A new booth needs a quarter of an hour until this is over."


class ServiceUnavailable(BoothError):
    """A connection broke, a call timed out, or a service answered 5xx or with what can't be parsed."""

    message = "Our image service did not answer. Please try again."
    advice = "Have the visitor try again in a minute. If it lasts, pause the booth and tell the operator."


# What the API answers, never a run's error.


class ApiError(BoothError):
    """An error answer of the HTTP API: `status` is the HTTP status, `headers` are added to the answer's."""

    status = 400
    headers: Mapping[str, str] = MappingProxyType({})
    details: Mapping[str, Any] = MappingProxyType({})
    """Further fields of the answer's `error`."""

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message


class BadRequest(ApiError):
    """The request is malformed."""

    status = 400


class ConsentNeeded(BadRequest):
    """The booth requires `consent`, and the request has none."""


class WrongSetting(BadRequest):
    """A field of event.json that was sent is wrong; `field` is its path, such as "title.ko"."""

    def __init__(self, field: str, sentence: str):
        super().__init__(f"{field}: {sentence}")
        self.details = {"field": field}


class BoothTokenNeeded(ApiError):
    """No booth has the request's token, or it has none."""

    status = 401


class StaffTokenNeeded(ApiError):
    """The request has no token of staff's."""

    status = 401


class WallTokenNeeded(ApiError):
    """The request has no token of the wall's."""

    status = 401


class TooManyPhotos(ApiError):
    """A limit is reached; `seconds` is the Retry-After."""

    status = 429

    def __init__(self, message: str, seconds: int):
        super().__init__(message)
        self.headers = {"retry-after": str(seconds)}


class ForeignBucket(ApiError):
    """`bucket` is not the uploads bucket."""

    status = 403


class NotFound(ApiError):
    """Nothing is known under this requestId or Key."""

    status = 404


class Deleted(NotFound):
    """The visit was deleted. Every call but `DELETE /photo`, which is idempotent, answers this."""

    def __init__(self):
        super().__init__("This photo and its pictures were deleted.")


class Hidden(NotFound):
    """Staff have taken the visit from view; they can undo it."""

    def __init__(self):
        super().__init__("The booth's staff have taken these pictures from view.")


class Conflict(ApiError):
    """A requestId, Key or id belongs to another request."""

    status = 409


class PhotoNotKept(ApiError):
    """No further run of this photo can be had: it isn't kept, or its visitor has had as many as the operator allows."""

    status = 409


class Paused(ApiError):
    """Staff have closed the booth for visitors. Runs under way end."""

    status = 503
    headers = MappingProxyType({"retry-after": "30"})  # short: they may open it at any time

    def __init__(self, pause: "Pause"):
        super().__init__(pause.reason["en"])
        self.details = {"reason": pause.reason, "until": pause.until}


class StillRemoving(ApiError):
    """The visit is deleted, but versions of its upload are left, which `sweep` removes."""

    status = 503

    def __init__(self):
        super().__init__("This visit is deleted. Removing all that was stored of it takes a little longer.")


def _families(base: type[BoothError]) -> list[type[BoothError]]:
    return [base, *(kind for sub in base.__subclasses__() for kind in _families(sub))]


_BY_NAME = {kind.__name__: kind for kind in _families(BoothError) if not issubclass(kind, ApiError)}

# Prefixes of the error names for a function that was stopped, killed or throttled.
_LOST_FUNCTIONS = ("Lambda.", "Sandbox.", "Runtime.")


def kind_of(name: str) -> type[BoothError]:
    """The error class for a name that Step Functions reports (`Error` of a Catch); InternalError if it has none."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name == "States.Timeout":
        return TimedOut
    if name.startswith(_LOST_FUNCTIONS):
        return ServiceUnavailable
    return InternalError
