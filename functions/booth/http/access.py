"""Who calls. A booth proves itself with a token; a visitor's phone needs its unguessable requestId and nothing else.

Where access is open nobody proves anything, and callers are told apart by their addresses.
"""

import hashlib
import hmac
import ipaddress
import os
import time
from typing import Any

from booth.aws import settings
from booth.errors import BoothTokenNeeded

OPEN = "open"
"""The name under which all booths count where none needs a token."""


def booth_of(event: dict[str, Any]) -> str:
    """Name of the booth that makes this call (an API Gateway event). Raises BoothTokenNeeded."""
    secret = os.environ["BOOTH_TOKENS"]
    if not secret:
        return OPEN
    scheme, _, given = event.get("headers", {}).get("authorization", "").partition(" ")
    caller = given.strip().encode(errors="replace")
    found = ""
    # All are compared, each in constant time: how long it takes tells nothing about any of them.
    for booth, tokens in settings.booth_tokens(secret).items():
        for token in tokens:
            if hmac.compare_digest(token.encode(), caller):
                found = booth
    if not found or scheme.lower() != "bearer":
        raise BoothTokenNeeded("This booth is not signed in. Please call somebody.")
    return found


def caller_of(event: dict[str, Any]) -> str:
    """A name for the caller where access is open, under which its uploads are counted; empty where a token is needed.

    It is the first 16 bits of a hash of the address and the hour: enough to tell an event's callers apart, while 65,536
    addresses of IPv4 share each, and the next hour's is another.
    """
    if os.environ["BOOTH_TOKENS"]:
        return ""
    hour = int(time.time()) // 3600
    return "caller " + hashlib.sha256(f"{hour} {_network(_address(event))}".encode()).hexdigest()[:4]


def _address(event: dict[str, Any]) -> str:
    """The viewer's address as the CDN saw it. Who calls the API past the CDN may send any header, and has its own."""
    headers, key = event.get("headers", {}), os.environ["CDN_KEY"]
    viewer = headers.get("cloudfront-viewer-address", "")
    given = headers.get("x-cdn-key", "").encode(errors="replace")
    if viewer and key and hmac.compare_digest(given, key.encode()):
        return viewer.rpartition(":")[0].strip("[]")  # a port follows; some have seen IPv6 in brackets
    return event["requestContext"]["http"]["sourceIp"]


def _network(address: str) -> str:
    """What one caller has of addresses: one of IPv4, 64 bits of IPv6's, of which networks give a household as many."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address  # counted all the same; an error would be logged, and the address with it
    if found.version == 6:
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)
