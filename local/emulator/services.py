"""All services that moto emulates, at one address."""

import io
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext

from werkzeug.wrappers import Request, Response

from local import iam
from local.emulator import cloudfront, dynamodb
from local.emulator.speed import spare_needless_work
from local.emulator.step_functions import let_executions_begin_before_they_stop
from local.http_server import Application


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
        let_executions_begin_before_they_stop()
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
        if refusal := iam.refused(self._authority, Request(environ)):
            return refusal(environ, start_response)
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        turns = (lock for head, lock in self._turns.items() if target.startswith(head))
        with next(turns, nullcontext()):
            if target.endswith(".TransactWriteItems"):
                return self._transact(environ)(environ, start_response)
            if target.startswith("DynamoDB_"):
                return dynamodb.answer(environ)(environ, start_response)
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
            before = dynamodb.items_of(asked["TransactItems"], iam.caller_of(request)[1])
            answer = dynamodb.answer(environ)
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
