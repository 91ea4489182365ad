"""Every way a photo, a picture or a call can fail.

The class name is the error's name everywhere: Step Functions matches it in `ErrorEquals`, the table keeps it as the
code, and the booth shows `message`. So a message is a sentence for a visitor, and the exception's own text is for the
log; neither may name a person, a file, a box or an AWS resource.
"""

from collections.abc import Mapping
from types import MappingProxyType


class BoothError(Exception):
    """Base of all typed errors. `message` is what a visitor reads."""

    message = "Something went wrong on our side. Please try again."


# The photo itself: final, nothing but another photo helps.


class PhotoError(BoothError):
    """The photo can't be used; trying the same photo again is pointless."""


class NoFaceFound(PhotoError):
    message = "We could not find a face in this photo. Please look into the camera and take another one."


class UnsupportedPhoto(PhotoError):
    message = "This file is not a photo we can read. Please use a JPEG, PNG, WebP or HEIC picture."


class UnreadablePhoto(PhotoError):
    message = "This photo is damaged or incomplete. Please take it again."


class PhotoTooLarge(PhotoError):
    message = "This photo is too large. Please use one of at most 60 megapixels and 32 MB."


class PhotoTooSmall(PhotoError):
    message = "This photo is too small. Please use one of at least 80 pixels on each side."


class PhotoTooNarrow(PhotoError):
    message = "This photo is too long and narrow. Please use one at most four times as long as it is wide."


class PhotoRefused(PhotoError):
    """Moderation found in it what the booth does not paint."""

    message = "We can't make pictures of this photo. Please take another one."


class PhotoNeverArrived(PhotoError):
    message = "The photo did not reach us. Please take it again."


# One picture or one run: final.


class ContentBlocked(BoothError):
    """The image model's content filter refused the prompt or the photo."""

    message = "The image service did not want to paint this picture. Please try another photo or scene."


class ModelsUnavailable(BoothError):
    """Every candidate of the chain is retired, denied or unknown."""

    message = "Our image service is not available at the moment. Please try again later."


class TimedOut(BoothError):
    """The run's time is over."""

    message = "This took too long. Please try again."


class BudgetSpent(BoothError):
    """The day's budget of photos is spent. The photo is kept for a while, so that an operator can try it again."""

    message = "All photos of today have been taken. Please come back tomorrow."


class QueueFull(BoothError):
    """So many pictures wait for the image models that this one's turn would come too late."""

    message = "Very many people are waiting for their pictures. Please come back a little later."


class RunEnded(BoothError):
    """The run has ended or was deleted: whoever works on it stops and publishes nothing."""

    message = "This photo is already finished."


class AccessDenied(BoothError):
    """AWS refused one of our calls, or what we call does not exist: an operator must act, a retry can't help."""


class InternalError(BoothError):
    """A defect of ours."""


# Passing trouble: the state machine tries again, by these names.


class Throttled(BoothError):
    """AWS or a model told us to slow down."""

    message = "Very many people are using the booth right now. Please try again in a minute."


class OutputBlocked(BoothError):
    """The image model's content filter refused what it had painted; with another seed it paints something else."""

    message = "The image service was not happy with this picture. Please try again or choose another scene."


class TurnLost(BoothError):
    """The candidate whose turn it is for a picture is gone: the state machine has the picture admitted again."""


class TurnLate(BoothError):
    """The slot that a picture's turn is at was used late, and is not free soon: the picture is admitted again."""


class PhotoNotFound(BoothError):
    """S3 does not know the photo that was put: it is gone, or a new bucket's versioning does not hold yet."""

    message = "The photo did not reach us. Please take it again."


class ServiceUnavailable(BoothError):
    """A connection broke, a call timed out, or a service answered with an error of its own or with nonsense."""

    message = "Our image service did not answer. Please try again."


# What the API answers at once.


class ApiError(BoothError):
    """An error answer of the HTTP API: `status` is its HTTP status, `headers` go with it."""

    status = 400
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message


class BadRequest(ApiError):
    status = 400


class ConsentNeeded(BadRequest):
    pass


class BoothTokenNeeded(ApiError):
    status = 401


class TooManyPhotos(ApiError):
    """A limit is reached; `seconds` is when to ask again."""

    status = 429

    def __init__(self, message: str, seconds: int):
        super().__init__(message)
        self.headers = {"retry-after": str(seconds)}


class ForeignBucket(ApiError):
    status = 403


class NotFound(ApiError):
    status = 404


class Deleted(NotFound):
    """The visit was deleted. `DELETE /photo` says the same of it again; every other call ends here."""

    def __init__(self):
        super().__init__("This photo and its pictures were deleted.")


class Conflict(ApiError):
    status = 409


class StillRemoving(ApiError):
    """A deletion goes on after its answer."""

    status = 503

    def __init__(self):
        super().__init__("This visit is deleted. Removing all that was stored of it takes a little longer.")


def _families(base: type[BoothError]) -> list[type[BoothError]]:
    return [base, *(kind for sub in base.__subclasses__() for kind in _families(sub))]


_BY_NAME = {kind.__name__: kind for kind in _families(BoothError) if not issubclass(kind, ApiError)}

# Names that Lambda and Step Functions give to a function that was stopped, killed or never came to run.
_LOST_FUNCTIONS = ("Lambda.", "Sandbox.", "Runtime.")


def kind_of(name: str) -> type[BoothError]:
    """The error class behind a name that Step Functions reports (`Error` of a caught error)."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name == "States.Timeout":
        return TimedOut
    if name.startswith(_LOST_FUNCTIONS):
        return ServiceUnavailable
    return InternalError
