"""CloudFront: invalidations."""

from booth.aws import settings
from booth.aws.clients import client
from booth.aws.errors import aws_errors


def invalidate(paths: list[str], reference: str) -> None:
    """Creates an invalidation of these paths, each as `keys.address` makes it.

    Args:
        reference: CallerReference. Repeated with the same paths it makes no second invalidation.

    Raises the errors of `aws_errors`; Throttled also if too many paths are in progress.
    """
    batch = {"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": reference}
    with aws_errors():
        client("cloudfront").create_invalidation(DistributionId=settings.distribution(), InvalidationBatch=batch)
