"""CloudFront's invalidations, with AWS's limits and errors: moto takes whatever it is told, and has done it at once.

Sources: CreateInvalidation and InvalidationBatch in botocore's model of CloudFront (errors, CallerReference); in the
Developer Guide "Concurrent invalidation request maximum", and "What you need to know when invalidating paths" (which
characters, and how many).
"""

import re
import threading
import uuid
from datetime import timedelta
from functools import cache
from typing import Any

from local.account import ACCOUNT
from local.emulator.replacing import replace

PATHS_IN_PROGRESS = 3000
"""Of a distribution, without wildcards."""
WILDCARDS_IN_PROGRESS = 15
SECONDS = 60
"""How long an invalidation is in progress here; AWS promises no time."""
_MAX_PATH = 4000

# ASCII without what RFC 1738 calls unsafe; "%" only as a part of an encoded character.
_PATH = re.compile(r"/([!$&'()*+,\-./0-9:;=?@A-Z_a-z]|%[0-9A-Fa-f]{2})*")

_one_at_a_time = threading.Lock()


def create_distribution() -> str:
    """Make a distribution that takes invalidations, which is all that is asked of one here; gives its id."""
    from moto.cloudfront.models import cloudfront_backends

    config = {
        "CallerReference": str(uuid.uuid4()),
        "DefaultCacheBehavior": {"TargetOriginId": "results", "ViewerProtocolPolicy": "https-only"},
        "Origins": {"Items": [{"Id": "results", "DomainName": "results.s3.amazonaws.com"}]},
    }
    distribution, _, _ = cloudfront_backends[ACCOUNT]["aws"].create_distribution(config, tags=[])
    return distribution.id


@cache
def patch_moto() -> None:
    """Once in a process: invalidations are checked and limited as CloudFront's, and take their time."""
    from moto.cloudfront.models import CloudFrontBackend, Invalidation
    from moto.cloudfront.responses import CloudFrontResponse
    from moto.core.utils import utcnow

    class Dated(Invalidation):
        """In progress for `SECONDS` after it was made."""

        status = property(
            lambda made: "InProgress" if utcnow() < made.create_time + timedelta(seconds=SECONDS) else "Completed",
            lambda made, status: None,
        )

    def create(backend: CloudFrontBackend, dist_id: str, paths: list[str], caller_ref: str) -> Invalidation:
        distribution, _ = backend.get_distribution(dist_id)
        with _one_at_a_time:
            known: list[Any] = backend.invalidations.setdefault(dist_id, [])
            for earlier in known:
                if earlier.caller_ref == caller_ref:
                    if earlier.paths == paths:
                        return earlier
                    raise _refusal("InvalidationBatchAlreadyExists", "The caller reference was used for other paths.")
            under_way = [path for each in known if each.status == "InProgress" for path in each.paths]
            _check_limits(paths, under_way)
            known.append(Dated(distribution, paths, caller_ref))
            return known[-1]

    answer = CloudFrontResponse.create_invalidation

    def check_and_answer(response: CloudFrontResponse) -> object:
        paths = response._get_param("InvalidationBatch.Paths.Items", [])
        if response._get_int_param("InvalidationBatch.Paths.Quantity") != len(paths):
            raise _refusal("InconsistentQuantities", "The value of Quantity and the size of Items don't match.")
        if not paths or not all(_PATH.fullmatch(path) and len(path) <= _MAX_PATH for path in paths):
            raise _refusal("InvalidArgument", "Your request contains one or more invalid invalidation paths.")
        return answer(response)

    replace(CloudFrontBackend, "create_invalidation", create)
    replace(CloudFrontResponse, "create_invalidation", check_and_answer)


def _check_limits(paths: list[str], under_way: list[str]) -> None:
    """Raises CloudFront's error if paths are too many, by themselves or with those in progress."""
    if len(paths) > PATHS_IN_PROGRESS:
        raise _refusal("BatchTooLarge", "Invalidation batch specified is too large.")
    wildcards = sum(path.endswith("*") for path in [*paths, *under_way])
    if wildcards > WILDCARDS_IN_PROGRESS or len(paths) + len(under_way) - wildcards > PATHS_IN_PROGRESS:
        sentence = "Processing your request will cause you to exceed the maximum number of in-progress invalidations."
        raise _refusal("TooManyInvalidationsInProgress", sentence)


def _refusal(code: str, message: str) -> Exception:
    from moto.cloudfront.exceptions import CloudFrontException

    return CloudFrontException(code, message)
