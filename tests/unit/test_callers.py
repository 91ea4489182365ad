"""Who a caller is, where access is open."""

import pytest

from booth.http import access

KEY = "k" * 43


@pytest.fixture
def caller(environment):
    """The caller's name, by CloudFront-Viewer-Address, the key that came with it, and the address of the connection."""
    environment.setenv("BOOTH_TOKENS", "")
    environment.setenv("CDN_KEY", KEY)
    environment.setattr(access.time, "time", lambda: 1_795_000_000)

    def caller(viewer=None, key=KEY, source="130.176.0.1"):
        headers = {"cloudfront-viewer-address": viewer, "x-cdn-key": key}
        sent = {name: value for name, value in headers.items() if value is not None}
        return access.caller_of({"headers": sent, "requestContext": {"http": {"sourceIp": source}}})

    return caller


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("198.51.100.7:1024", "198.51.100.7:65535", True),
        ("198.51.100.7:1024", "198.51.100.8:1024", False),
        ("2001:db8:1:2:3:4:5:6:1024", "[2001:db8:1:2::]:443", True),
        ("2001:db8:1:2::1:1024", "2001:db8:1:3::1:1024", False),
        ("::ffff:198.51.100.7:1024", "198.51.100.7:1024", True),
    ],
)
def test_a_caller_is_an_address_or_a_network_of_64_bits(caller, one, other, same):
    assert (caller(one) == caller(other)) is same


@pytest.mark.parametrize("key", [None, "", "wrong", KEY[:-1], KEY + "k", "é😀"])
def test_what_does_not_come_with_the_cdns_key_is_who_connected(caller, key):
    for forged in ("198.51.100.7:1024", "198.51.100.8:1024", None):
        assert caller(forged, key, "203.0.113.9") == caller("203.0.113.9:1024")


def test_without_a_key_in_the_environment_no_header_is_believed(caller, environment):
    environment.setenv("CDN_KEY", "")
    assert caller("198.51.100.7:1024", "") == caller("198.51.100.8:1024", "") == caller(None)


def test_the_name_says_little_of_the_address_and_is_another_one_in_the_next_hour(caller, environment):
    names = {caller(f"198.51.{number >> 8}.{number & 255}:1") for number in range(3000)}
    assert all(len(name) == len("caller 0123") for name in names)
    assert len(names) > 2800, "few share one"
    before = caller("198.51.100.7:1024")
    environment.setattr(access.time, "time", lambda: 1_795_000_000 + 3600)
    assert caller("198.51.100.7:1024") != before


def test_where_a_token_is_needed_callers_have_no_name(caller, environment):
    environment.setenv("BOOTH_TOKENS", "secret")
    assert caller("198.51.100.7:1024") == ""


def test_an_address_that_is_none_is_counted_and_never_in_an_error(caller):
    assert caller("what-is-this:1") == caller("what-is-this:2") != caller("198.51.100.7:1")
