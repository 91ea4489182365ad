"""The emulated CloudFront takes invalidations as AWS does; local/emulator/cloudfront.py names the sources."""

import pytest
from botocore.exceptions import ClientError

from booth.aws import clients, errors
from local.emulator import cloudfront
from tests.support.invalidations import complete_all


@pytest.fixture
def invalidate(account):
    """Invalidates paths under a reference; gives the invalidation."""
    distribution = cloudfront.create_distribution()
    client = clients.client("cloudfront")

    def invalidate(paths, reference, quantity=None):
        batch = {"Paths": {"Quantity": quantity or len(paths), "Items": paths}, "CallerReference": reference}
        return client.create_invalidation(DistributionId=distribution, InvalidationBatch=batch)["Invalidation"]

    invalidate.distribution = distribution
    return invalidate


def refusal(invalidate, *arguments):
    with pytest.raises(ClientError) as refused:
        invalidate(*arguments)
    return errors.code_of(refused.value), errors.status_of(refused.value)


def test_fifteen_wildcards_and_three_thousand_paths_at_a_time(invalidate):
    for number in range(15):
        assert invalidate([f"/photo/{number}*"], f"w{number}")["Status"] == "InProgress"
    assert refusal(invalidate, ["/photo/15*"], "w15") == ("TooManyInvalidationsInProgress", 400)
    invalidate([f"/photo/{number}" for number in range(2994)], "many")
    invalidate([f"/photo/a{number}" for number in range(6)], "six")
    assert refusal(invalidate, ["/photo/b"], "one") == ("TooManyInvalidationsInProgress", 400)
    assert refusal(invalidate, ["/photo/b"] * 3001, "too many") == ("BatchTooLarge", 413)
    complete_all(invalidate.distribution)
    assert invalidate(["/photo/15*", "/photo/b"], "later")["Status"] == "InProgress"


def test_the_same_reference_with_the_same_paths_is_one_invalidation(invalidate):
    first = invalidate(["/photo/a", "/photo/b"], "run-1")
    assert invalidate(["/photo/a", "/photo/b"], "run-1")["Id"] == first["Id"]
    assert refusal(invalidate, ["/photo/a"], "run-1")[0] == "InvalidationBatchAlreadyExists"
    assert invalidate(["/photo/a", "/photo/b"], "run-2")["Id"] != first["Id"]


@pytest.mark.parametrize("path", ["photo/a", "/a b", "/a~", "/\uc0ac\uc9c4", "/[a]", "/a%zz", "/" + "a" * 4000])
def test_a_path_that_is_none(invalidate, path):
    assert refusal(invalidate, [path], "r") == ("InvalidArgument", 400)


def test_a_quantity_that_is_another(invalidate):
    assert refusal(invalidate, ["/a"], "r", 2) == ("InconsistentQuantities", 400)
