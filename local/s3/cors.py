"""Cross-origin resource sharing, by a bucket's rules."""

from __future__ import annotations

import re

from moto.s3.models import CorsRule
from werkzeug.wrappers import Request

from local.s3.buckets import bucket_of
from local.s3.errors import S3Error

_CORS_REFUSED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request "
    "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "
    "resource's CORS spec."
)


def preflight(request: Request) -> dict[str, str]:
    """Headers of the answer to a preflight request.

    Raises:
        S3Error: 400 for one that is none, 403 when no rule of the bucket allows it.
    """
    method = request.headers.get("Access-Control-Request-Method", "")
    if "Origin" not in request.headers:
        raise S3Error(400, "BadRequest", "Insufficient information. Origin request header needed.")
    if method not in ("GET", "PUT", "POST", "DELETE", "HEAD"):
        raise S3Error(400, "BadRequest", f"Invalid Access-Control-Request-Method: {method or 'null'}")
    bucket = bucket_of(request)
    if not bucket or not bucket.cors:
        raise S3Error(403, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")
    headers = cors_headers(request, method)
    if headers is None:
        raise S3Error(403, "AccessForbidden", _CORS_REFUSED, Method=method, ResourceType="OBJECT")
    return headers


def cors_headers(request: Request, method: str) -> dict[str, str] | None:
    """The Access-Control headers of the bucket's first rule that allows origin, method and asked-for headers."""
    origin = request.headers.get("Origin")
    bucket = bucket_of(request)
    if origin is None or bucket is None:
        return None
    asked = request.headers.get("Access-Control-Request-Headers", "")
    wanted = [name.strip().lower() for name in asked.split(",") if name.strip()]
    for rule in bucket.cors:
        if _allows(rule, origin, method, wanted):
            anyone = "*" in rule.allowed_origins
            headers = {
                "Access-Control-Allow-Origin": "*" if anyone else origin,
                "Access-Control-Allow-Methods": ", ".join(rule.allowed_methods),
                "Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
            }
            if not anyone:
                headers["Access-Control-Allow-Credentials"] = "true"
            if wanted:
                headers["Access-Control-Allow-Headers"] = ", ".join(wanted)
            if rule.exposed_headers:
                headers["Access-Control-Expose-Headers"] = ", ".join(rule.exposed_headers)
            if rule.max_age_seconds is not None:
                headers["Access-Control-Max-Age"] = str(rule.max_age_seconds)
            return headers
    return None


def _allows(rule: CorsRule, origin: str, method: str, headers: list[str]) -> bool:
    return (
        any(_matches(pattern, origin) for pattern in rule.allowed_origins)
        and method in rule.allowed_methods
        and all(any(_matches(pattern.lower(), name) for pattern in rule.allowed_headers or []) for name in headers)
    )


def _matches(pattern: str, text: str) -> bool:
    """S3's wildcard: an asterisk stands for any characters, everything else for itself."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text) is not None
