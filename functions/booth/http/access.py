"""Authentication. A booth sends a token; a visitor's phone needs none, only its requestId, which can't be guessed.

With Access=open booths have no tokens, and uploads are also limited per caller, by IP address. Staff and the event's
wall always have one, each of a secret of its own: none of the three kinds of tokens opens what another one does.
"""

import hashlib
import hmac
import ipaddress
import os
import time
from typing import Any

from booth.aws import settings
from booth.errors import BoothTokenNeeded, StaffTokenNeeded, WallTokenNeeded

OPEN = "open"
"""Name of all booths together, for their limits, where none needs a token."""


def booth_of(event: dict[str, Any]) -> str:
    """Name of the booth whose token this API Gateway event has; OPEN where none is needed.

    Raises:
        BoothTokenNeeded: no booth has this token.
        ServiceUnavailable: the tokens can't be read.
    """
    secret = os.environ["BOOTH_TOKENS"]
    if not secret:
        return OPEN
    found = _holder_of(event, secret)
    if not found:
        raise BoothTokenNeeded("This booth is not signed in. Please call somebody.")
    return found


def staff_of(event: dict[str, Any]) -> str:
    """Name of the staff whose token this API Gateway event has. A token is needed where access is open, too.

    Raises:
        StaffTokenNeeded: nobody of staff has this token.
        ServiceUnavailable: the tokens can't be read.
    """
    found = _holder_of(event, os.environ["STAFF_TOKENS"])
    if not found:
        raise StaffTokenNeeded("This page is for the booth's staff. Please open the link that you were given.")
    return found


def wall_of(event: dict[str, Any]) -> str:
    """Name of the wall whose token this API Gateway event has. A token is needed where access is open, too.

    Raises:
        WallTokenNeeded: no wall has this token.
        ServiceUnavailable: the tokens can't be read.
    """
    found = _holder_of(event, os.environ["WALL_TOKENS"])
    if not found:
        raise WallTokenNeeded("This page is the event's wall. Please open the link that the booth's operator has.")
    return found


def _holder_of(event: dict[str, Any], secret: str) -> str:
    """Whose bearer token of a secret the event has; "" if it has none. Raises ServiceUnavailable."""
    scheme, _, given = event.get("headers", {}).get("authorization", "").partition(" ")
    caller = given.strip().encode(errors="replace")
    found = ""
    # Every token is compared, each in constant time, so the time tells nothing about them.
    for name, tokens in settings.tokens_in(secret).items():
        for token in tokens:
            if hmac.compare_digest(token.encode(), caller):
                found = name
    return found if scheme.lower() == "bearer" else ""


def caller_of(event: dict[str, Any]) -> str:
    """Name of the caller for the limit of its uploads where access is open; "" where a token is needed.

    The first 16 bits of a SHA-256 of hour and address: enough to distinguish the callers of an event, while 65,536 IPv4
    addresses have the same one, and each has another in the next hour.
    """
    if os.environ["BOOTH_TOKENS"]:
        return ""
    hour = int(time.time()) // 3600
    return "caller " + hashlib.sha256(f"{hour} {_network(_address(event))}".encode()).hexdigest()[:4]


def _address(event: dict[str, Any]) -> str:
    """The viewer's IP address, by CloudFront's header if the event has the CDN's key, else by the connection.

    A call that bypasses the CDN can send any header, but doesn't have the key.
    """
    headers, key = event.get("headers", {}), os.environ["CDN_KEY"]
    viewer = headers.get("cloudfront-viewer-address", "")
    given = headers.get("x-cdn-key", "").encode(errors="replace")
    if viewer and key and hmac.compare_digest(given, key.encode()):
        return viewer.rpartition(":")[0].strip("[]")  # without the port; IPv6 perhaps in brackets
    return event["requestContext"]["http"]["sourceIp"]


def _network(address: str) -> str:
    """The IPv4 address, or the /64 network of an IPv6 one, which is what providers give a household."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address  # counted as it is: an error's text would have the address, and would be logged
    if found.version == 6:
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)
