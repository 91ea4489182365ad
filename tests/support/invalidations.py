"""Invalidations of the emulated CloudFront."""

from datetime import timedelta

from local.emulator import cloudfront


def complete_all(distribution):
    """Lets the time pass in which invalidations are in progress."""
    from moto.cloudfront.models import cloudfront_backends

    for each in cloudfront_backends[cloudfront.ACCOUNT]["aws"].invalidations.get(distribution, []):
        each.create_time -= timedelta(seconds=cloudfront.SECONDS)
