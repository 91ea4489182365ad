"""The emulated services: moto over HTTP, mended where the product would notice a difference to AWS."""

import copy
import email.parser
import http.client
import io
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from functools import cache
from typing import BinaryIO

from werkzeug.exceptions import ClientDisconnected, HTTPException
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from local import cloudfront, faults, iam
from local.account import ACCOUNT

_log = logging.getLogger(__name__)

Application = Callable[[dict, Callable], Iterable[bytes]]

_HEADER = re.compile(rb"([!-9;-~]+):[ \t]*([^\r\n]*)\r?\n")


class Handler(WSGIRequestHandler):
    """HTTP/1.1 that keeps connections open, as AWS's services do; werkzeug's own closes each. Logs no requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one write

    def run_wsgi(self) -> None:
        """Answer one request, or close the connection without an answer."""
        request = Request(self.make_environ(), populate_request=False)
        try:
            body = request.get_data()
        except ClientDisconnected:
            self.close_connection = True
            return
        request.environ["wsgi.input"] = io.BytesIO(body)
        try:
            response = self.answer(request)
        except ConnectionResetError:  # a fault
            response = None
        except Exception:
            _log.exception("%s failed", request.path)
            response = Response("Internal Server Error", 500)
        if response is None:
            self.close_connection = True
            return
        data = response.get_data()
        self.send_response(response.status_code)
        for name, value in response.get_wsgi_headers(request.environ):
            self.send_header(name, value)
        self.end_headers()
        if request.method != "HEAD":
            self.close_connection |= response.content_length not in (None, len(data))  # a fault: cut
            self.wfile.write(data)
        self.wfile.flush()
        response.close()  # the application learns that its answer has been sent

    def answer(self, request: Request) -> Response | None:
        """The server's application's answer; None: there is none."""
        return Response.from_app(self.server.app, request.environ)

    def handle_expect_100(self) -> bool:
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def log_request(self, *_: object) -> None:
        """Write no line for each request."""


class Server(ThreadedWSGIServer):
    """A thread for each connection; `shutdown` ends those that are open, too."""

    def __init__(self, *arguments: object, **more: object):
        super().__init__(*arguments, **more)
        self._connections: set[socket.socket] = set()

    def process_request(self, request: socket.socket, client_address: object) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def shutdown(self) -> None:
        super().shutdown()
        for connection in list(self._connections):
            with suppress(OSError):  # it has just ended
                connection.shutdown(socket.SHUT_RDWR)


def forget_all() -> None:
    """Empties the emulated account. moto keeps it in the process, where the next application would find it."""
    from moto.moto_api._internal import moto_api_backend

    moto_api_backend.reset()


class Emulator:
    """WSGI application: every service that moto emulates, and in its place whatever `routes` has for a path's head.

    moto checks a condition and writes in two steps, DynamoDB in one; moto can start two executions of one name in the
    same moment, Step Functions one. So these calls take turns here. `authority` decides who may call what, by default
    everybody everything.
    """

    def __init__(self, routes: Mapping[str, Application], authority: iam.Authority | None = None):
        from moto.core.config import default_user_config
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent

        # Retriers count under a key that each makes when first asked for it: two items of a Map that fail in the same
        # moment would make two, and one of them would be tried once too often.
        EvalComponent.heap_key = property(id)
        _let_executions_begin_before_they_stop()
        spare_needless_work()
        cloudfront.take_invalidations_as_aws_does()
        # An execution that fails is an outcome, not news for the console.
        logging.getLogger("moto").setLevel(logging.CRITICAL)
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._routes = routes
        self._authority = authority or iam.Authority()
        self._turns = {"DynamoDB_": threading.Lock(), "AWSStepFunctions.StartExecution": threading.Lock()}
        self._transactions: dict[str, tuple] = {}  # answers by ClientRequestToken

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        for head, application in self._routes.items():
            if environ["PATH_INFO"].startswith(head):
                return application(environ, start_response)
        if refusal := refused(self._authority, Request(environ)):
            return refusal(environ, start_response)
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        turns = (lock for head, lock in self._turns.items() if target.startswith(head))
        with next(turns, nullcontext()):
            if target.endswith(".TransactWriteItems"):
                return self._transact(environ)(environ, start_response)
            if target.startswith("DynamoDB_"):
                return _dynamodb(environ)(environ, start_response)
            return self._moto(environ, start_response)

    def _transact(self, environ: dict) -> Response:
        """A transaction that the SDK sends again, having missed the answer, gets the first answer. moto forgets it.

        moto takes a refused one back by a copy of the whole table; here of the items that are written.
        """
        request = Request(environ)
        asked = request.get_json(force=True)
        token = asked.get("ClientRequestToken")
        environ["wsgi.input"] = io.BytesIO(request.get_data())
        if token not in self._transactions:
            before = _items_of(asked["TransactItems"], iam.caller_of(request)[1])
            answer = _dynamodb(environ)
            if answer.status_code != 200:
                for items, key, item in before:
                    items.pop(key, None)
                    if item is not None:
                        items[key] = item
                return answer
            if token is None:
                return answer
            self._transactions[token] = (answer.get_data(), dict(answer.headers))
        data, headers = self._transactions[token]
        return Response(data, 200, headers)


def _dynamodb(environ: dict) -> Response:
    from moto.dynamodb.responses import DynamoHandler

    return answer_of(DynamoHandler.dispatch, environ)


def answer_of(dispatch: Callable, environ: dict) -> Response:
    """moto's answer to a request, without the way through its web framework, which costs as long as a read."""
    from moto.moto_server.werkzeug_app import BackendRequest

    request = BackendRequest(environ)
    try:
        status, headers, body = dispatch(request, request.raw_url, dict(request.headers))
    except HTTPException as error:
        return Response.from_app(error, environ)
    response = Response(body, int(status), headers)
    if request.method == "HEAD" and "content-length" in headers:
        response.headers["Content-Length"] = headers["content-length"]
    return response


