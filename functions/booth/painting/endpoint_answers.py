"""Every answer of InvokeEndpoint that the painter of one's own is known to give in place of a picture.

A ModelError stands for an answer of the endpoint's container, whose HTTP status it carries. The rest is SageMaker's.
"""

from booth.painting.known_answers import Answer, Meaning

_API = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html"
_CONTAINER = ("ModelError",)

KNOWN_OF_ENDPOINT = (
    # Gone: SageMaker has no other word for an endpoint that is off, or not yet on.
    Answer(
        Meaning.RETIRED,
        "not found",
        "Endpoint x of account x not found.",
        "aws/amazon-sagemaker-examples, issues 293, 559 (ValidationError)",
        ("ValidationError", "ValidationException"),
        todo="Deploy it or turn it on, or set PaintEndpoint and PaintRegion to those of yours.",
    ),
    Answer(
        Meaning.DENIED,
        "is not authorized to perform: sagemaker:",
        "User: x is not authorized to perform: sagemaker:InvokeEndpoint on resource: x because no identity-based "
        "policy allows the sagemaker:InvokeEndpoint action",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html",
        ("AccessDeniedException", "AccessDenied"),
        todo="Look at the function's role, and at the organisation's policies (SCP).",
    ),
    # This request
    Answer(
        Meaning.REFUSED,
        "validation error detected",
        "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length less than "
        "or equal to 6291456",
        _API + ", Body's length; the sentence is that of all AWS APIs",
        ("ValidationError", "ValidationException"),
    ),
    # What the container says; paint_model/serving/ has its statuses.
    Answer(
        Meaning.THROTTLED,
        "",
        'Received client error (429) from primary with message "The painter is busy."',
        _API + ", ModelError; 429: the painter's queue is full",
        _CONTAINER,
        statuses=range(429, 430),
    ),
    Answer(
        Meaning.BROKEN,
        "",
        'Received client error (408) from primary with message "..."',
        _API + ", ModelError; 408: the serving toolkit's own time-out",
        _CONTAINER,
        statuses=range(408, 409),
    ),
    Answer(
        Meaning.REFUSED,
        "",
        'Received client error (400) from primary with message "The mask has nothing to paint."',
        _API + ", ModelError; the painter refuses the request",
        _CONTAINER,
        statuses=range(400, 500),
    ),
    Answer(
        Meaning.BROKEN,
        "",
        'Received server error (0) from primary with message "Your invocation timed out while waiting for a response '
        "from container primary. Review the latency metrics for each container in Amazon CloudWatch, resolve the "
        'issue, and try again."',
        _API + ", ModelError; 0: reports of users, public repositories; 5xx: the painter failed",
        _CONTAINER,
    ),
    # What passes. ThrottlingException and other common codes are in `booth.aws.errors`.
    Answer(
        Meaning.THROTTLED,
        "",
        "Either a serverless endpoint variant's resources are still being provisioned, or a multi-model endpoint is "
        "still downloading or loading the target model. Wait and try your request again.",
        _API,
        ("ModelNotReadyException",),
    ),
    Answer(
        Meaning.BROKEN,
        "",
        "An internal failure occurred. The service is unavailable. Try your call again. Your request caused an "
        "exception with an internal dependency.",
        _API,
        ("InternalFailure", "ServiceUnavailable", "InternalDependencyException"),
    ),
)
"""Those of InvokeEndpoint; the first that fits counts."""
