"""Invalidations of the emulated CloudFront."""

from datetime import timedelta

from booth.aws import clients, settings
from local.emulator import cloudfront


def connect_cdn(account, environment):
    """Gives the account a CDN; returns its distribution's id.

    `account.invalidated()` is each reference that the CDN was told, with its paths; `account.fill_queue()` has as many
    paths in progress as it takes.
    """
    distribution = cloudfront.create_distribution()
    client = clients.client("cloudfront")
    clients.client("ssm").put_parameter(Name="/booth/distribution", Value=distribution, Type="String")
    environment.setenv("DISTRIBUTION_PARAMETER", "/booth/distribution")
    environment.setattr(settings, "_cache", {})

    def invalidated():
        told = client.list_invalidations(DistributionId=distribution)["InvalidationList"].get("Items", [])
        found = [client.get_invalidation(DistributionId=distribution, Id=each["Id"]) for each in told]
        batches = [each["Invalidation"]["InvalidationBatch"] for each in found]
        return {batch["CallerReference"]: batch["Paths"]["Items"] for batch in batches}

    def fill_queue():
        paths = [f"/other/{number}" for number in range(cloudfront.PATHS_IN_PROGRESS)]
        batch = {"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": "others"}
        client.create_invalidation(DistributionId=distribution, InvalidationBatch=batch)

    account.invalidated, account.fill_queue = invalidated, fill_queue
    return distribution


def complete_all(distribution):
    """Lets the time pass in which invalidations are in progress."""
    from moto.cloudfront.models import cloudfront_backends

    for each in cloudfront_backends[cloudfront.ACCOUNT]["aws"].invalidations.get(distribution, []):
        each.create_time -= timedelta(seconds=cloudfront.SECONDS)
