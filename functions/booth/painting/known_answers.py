"""Every answer of InvokeModel that an image model is known to give in place of a picture, and what it means.

To add one: a line with its source. Its words also become words that the log may show, see `booth.painting.answers`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Meaning(StrEnum):
    """What an answer means for the picture and for the candidate, `model@region`, that gave it."""

    BLOCKED = "blocked"
    """A content filter refused prompt or photo: final for the picture."""
    RESULT_BLOCKED = "result blocked"
    """A content filter refused the result: another seed may pass."""
    RETIRED = "retired"
    """Gone: nobody can call the model in this Region, or not by this id."""
    DENIED = "denied"
    """Gone: this account may not call the model in this Region."""
    REFUSED = "refused"
    """The model can't take this request, a defect of ours: the next model."""
    THROTTLED = "throttled"
    """Called again, then at the next candidate."""
    BROKEN = "broken"
    """Called again, at the next candidate."""


GONE = (Meaning.RETIRED, Meaning.DENIED)

REFUSALS = ("ValidationException", "AccessDeniedException", "ResourceNotFoundException")
"""The codes whose sentence must be known, for they say little: content filters, too, come with each of the first two
(reports). The other codes of InvokeModel say enough by themselves."""


@dataclass(frozen=True)
class Answer:
    """One known answer."""

    meaning: Meaning
    part: str
    """What is looked for in the sentence, whatever its case; empty: the code is enough."""
    sentence: str
    """The sentence as it was seen, or what AWS says of the code."""
    source: str
    codes: tuple[str, ...] = REFUSALS
    """The errors' codes that it comes with; empty: any, and answers with HTTP 200."""
    todo: str = ""
    """Of a candidate that is gone: what the operator can do."""
    statuses: range = range(600)
    """Of a ModelError: the HTTP statuses of the container that it stands for; other errors have none, which is 0."""


_CODES = "https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html"
_API = "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html"
_NOVA = "https://docs.aws.amazon.com/nova/latest/userguide/image-gen-errors.html"
_STABILITY = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-diffusion-3-5-large.html"
_INVOKE_ERROR = "https://repost.aws/knowledge-center/bedrock-invokemodel-api-error"
_MARKETPLACE = "https://repost.aws/knowledge-center/bedrock-resolve-marketplace-permission"
_REPORTS = "reports of users: public repositories"

_ANY: tuple[str, ...] = ()
_SUBSCRIBE = "Subscribe once, as an administrator: call the model, or bedrock create-foundation-model-agreement."
_REMOVE = "Take it out of ImageModels."

