"""Who signed a request: presigned URLs, with all that they bind, and the Authorization header's key."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from werkzeug.wrappers import Request

from local.s3.bodies import decoded
from local.s3.errors import S3Error, iso

CLOCK_SKEW = timedelta(minutes=15)  # S3 accepts requests signed by a clock that is this much ahead
LONGEST_EXPIRY_S = 7 * 24 * 3600

_QUERY_FIELDS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)


class Signatures:
    """Checks requests' signatures.

    Args:
        credentials: secret access keys by access key id; everybody else is refused.
        region: the Region that signatures must name.
        tokens: session tokens by access key id, of those whose credentials are temporary.
    """

    def __init__(self, credentials: Mapping[str, str], region: str, tokens: Mapping[str, str]):
        self._credentials = dict(credentials)
        self._region = region
        self._tokens = dict(tokens)

    def check(self, request: Request, arrived: datetime) -> None:
        """Refuse, as S3 does, whoever has no valid signature.

        Args:
            arrived: when the request's head came. A presigned URL that expires later holds, however long the body takes
                ("Download and upload objects with presigned URLs" in the S3 User Guide).

        Raises:
            S3Error: 400 or 403.
        """
        query = dict(_query_pairs(request))
        header = request.headers.get("Authorization", "")
        if header and "X-Amz-Algorithm" in query:
            raise S3Error(
                400,
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
                "parameter or the Authorization header should be specified",
            )
        if "X-Amz-Algorithm" in query:
            self._check_presigned(request, query, arrived)
        elif "AWSAccessKeyId" in query or (header and not header.startswith("AWS4-HMAC-SHA256 ")):
            raise S3Error(
                400,
                "InvalidRequest",
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
            )
        elif header:
            match = re.search(r"Credential=([^/,\s]+)/\d{8}/[\w-]+/s3/aws4_request", header)
            if not match:
                raise S3Error(400, "AuthorizationHeaderMalformed", "The authorization header is malformed.")
            self._secret(match[1], request.headers.get("X-Amz-Security-Token", ""))
        else:
            raise S3Error(403, "AccessDenied", "Access Denied")

    def _check_presigned(self, request: Request, query: dict[str, str], now: datetime) -> None:
        """Check the query of a presigned URL: form, key, scope, time, signed headers, signature."""
        missing = [name for name in _QUERY_FIELDS if name not in query]
        if missing or query["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256":
            raise _malformed(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
                "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
            )
        access_key, *scope = query["X-Amz-Credential"].split("/")
        date, expires = _time(query["X-Amz-Date"]), query["X-Amz-Expires"]
        if not expires.isdecimal() or int(expires) > LONGEST_EXPIRY_S:
            raise _malformed(f"X-Amz-Expires must be a number of at most {LONGEST_EXPIRY_S} seconds")
        if scope[1:] != [self._region, "s3", "aws4_request"]:
            raise _malformed(
                f"Error parsing the X-Amz-Credential parameter; the region or service is wrong; "
                f"expecting '{self._region}' and 's3'"
            )
        if scope[0] != query["X-Amz-Date"][:8]:
            raise _malformed(
                f'Invalid credential date "{scope[0]}". This date is not the same as X-Amz-Date: '
                f'"{query["X-Amz-Date"][:8]}".'
            )
        secret = self._secret(access_key, query.get("X-Amz-Security-Token", ""))
        end = date + timedelta(seconds=int(expires))
        if date > now + CLOCK_SKEW:
            raise S3Error(403, "AccessDenied", "Request is not valid yet", ServerTime=iso(now))
        if now > end:
            raise S3Error(
                403,
                "AccessDenied",
                "Request has expired",
                **{"X-Amz-Expires": expires, "Expires": iso(end), "ServerTime": iso(now)},
            )
        signed = query["X-Amz-SignedHeaders"].lower().split(";")
        unsigned = [name.lower() for name, _ in request.headers if name.lower().startswith("x-amz-")]
        if unsigned := sorted(set(unsigned) - set(signed)):
            raise S3Error(
                403,
                "AccessDenied",
                "There were headers present in the request which were not signed",
                HeadersNotSigned=", ".join(unsigned),
            )
        _check_signature(request, query, signed, Credentials(access_key, secret), self._region)

    def _secret(self, access_key: str, token: str) -> str:
        """The secret access key of those credentials. A key whose token is missing is none that S3 knows."""
        wanted = self._tokens.get(access_key, "")
        if access_key not in self._credentials or (wanted and not token):
            raise S3Error(
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
                AWSAccessKeyId=access_key,
            )
        if not hmac.compare_digest(wanted.encode(), token.encode()):
            words = "The provided token is malformed or otherwise invalid."
            raise S3Error(400, "InvalidToken", words, **{"Token-0": token})
        return self._credentials[access_key]


def _check_signature(
    request: Request, query: Mapping[str, str], signed: list[str], credentials: Credentials, region: str
) -> None:
    """Sign the request as it arrived, with the headers the URL names, and compare."""
    # Both sides sign what S3 makes of the address: decoded, then encoded in one way.
    pairs = [
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in _query_pairs(request)
        if name != "X-Amz-Signature"
    ]
    address = f"http://{request.host}{quote(request.path, safe='/~')}?{'&'.join(pairs)}"
    headers = {name: request.headers[name] for name in signed if name in request.headers}
    copy = AWSRequest(method=request.method, url=address, headers=headers)
    copy.context["timestamp"] = query["X-Amz-Date"]
    signer = S3SigV4QueryAuth(credentials, "s3", region)
    canonical = signer.canonical_request(copy)
    to_sign = signer.string_to_sign(copy, canonical)
    if not hmac.compare_digest(str(signer.signature(to_sign, copy)), query["X-Amz-Signature"]):
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


def _query_pairs(request: Request) -> list[tuple[str, str]]:
    """The query's names and values, decoded."""
    pairs = [pair.partition("=") for pair in request.query_string.decode("ascii", "replace").split("&") if pair]
    return [(decoded(name), decoded(value)) for name, _, value in pairs]


def _malformed(message: str) -> S3Error:
    return S3Error(400, "AuthorizationQueryParametersError", message)


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"") from None
