"""S3's front: each request is authenticated, authorised and handed to moto."""

from __future__ import annotations

import io
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.responses import S3Response
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import ClosingIterator

from local import iam
from local.emulator.dispatch import answer_of
from local.emulator.wire import mended
from local.http_server import ARRIVED
from local.s3 import bodies
from local.s3.buckets import bucket_of
from local.s3.cors import cors_headers, preflight
from local.s3.errors import S3Error, error_response
from local.s3.events import CreatedEvents
from local.s3.signatures import Signatures

_KEY_LOCKS = 64


class S3Front:
    """WSGI application: path-style S3 for one account and Region. Thread-safe.

    Args:
        credentials: secret access keys by access key id; everybody else is refused.
        region: the Region of the buckets, which signatures must name.
        on_created: called with EventBridge's `Object Created` event (a dict, as AWS documents it) once for each
            object written to a bucket whose EventBridge notifications are on, after the answer has been sent,
            in order, by a thread of its own. What it raises is logged and ends nothing.
        authority: decides what the holders of the credentials may do; by default everything.
        tokens: session tokens by access key id, of those whose credentials are temporary.
    """

    def __init__(
        self,
        credentials: Mapping[str, str],
        *,
        region: str,
        on_created: Callable[[dict], None],
        authority: iam.Authority | None = None,
        tokens: Mapping[str, str] | None = None,
    ):
        self._signatures = Signatures(credentials, region, tokens or {})
        self._authority = authority or iam.Authority()
        self._events = CreatedEvents(region, on_created)
        self._moto = create_backend_app("s3")
        self._locks = [threading.Lock() for _ in range(_KEY_LOCKS)]

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        request = Request(environ)
        request_id = secrets.token_hex(8).upper()
        cors, event = {}, None
        try:
            request = Request(bodies.read_address(environ))
            if request.method == "OPTIONS":
                cors, response = preflight(request), Response()
            else:
                cors = cors_headers(request, request.method) or {}
                bodies.check_head(request)
                self._signatures.check(request, environ.get(ARRIVED, datetime.now(UTC)))
                # Who asks whether to go on is told only now, and what a POST is for stands in its body. All of it is
                # read before the key's lock is taken: a slow sender must not hold that.
                body = bodies.read(request) if request.method == "POST" else b""
                self._authorize(request, body)
                body = body or bodies.read(request)
                response, event = self._forward(request, body, request_id)
                if response.status_code == 404:
                    self._refuse_missing(request)
        except S3Error as error:
            response = error_response(request, error, request_id)
        for header in [name for name, _ in response.headers if name.startswith("Access-Control-")]:
            del response.headers[header]
        response.headers.update(cors)
        response.headers["x-amz-request-id"] = request_id
        answer = response(environ, start_response)
        return ClosingIterator(answer, [lambda: self._events.send(event)]) if event else answer

    def _authorize(self, request: Request, body: bytes) -> None:
        """Refuse a request that its caller's policies do not allow; of a presigned URL those of its signer.

        Raises:
            S3Error: 403.
        """
        key, _ = iam.caller_of(request)
        if key in self._authority.statements and (message := self._authority.refusal(key, iam.s3_calls(request, body))):
            raise S3Error(403, "AccessDenied", message)

    def _refuse_missing(self, request: Request) -> None:
        """Refuse whoever asks for a missing object and may not list the bucket, instead of telling that it is missing.

        Raises:
            S3Error: 403, as "GetObject" and "HeadObject" of the S3 documentation say.
        """
        key, _ = iam.caller_of(request)
        bucket = request.path.lstrip("/").split("/", 1)[0]
        if self._authority.refusal(key, [iam.Call("s3:ListBucket", f"arn:aws:s3:::{bucket}")]):
            raise S3Error(403, "AccessDenied", "Access Denied")

    def _forward(self, request: Request, body: bytes, request_id: str) -> tuple[Response, dict | None]:
        """Hand the request to moto; also the event, if it made an object that EventBridge is to hear of.

        Requests for one key are handled one after the other, so that a condition (`If-None-Match: *`), the write and
        the look at what was written are one step, and nobody reads an object while moto closes its file to replace it.
        """
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
                if request.method in ("GET", "HEAD") and response.status_code == 200 and bucket and bucket.is_versioned:
                    # moto says nothing of the version of what was put before versioning held.
                    response.headers.setdefault("x-amz-version-id", "null")
            else:
                response = Response.from_app(self._moto, environ, buffered=True)
            event = self._events.event_of(request, request_id) if response.status_code == 200 else None
            return mended(request, response), event