KNOWN = (
    # Content filters come first: their sentences come under codes that mean something else.
    Answer(
        Meaning.RESULT_BLOCKED,
        "generated images have been blocked by our content filters",
        "All of the generated images have been blocked by our content filters.",
        _NOVA,
        _ANY,
    ),
    Answer(
        Meaning.RESULT_BLOCKED,
        "generated image(s) has been blocked",
        "Content in the all of the generated image(s) has been blocked and has been filtered from the response.",
        _REPORTS + " (Nova Canvas, ValidationException)",
        _ANY,
    ),
    Answer(
        Meaning.RESULT_BLOCKED,
        "because the generated image(s) may conflict",
        "This request has been blocked by our content filters because the generated image(s) may conflict our AUP or "
        "AWS Responsible AI Policy. please try again",
        _REPORTS + " (Titan)",
        _ANY,
    ),
    Answer(
        Meaning.BLOCKED,
        "this request has been blocked by our content filters",
        "This request has been blocked by our content filters. Please adjust your text prompt to submit a new request.",
        _NOVA + "; Titan's goes on: Our filters automatically flagged this prompt because it may conflict our AUP",
        _ANY,
    ),
    Answer(Meaning.BLOCKED, "filter reason: prompt", "Filter reason: prompt", _STABILITY, _ANY),
    Answer(Meaning.BLOCKED, "filter reason: input image", "Filter reason: input image", _STABILITY, _ANY),
    Answer(Meaning.RESULT_BLOCKED, "filter reason: output image", "Filter reason: output image", _STABILITY, _ANY),
    Answer(Meaning.BROKEN, "inference error", "Inference error", _STABILITY, _ANY),
    # Gone
    Answer(
        Meaning.RETIRED,
        "has reached the end of its life",
        "This model version has reached the end of its life. Please refer to the AWS documentation for more details.",
        _REPORTS + " (ResourceNotFoundException)",
        todo=_REMOVE,
    ),
    Answer(
        Meaning.RETIRED,
        "marked by provider as legacy",
        "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model in "
        "the last 30 days. Please upgrade to an active model on Amazon Bedrock",
        _REPORTS + " (Titan, Nova Canvas; ResourceNotFoundException)",
        todo=_REMOVE,
    ),
    Answer(
        Meaning.RETIRED,
        "could not resolve the foundation model",
        "Could not resolve the foundation model from the provided model identifier.",
        _REPORTS + " (ResourceNotFoundException)",
        todo=_REMOVE,
    ),
    Answer(
        Meaning.RETIRED,
        "model identifier is invalid",
        "The provided model identifier is invalid.",
        "https://repost.aws/knowledge-center/bedrock-validation-exception-errors",
        todo="No model of this Region has this id: mend ImageModels.",
    ),
    Answer(
        Meaning.RETIRED,
        "with on-demand throughput isn",  # AWS writes both apostrophes
        "Invocation of model ID x with on-demand throughput isn't supported. Retry your request with the ID or ARN of "
        "an inference profile that contains this model.",
        _REPORTS + " (ValidationException)",
        todo="Name the inference profile, such as us.<model id>, in ImageModels.",
    ),
    Answer(
        Meaning.DENIED,
        "invalid_payment_instrument",
        "Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided. Your "
        "AWS Marketplace subscription for this model cannot be completed at this time. If you recently fixed this "
        "issue, try again after 2 minutes.",
        _CODES + ", AWS Marketplace Agreement Failed; the sentence: Tracer-Cloud/opensre, pull request 1811",
        todo="Give the account a payment method that AWS Marketplace takes; models of Amazon's own need none.",
    ),
    Answer(
        Meaning.DENIED,
        "model access is denied due to",
        "Model access is denied due to IAM user or service role is not authorized to perform the required AWS "
        "Marketplace actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe) to enable access to this "
        "model. Refer to the Amazon Bedrock documentation for further details.",
        _MARKETPLACE,
        todo=_SUBSCRIBE,
    ),
    Answer(
        Meaning.DENIED,
        "aws marketplace subscription for this model",
        "Your account is not authorized to access this model. Your AWS Marketplace subscription for this model is "
        "still being processed",
        _CODES + ", MPAgreementBeingCreated",
        todo=_SUBSCRIBE + " It takes up to 15 minutes.",
    ),
    Answer(
        Meaning.DENIED,
        "",
        "Your AWS Marketplace subscription for this model is still being processed",
        _CODES,
        ("MPAgreementBeingCreated",),
        todo="Wait up to 15 minutes.",
    ),
    Answer(
        Meaning.DENIED,
        "have access to the model with the specified model id",
        "You don't have access to the model with the specified model ID.",
        _INVOKE_ERROR,
        todo=_SUBSCRIBE,
    ),
    Answer(
        Meaning.DENIED,
        "account is not authorized to",
        "Your account is not authorized to invoke this API operation.",
        _INVOKE_ERROR + "; access this model: " + _CODES,
        todo="Ask AWS Support: the account is restricted.",
    ),
    Answer(
        Meaning.DENIED,
        "operation not allowed",
        "Operation not allowed",
        _INVOKE_ERROR + " (ValidationException, of an account with a security restriction)",
        todo="Ask AWS Support: the account is restricted.",
    ),
    Answer(
        Meaning.DENIED,
        "is not available for this account",
        "x is not available for this account. You can explore other available models on Amazon Bedrock.",
        _REPORTS + " (AccessDeniedException)",
        todo=_REMOVE,
    ),
    Answer(
        Meaning.DENIED,
        "not available for channel program accounts",
        "Access to this model is not available for channel program accounts. Reach out to your AWS Solution Provider "
        "or AWS Distributor for more information.",
        _REPORTS + " (AccessDeniedException, ValidationException)",
        todo=_REMOVE,
    ),
    Answer(
        Meaning.DENIED,
        "not allowed from unsupported countries",
        "Access to models is not allowed from unsupported countries, regions, or territories.",
        _REPORTS + " (ValidationException, of other providers' models)",
        todo=_REMOVE,
    ),
    Answer(
        Meaning.DENIED,
        "is not authorized to perform: bedrock:",
        "User: x is not authorized to perform: bedrock:InvokeModel on resource: x because no identity-based policy "
        "allows the bedrock:InvokeModel action; with an explicit deny in a service control policy",
        _INVOKE_ERROR,
        todo="Look at the function's role, and at the organisation's policies (SCP).",
    ),
    # This request
    Answer(
        Meaning.REFUSED,
        "malformed input request",
        "Malformed input request: #/outPaintingParams/text: expected maxLength: 512, actual: 536, please reformat your "
        "input and try again.",
        _REPORTS + " (Titan)",
    ),
    Answer(
        Meaning.REFUSED,
        "validation error detected",
        "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length less than "
        "or equal to 25000000",
        _API + ", body's length; the sentence is that of all AWS APIs",
    ),
    # What passes. The codes of other services' throttles, and 5xx, are in `booth.aws.errors`.
    Answer(
        Meaning.THROTTLED,
        "",
        "Too many requests, please wait before trying again. Too many tokens per day, please wait before trying again.",
        _CODES + "; the sentences: reports",
        ("ThrottlingException",),
    ),
    Answer(
        Meaning.THROTTLED,
        "",
        "Your request exceeds the service quota for your account. You can resubmit your request later.",
        _API,
        ("ServiceQuotaExceededException",),
    ),
    Answer(
        Meaning.THROTTLED,
        "",
        "The model specified in the request is not ready to serve inference requests.",
        _API,
        ("ModelNotReadyException",),
    ),
    Answer(
        Meaning.BROKEN,
        "",
        "The request took too long to process. The request failed due to an error while processing the model.",
        _API,
        ("ModelTimeoutException", "ModelErrorException"),
    ),
    Answer(
        Meaning.BROKEN,
        "",
        "The system encountered an unexpected error during processing. Bedrock is unable to process your request. The "
        "model is temporarily unable to process the request because of high demand or insufficient serving capacity.",
        _CODES + "; the sentences: reports",
        ("InternalServerException", "InternalFailure", "ServiceUnavailableException", "overloaded_error"),
    ),
)
"""The first that fits counts."""
