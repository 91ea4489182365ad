"""All services that moto emulates, at one address."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping

from werkzeug.wrappers import Request, Response

from local import iam
from local.emulator import cloudfront, speed, step_functions
from local.emulator.dynamodb import DynamoDB
from local.emulator.wire import mended
from local.http_server import Application


def forget_all() -> None:
    """Empty the emulated account. moto keeps it in the process, where the next application would find it."""
    from moto.moto_api._internal.models import moto_api_backend

    step_functions.stop_all()
    moto_api_backend.reset()


class Emulator:
    """WSGI application: every service that moto emulates.

    Args:
        routes: other WSGI applications by the beginning of a path, which come before moto.
        authority: decides who may call what, of them and of moto; by default everybody may call everything.
    """

    def __init__(self, routes: Mapping[str, Application], authority: iam.Authority | None = None):
        from moto.core.config import default_user_config
        from moto.moto_server import werkzeug_app

        step_functions.patch_moto()
        speed.patch_moto()
        cloudfront.patch_moto()
        # An execution that fails is an outcome, not news for the console.
        logging.getLogger("moto").setLevel(logging.CRITICAL)
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        self._moto = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
        self._routes = routes
        self._authority = authority or iam.Authority()
        self._dynamodb = DynamoDB()
        # moto can start two executions of one name in the same moment, Step Functions one.
        self._starting = threading.Lock()

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        request = Request(environ)
        if refusal := iam.refused(self._authority, request):
            return refusal(environ, start_response)
        for head, application in self._routes.items():
            if environ["PATH_INFO"].startswith(head):
                return application(environ, start_response)
        return mended(request, self._answer(environ))(environ, start_response)

    def _answer(self, environ: dict) -> Response:
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if target.startswith("DynamoDB_"):
            return self._dynamodb.answer(environ)
        if target == "AWSStepFunctions.StartExecution":
            with self._starting:
                return Response.from_app(self._moto, environ)
        return Response.from_app(self._moto, environ)
