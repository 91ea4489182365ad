"""S3's front: each request is authenticated, authorised and handed to moto."""

from __future__ import annotations

import io
import itertools
import logging
import queue
import re
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from botocore.credentials import Credentials
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.responses import S3Response
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import ClosingIterator

from local import iam
from local.account import ACCOUNT
from local.emulator.dispatch import answer_of
from local.s3.buckets import bucket_of
from local.s3.cors import cors_headers, preflight
from local.s3.errors import S3Error, error_response
from local.s3.events import creation_reason, iso
from local.s3.signatures import check_signature, malformed, query_pairs, time_of

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
_KEY_LOCKS = 64
_log = logging.getLogger(__name__)


class S3Front:
    """WSGI application: path-style S3 for one account and Region. Thread-safe.

    Args:
        credentials: secret access keys by access key id; everybody else is refused.
        region: the Region of the buckets, which signatures must name.
        on_created: called with EventBridge's `Object Created` event (a dict, as AWS documents it) once for each
            object written to a bucket whose EventBridge notifications are on, after the answer has been sent,
            in order, by a thread of its own. What it raises is logged and ends nothing.
        authority: decides what the holders of the credentials may do; by default everything.
    """

    def __init__(
        self,
        credentials: Mapping[str, str],
        *,
        region: str,
        on_created: Callable[[dict], None],
        authority: iam.Authority | None = None,
    ):
        self._credentials = dict(credentials)
        self._authority = authority or iam.Authority()
        self._region = region
        self._on_created = on_created
        self._moto = create_backend_app("s3")
        self._locks = [threading.Lock() for _ in range(_KEY_LOCKS)]
        self._sequence = itertools.count(time.time_ns())
        self._events: queue.SimpleQueue[dict] = queue.SimpleQueue()
        threading.Thread(target=self._send_events, name="s3-events", daemon=True).start()

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        request = Request(environ)
        request_id = secrets.token_hex(8).upper()
        # The body is read in full first: an error answered before its end would break the connection, and a slow
        # sender must not hold the key's lock.
        body = request.get_data(cache=False)
        cors, event = {}, None
        try:
            if request.method == "OPTIONS":
                cors, response = preflight(request), Response()
            else:
                cors = cors_headers(request, request.method) or {}
                self._authenticate(request)
                self._authorize(request, body)
                response, event = self._forward(request, body, request_id)
                if response.status_code == 404:
                    self._hide(request)
        except S3Error as error:
            response = error_response(request, error, request_id)
        for header in [name for name, _ in response.headers if name.startswith("Access-Control-")]:
            del response.headers[header]
        response.headers.update(cors)
        response.headers["x-amz-request-id"] = request_id
        answer = response(environ, start_response)
        return ClosingIterator(answer, [lambda: self._events.put(event)]) if event else answer

    def _authenticate(self, request: Request) -> None:
        """Refuse, as S3 does, whoever has no valid signature.

        Raises:
            S3Error: 400 or 403.
        """
        query = dict(query_pairs(request))
        header = request.headers.get("Authorization", "")
        if header and "X-Amz-Algorithm" in query:
            raise S3Error(
                400,
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
                "parameter or the Authorization header should be specified",
            )
        if "X-Amz-Algorithm" in query:
            self._check_presigned(request, query)
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
            self._secret(match[1])
        else:
            raise S3Error(403, "AccessDenied", "Access Denied")

    def _authorize(self, request: Request, body: bytes) -> None:
        """Refuse whose policies do not allow the request; of a presigned URL those of its signer count.

        Raises:
            S3Error: 403.
        """
        key, _ = iam.caller_of(request)
        if key in self._authority.statements and (message := self._authority.refusal(key, iam.s3_calls(request, body))):
            raise S3Error(403, "AccessDenied", message)

    def _hide(self, request: Request) -> None:
        """Don't tell who may not list the bucket that an object is missing.

        Raises:
            S3Error: 403, as "GetObject" and "HeadObject" of the S3 documentation say.
        """
        key, _ = iam.caller_of(request)
        bucket = request.path.lstrip("/").split("/", 1)[0]
        if self._authority.refusal(key, [iam.Call("s3:ListBucket", f"arn:aws:s3:::{bucket}")]):
            raise S3Error(403, "AccessDenied", "Access Denied")

    def _check_presigned(self, request: Request, query: dict[str, str]) -> None:
        """Check the query of a presigned URL: form, key, scope, time, signed headers, signature."""
        missing = [name for name in _QUERY_FIELDS if name not in query]
        if missing or query["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256":
            raise malformed(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
                "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
            )
        access_key, *scope = query["X-Amz-Credential"].split("/")
        date, expires = time_of(query["X-Amz-Date"]), query["X-Amz-Expires"]
        if not expires.isdecimal() or int(expires) > LONGEST_EXPIRY_S:
            raise malformed(f"X-Amz-Expires must be a number of at most {LONGEST_EXPIRY_S} seconds")
        if scope[1:] != [self._region, "s3", "aws4_request"]:
            raise malformed(
                f"Error parsing the X-Amz-Credential parameter; the region or service is wrong; "
                f"expecting '{self._region}' and 's3'"
            )
        if scope[0] != query["X-Amz-Date"][:8]:
            raise malformed(
                f'Invalid credential date "{scope[0]}". This date is not the same as X-Amz-Date: '
                f'"{query["X-Amz-Date"][:8]}".'
            )
        secret = self._secret(access_key)
        now = datetime.now(UTC)
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
        check_signature(request, query, signed, Credentials(access_key, secret), self._region)

    def _secret(self, access_key: str) -> str:
        if access_key not in self._credentials:
            raise S3Error(
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
                AWSAccessKeyId=access_key,
            )
        return self._credentials[access_key]

    def _forward(self, request: Request, body: bytes, request_id: str) -> tuple[Response, dict | None]:
        """Hand the request to moto; also the event, if it made an object that EventBridge is to hear of.

        Requests for one key take turns, so that a condition (`If-None-Match: *`), the write and the look at what
        was written are one step, and nobody reads an object while moto closes its file to replace it.
        """
        if (
            request.method == "PUT"
            and request.content_length is None
            and "x-amz-decoded-content-length" not in request.headers
        ):
            raise S3Error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        environ = {
            **request.environ,
            "wsgi.input": io.BytesIO(body),
            "wsgi.input_terminated": True,
            "CONTENT_LENGTH": str(len(body)),
        }
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ.pop("werkzeug.request", None)
        with self._locks[hash(request.path) % _KEY_LOCKS]:
            if "/" in request.path.strip("/"):  # an object
                response = answer_of(S3Response.key_dispatch, environ)
                bucket = bucket_of(request)
                if request.method in ("GET", "HEAD") and response.status_code == 200 and bucket.is_versioned:
                    # moto says nothing of the version of what was put before versioning held.
                    response.headers.setdefault("x-amz-version-id", "null")
            else:
                response = Response.from_app(self._moto, environ, buffered=True)
            return response, self._created_event(request, request_id) if response.status_code == 200 else None

    def _created_event(self, request: Request, request_id: str) -> dict | None:
        """EventBridge's event for the object that this request has just written; None if there is none."""
        reason = creation_reason(request)
        bucket = bucket_of(request)
        notifications = bucket.notification_configuration if bucket else None
        if reason is None or notifications is None or notifications.event_bridge is None:
            return None
        key = request.path.lstrip("/").split("/", 1)[1]
        stored = bucket.keys[key]
        written = {
            "key": key,
            "size": stored.size,
            "etag": stored.etag.strip('"'),
            "sequencer": f"{next(self._sequence):018X}",
        }
        if bucket.is_versioned:
            written["version-id"] = stored.version_id
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Object Created",
            "source": "aws.s3",
            "account": ACCOUNT,
            "time": iso(datetime.now(UTC)),
            "region": self._region,
            "resources": [f"arn:aws:s3:::{bucket.name}"],
            "detail": {
                "version": "0",
                "event-version": "1.2",
                "bucket": {"name": bucket.name},
                "object": written,
                "request-id": request_id,
                "requester": ACCOUNT,
                "source-ip-address": request.remote_addr,
                "reason": reason,
            },
        }

    def _send_events(self) -> None:
        while True:
            event = self._events.get()
            try:
                self._on_created(event)
            except Exception:
                _log.exception("the receiver of an Object Created event failed")