def _items_of(operations: list[dict], region: str) -> list[tuple[dict, object, object]]:
    """What a transaction writes: the table's items, the key, and a copy of the item (None if there is none)."""
    from moto.dynamodb.models import dynamodb_backends
    from moto.dynamodb.models.dynamo_type import DynamoType

    tables, found = dynamodb_backends[ACCOUNT][region].tables, []
    for write in [each for operation in operations for each in operation.values()]:
        if table := tables.get(write.get("TableName")):
            key = DynamoType((write.get("Key") or write["Item"])[table.hash_key_attr])
            found.append((table.items, key, copy.deepcopy(table.items.get(key))))
    return found


@cache
def _let_executions_begin_before_they_stop() -> None:
    """Once in a process: moto's StopExecution fails, or is without effect, before the execution's thread has come to
    the first state."""
    from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

    stop = ExecutionWorker.stop

    def stop_when_begun(worker: ExecutionWorker, **how: object) -> None:
        until = time.monotonic() + 5
        while worker.env is None or len(worker.env.event_manager.get_event_history()) < 2:  # started, state entered
            if time.monotonic() > until:
                break  # its thread has died
            time.sleep(0.005)
        stop(worker, **how)

    ExecutionWorker.stop = stop_when_begun


@cache
def _read_heads_quickly() -> None:
    """Once in a process, for its servers and clients: the standard library reads HTTP's headers as mail, which takes a
    sixth of a small request."""
    http.client.parse_headers = parse_headers


def parse_headers(file: BinaryIO, _class: type = http.client.HTTPMessage, **limits: int) -> http.client.HTTPMessage:
    """What http.client's own gives, sooner. Raises http.client.HTTPException if there are too many or too long ones."""
    message = _class()
    lines = http.client._read_headers(file, **limits)
    for line in lines[:-1]:
        match = _HEADER.fullmatch(line)
        if not match:  # folded, or broken
            return email.parser.Parser(_class=_class).parsestr(b"".join(lines).decode("iso-8859-1"))
        message.set_raw(*(part.decode("iso-8859-1") for part in match.groups()))
    return message


