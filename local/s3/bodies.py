"""What S3 says of a request's address and length before it takes the body, and of the body.

Sources: in the API reference "Error responses" (codes, status, words) and "Common request headers" (Content-Length is
required for PUTs; Content-MD5; with `Expect: 100-continue` a request that is refused by its headers is not sent its
body). A plain chunked body is answered 501 NotImplemented with the header's name: AWS's page has the code and the
words, which header it is has been reported often (github.com/aws/aws-sdk-js/issues/1237,
github.com/eclipse-edc/Connector/issues/1643). Chunks signed one by one ("Signature calculations: transferring payload
in multiple chunks") are taken.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from urllib.parse import quote, unquote_to_bytes, urlsplit

from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Request

from local.s3.errors import S3Error

LARGEST_PUT = 5 * 1024**3
"""Bytes of one PUT ("Uploading objects" in the User Guide)."""
_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


def decoded(text: str) -> str:
    """A part of an address, percent-decoded. Raises UnicodeDecodeError if it is no UTF-8.

    S3 takes a plus sign for a space, in the path, too; so a client that writes one for `%2B` is refused
    (github.com/aws/aws-sdk-java/issues/2128, github.com/nginx/nginx-s3-gateway/issues/77).
    """
    return unquote_to_bytes(text.replace("+", " ")).decode()


def read_address(environ: dict) -> dict:
    """The request's WSGI environment with its path spelt in one way, for all who look at it.

    Raises:
        S3Error: 400, for an address that can't be decoded.
    """
    sent = environ.get("RAW_URI") or quote(environ["PATH_INFO"].encode("latin-1"))
    path = sent.partition("?")[0] if sent.startswith("/") else urlsplit(sent).path  # else for a proxy: a whole address
    query = environ.get("QUERY_STRING", "")
    try:
        name, _ = decoded(path), decoded(query)
    except UnicodeDecodeError:
        name = ""
    if not name or _BROKEN_ESCAPE.search(path + query):
        raise S3Error(400, "InvalidURI", "Couldn't parse the specified URI.")
    address = quote(name, safe="/~") + (f"?{query}" if query else "")
    return environ | {"PATH_INFO": name.encode().decode("latin-1"), "RAW_URI": address, "REQUEST_URI": address}


def check_head(request: Request) -> None:
    """Refuse a request whose body S3 would not take.

    Raises:
        S3Error: 400, 411 or 501.
    """
    if request.method != "PUT":
        return
    if "x-amz-decoded-content-length" not in request.headers:  # else its chunks are signed
        if "Transfer-Encoding" in request.headers:
            words = "A header you provided implies functionality that is not implemented"
            raise S3Error(501, "NotImplemented", words, Header="Transfer-Encoding")
        if request.content_length is None:
            raise S3Error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    if (request.content_length or 0) > LARGEST_PUT:
        raise S3Error(
            400,
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
            ProposedSize=str(request.content_length),
            MaxSizeAllowed=str(LARGEST_PUT),
        )


def read(request: Request) -> bytes:
    """The body, which is as long as was announced, and as its Content-MD5 says.

    Raises:
        S3Error: 400.
    """
    try:
        body = request.get_data(cache=False)
    except BadRequest:
        words = "You did not provide the number of bytes specified by the Content-Length HTTP header"
        raise S3Error(400, "IncompleteBody", words) from None
    except TimeoutError:
        words = (
            "Your socket connection to the server was not read from or written to within the timeout period. Idle "
            "connections will be closed."
        )
        raise S3Error(400, "RequestTimeout", words) from None
    if given := request.headers.get("Content-MD5"):
        _check_digest(given, body)
    return body


def _check_digest(given: str, body: bytes) -> None:
    try:
        digest = base64.b64decode(given, validate=True)
    except binascii.Error:
        digest = b""
    actual = hashlib.md5(body, usedforsecurity=False).digest()
    if len(digest) != len(actual):
        raise S3Error(400, "InvalidDigest", "The Content-MD5 you specified was invalid.", **{"Content-MD5": given})
    if not hmac.compare_digest(digest, actual):
        raise S3Error(
            400,
            "BadDigest",
            "The Content-MD5 you specified did not match what we received.",
            ExpectedDigest=given,
            CalculatedDigest=base64.b64encode(actual).decode(),
        )
