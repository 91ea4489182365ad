"""CloudFront: invalidations of what the CDN has cached."""

from booth.aws import settings
from booth.aws.clients import client
from booth.aws.errors import aws_errors


def invalidate(paths: list[str], reference: str) -> None:
    """Has every edge drop its copies of these paths. The same call with the same `reference` changes nothing more."""
    batch = {"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": reference}
    with aws_errors():
        client("cloudfront").create_invalidation(DistributionId=settings.distribution(), InvalidationBatch=batch)
