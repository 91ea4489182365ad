"""Presigned URLs: what they bind, and whether they were signed with the key they name."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from werkzeug.wrappers import Request

from local.s3.errors import S3Error


def check_signature(
    request: Request, query: Mapping[str, str], signed: list[str], credentials: Credentials, region: str
) -> None:
    """Sign the request as it arrived, with the headers the URL names, and compare."""
    # Both sides sign what S3 makes of the address: decoded, then encoded in one way.
    pairs = [
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in query_pairs(request)
        if name != "X-Amz-Signature"
    ]
    address = f"http://{request.host}{quote(request.path, safe='/~')}?{'&'.join(pairs)}"
    headers = {name: request.headers[name] for name in signed if name in request.headers}
    copy = AWSRequest(method=request.method, url=address, headers=headers)
    copy.context["timestamp"] = query["X-Amz-Date"]
    signer = S3SigV4QueryAuth(credentials, "s3", region)
    canonical = signer.canonical_request(copy)
    to_sign = signer.string_to_sign(copy, canonical)
    if not hmac.compare_digest(signer.signature(to_sign, copy), query["X-Amz-Signature"]):
        raise S3Error(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and "
            "signing method.",
            AWSAccessKeyId=credentials.access_key,
            StringToSign=to_sign,
            SignatureProvided=query["X-Amz-Signature"],
            CanonicalRequest=canonical,
        )


def query_pairs(request: Request) -> list[tuple[str, str]]:
    """The query's names and values, percent-decoded; unlike a form's, a plus sign stays one."""
    pairs = [pair.partition("=") for pair in request.query_string.decode("ascii", "replace").split("&") if pair]
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def malformed(message: str) -> S3Error:
    return S3Error(400, "AuthorizationQueryParametersError", message)


def time_of(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"") from None