@cache
def spare_needless_work() -> None:
    """Once in a process: spares moto what can have no other result, and what grows with the photos of the day."""
    from moto import backends
    from moto.core import responses
    from moto.core.common_models import BaseModel
    from moto.core.serialize import BaseJSONSerializer
    from moto.dynamodb.models.table import Table
    from moto.dynamodb.parsing.expressions import UpdateExpressionParser
    from moto.stepfunctions.parser.asl.component.common.path import result_path
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
    from moto.stepfunctions.parser.asl.utils import json_path

    # It keeps all objects that ever were, deleted photos too, to show them on a page of its own.
    BaseModel.__new__ = staticmethod(lambda kind, *_, **__: object.__new__(kind))
    # Before each transaction: `_transact` does it.
    Table.__deepcopy__ = lambda table, _: table

    # It parses the state machine for each execution (90 ms), which changes nothing in what was parsed.
    AmazonStateLanguageParser.parse = staticmethod(cache(AmazonStateLanguageParser.parse))
    # And builds the grammar of JSON paths for each that it evaluates.
    for module in (json_path, result_path):
        module.parse = cache(module.parse)
    # A client per call costs 50 ms; Step Functions has none of that.
    make_client = lambda_eval_utils.boto_client_for
    client_at = cache(lambda region, service, port: make_client(region=region, service=service))
    lambda_eval_utils.boto_client_for = lambda region, service, state_credentials=None: client_at(
        region, service, os.environ["MOTO_PORT"]
    )
    # For each request it lists its own folder.
    modules = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    # For each request it lists the methods of the service.
    responses.method_names_from_class = cache(responses.method_names_from_class)
    # It parses each update twice, and copies what was parsed before it changes it.
    UpdateExpressionParser.make = staticmethod(cache(UpdateExpressionParser.make))
    # In each value it looks for each of the ten kinds, each under several names.
    serialize = BaseJSONSerializer._serialize_type_structure

    def serialize_quickly(self, serialized: dict, value: object, shape, key: str) -> None:
        if shape.name == "AttributeValue" and _is_json(value):
            self._default_serialize(serialized, value, shape, key)
        else:
            serialize(self, serialized, value, shape, key)

    BaseJSONSerializer._serialize_type_structure = serialize_quickly


def _is_json(value: object) -> bool:
    """Whether a value of DynamoDB's is already as its answer has it: no bytes in it, which would be encoded."""
    if type(value) is not dict or len(value) != 1:
        return False
    [(kind, content)] = value.items()
    if kind in ("S", "N", "BOOL", "NULL"):
        return type(content) in (str, bool)
    if kind == "M":
        return type(content) is dict and all(map(_is_json, content.values()))
    return kind == "L" and type(content) is list and all(map(_is_json, content))


def refused(authority: iam.Authority, request: Request) -> Response | None:
    """The answer to a request (not to S3) that its caller's policies do not allow, as the services word it."""
    key, region = iam.caller_of(request)
    if key not in authority.statements:
        return None
    body = request.get_data()
    request.environ["wsgi.input"] = io.BytesIO(body)  # for whoever answers it
    message = authority.refusal(key, iam.calls_of(request, body, region))
    if message is None:
        return None
    # The services that are asked by X-Amz-Target have one status for all errors of the caller's.
    is_xml = request.path.startswith("/2020-05-31/")
    code = "AccessDenied" if is_xml else "AccessDeniedException"
    return faults.error(request, 400 if "X-Amz-Target" in request.headers else 403, code, message)


def listen(port: int) -> socket.socket:
    """A socket that listens on 127.0.0.1; port 0 takes a free one. Raises OSError if the port is taken."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
        sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock


def serve(sock: socket.socket, application: Application) -> ThreadedWSGIServer:
    """Serves the application on a listening socket, a thread per connection, until `.shutdown()`."""
    _read_heads_quickly()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    host, port = sock.getsockname()
    # The server takes over a copy of the descriptor and closes that one itself.
    server = Server(host, port, application, Handler, fd=os.dup(sock.fileno()))
    sock.close()
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name=f"http-{port}", daemon=True).start()
    return server
