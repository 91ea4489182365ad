"""The whole application on this machine: the template's own functions, routes, schedules and state machine.

One process holds the emulated services (moto), the Lambda host and the edge; each function runs in processes of its
own; the stand-ins with their models run in another one. boto3 finds them all by AWS_ENDPOINT_URL_* variables.
"""

import dataclasses
import errno
import gc
import json
import os
import secrets
import socket
import ssl
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from local import iam
from local.account import REGION, access_key, session_token
from local.emulator import cloudfront
from local.emulator.services import Emulator, forget_all
from local.faults import Faults, Gate
from local.http_server import listen, serve
from local.lambdas.function import Function
from local.log import Log
from local.patience import with_patience
from local.resources import create_resources, create_secrets
from local.standins.process import StandinsProcess
from local.template.application import Application, Schedule
from local.template.document import default_of
from local.template.reader import load
from local.traffic import Traffic

if TYPE_CHECKING:
    from local.painter import Own

ROOT = Path(__file__).parent.parent
STACK = "photo-booth"
SAM_ENDPOINT = "photo-booth-sam"
PAINT_ENDPOINT = "photo-booth-paint-local"

_MODELS_MINUTES = 3


class StartError(RuntimeError):
    """The application could not be started; the text says why."""


class App:
    """The running application. Use it as a context manager; `url` is its address.

    Args:
        port: of the edge; 0 picks a free one.
        lan: the address of this machine where the edge listens, by https, and takes uploads, too; without it the edge
            listens on 127.0.0.1. Everything else does so in any case.
        parameters: overrides of the template's parameters.
        build: folder with what `sam build` made, to run that, for this machine's kind of processor, in place of the
            sources.
        python: the interpreter of the functions; awslambdaric is installed for it.
        painter: loads a painter of one's own, which then paints alone, and is given the log for what it prints.
    """

    def __init__(
        self,
        port: int = 8000,
        parameters: Mapping[str, str] | None = None,
        *,
        lan: str = "",
        build: Path | None = None,
        python: str = sys.executable,
        painter: "Callable[[IO[str]], Own] | None" = None,
    ):
        self._port = port
        self._lan = lan
        self._build = build
        self._python = python
        self._load_painter = painter
        # Here a photo costs nothing, the models have no quotas, and Lambda's is not a new account's.
        free = dict.fromkeys(("PhotosPerCaller", "PhotosPerMinute", "PhotosPerDay"), "0")
        free |= {"SamEndpoint": SAM_ENDPOINT, "ImageModels": _unlimited(), "LambdaConcurrency": "1000"}
        free["WarmAhead"] = "false"  # all functions are started with the application
        self._parameters = free | dict(parameters or {})
        self._patience = 0
        self._stop = threading.Event()
        self._ready = False
        self._closers = []
        self.drop_events = False
        """Lose S3's events (kept in `dropped`), as AWS may: for tests."""
        self.dropped: list[dict] = []
        self.hold_schedules = False
        """Invoke nothing by schedule: for tests that count executions."""

    def __enter__(self) -> "App":
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends everything, processes included."""
        self._stop.set()
        for close in reversed(self._closers):
            close()
        self._closers.clear()

    def _start(self) -> None:
        edge_socket = _listen(self._port, self._lan or "127.0.0.1")
        self.port = edge_socket.getsockname()[1]
        try:
            self.log_path = Path(tempfile.gettempdir()) / f"photo-booth-{self.port}.log"
            log = Log(self.log_path)
        except OSError as error:
            raise StartError(f"The log can't be written: {error}.") from error
        self._closers.append(log.close)
        self.url = f"https://{self._lan}:{self.port}" if self._lan else f"http://127.0.0.1:{self.port}"
        tls = self._certify() if self._lan else None
        painter = self._own_painter(log.file)
        aws_socket, s3_socket = _listen(0), _listen(0)
        self.aws_url = f"http://127.0.0.1:{aws_socket.getsockname()[1]}"
        self.s3_url = f"http://127.0.0.1:{s3_socket.getsockname()[1]}"
        self._standins = StandinsProcess(SAM_ENDPOINT, PAINT_ENDPOINT, log.file, painter)
        self._closers.append(self._standins.close)
        self.standins_url = self._standins.url
        self._key, self._secret = "AKIALOCALPHOTOBOOTH0", secrets.token_urlsafe(30)  # the operator's
        # The engine of moto reads them when it is imported, and calls Lambda there.
        before = dict(os.environ)
        self._closers.append(lambda: (os.environ.clear(), os.environ.update(before)))
        os.environ["MOTO_PORT"] = str(aws_socket.getsockname()[1])
        environment = self._aws_environment()
        os.environ |= environment

        import boto3

        from local.edge import Edge, with_uploads
        from local.lambdas.host import LambdaHost
        from local.s3.front import S3Front

        self._distribution = cloudfront.create_distribution()
        self.stack = self._read_template()
        # Each function has a role of its own, as on AWS: here, an access key of its own.
        keys = {name: access_key(function.name) for name, function in self.stack.functions.items()}
        self.authority = iam.Authority(
            statements={keys[name]: statements for name, statements in self.stack.policies.items()},
            names={keys[name]: name for name in keys},
        )
        self._faults = Faults(self.authority.names)
        tokens = {key: session_token(key) for key in keys.values()}
        self._environments = {
            name: {**environment, "AWS_ACCESS_KEY_ID": key, "AWS_SESSION_TOKEN": tokens[key]}
            for name, key in keys.items()
        }
        self.lambdas = LambdaHost(
            [
                self._deployed(name, function, self._environments[name])
                for name, function in self.stack.functions.items()
            ],
            region=REGION,
            log=log.write,
            concurrency=int(self._parameters["LambdaConcurrency"]),
            retry_delays=(2.0, 4.0),
            python=self._python,
        )
        self._closers.append(self.lambdas.close)

        self.traffic = Traffic(self.authority.names)

        def run(sock: socket.socket, application, tls: ssl.SSLContext | None = None) -> None:
            self._closers.append(serve(sock, application, tls).shutdown)

        self._closers.append(forget_all)
        emulator = Emulator({"/2015-03-31/functions/": self.lambdas.wsgi}, self.authority)
        run(aws_socket, self.traffic.counted(Gate(emulator, self._faults)))
        secrets_by_key = dict.fromkeys([self._key, *keys.values()], self._secret)
        s3 = S3Front(
            secrets_by_key, region=REGION, on_created=self._on_created, authority=self.authority, tokens=tokens
        )
        s3_door = self.traffic.counted(Gate(s3, self._faults))
        run(s3_socket, s3_door)
        self.client = cache(boto3.Session(self._key, self._secret, region_name=REGION).client)
        create_resources(self.stack, self.client)
        routes = {(route.method, route.path): self._name(route.function) for route in self.stack.routes}
        self.results_bucket = self.stack.buckets["ResultsBucket"].name
        self.uploads_bucket = self.stack.buckets["UploadsBucket"].name
        edge = Edge(
            routes,
            self.lambdas,
            self.client("s3"),
            self.results_bucket,
            self.stack.buckets["PageBucket"].name,
            uploads=self.url if self._lan else self.s3_url,
            ready=lambda: self._ready,
            key=lambda: self.stack.functions["Upload"].environment["CDN_KEY"],
            denied=self.stack.denied_to_cdn,
        )
        api = edge.api
        edge = with_uploads(edge, s3_door, self.uploads_bucket, self.s3_url, self.url) if self._lan else edge
        run(edge_socket, edge, tls)
        api_socket = _listen(0)
        self.api_url = f"http://127.0.0.1:{api_socket.getsockname()[1]}"
        run(api_socket, api)
        self.lambdas.warm()
        if not self._standins.await_ready(_MODELS_MINUTES * 60):
            raise StartError("The stand-ins did not start; run `make setup`, and look above for the reason.")
        self._standins.ask("/authority", self.authority.to_json())
        for schedule in self.stack.schedules:
            threading.Thread(target=self._run_schedule, args=(schedule,), daemon=True).start()
        # What has been loaded until now stays. To look through it for garbage takes 0.2 s, in which nothing moves.
        gc.collect()
        gc.freeze()
        self._closers.append(gc.unfreeze)
        self._ready = True

    def _own_painter(self, log: IO[str]) -> "Own | None":
        """The painter that paints alone and sets the pace, if there is one of one's own. Raises StartError."""
        if not self._load_painter:
            return None
        painter = self._load_painter(log)
        self._closers.append(painter.process.end)
        self._parameters |= {"PaintEndpoint": PAINT_ENDPOINT, "ImageModels": f"endpoint={painter.pace}"}
        self._patience = painter.more_seconds
        return painter

    def _certify(self) -> ssl.SSLContext:
        """What serves https at the LAN's address; `fingerprint` is the certificate's. Raises StartError."""
        from local import lan

        try:
            file, self.fingerprint = lan.certificate(self._lan)
            return lan.tls(file)
        except OSError as error:
            raise StartError(f"The certificate can't be kept: {error}.") from error

    def _read_template(self, **parameters: str) -> Application:
        origins = self.url if self._lan else f"{self.url},http://localhost:{self.port}"
        stack = load(
            ROOT / "template.yaml",
            stack=STACK,
            region=REGION,
            parameters=self._parameters | {"PageOrigins": origins} | parameters,
            attributes={"Cdn": self._distribution, "Cdn.DomainName": self.url.partition("://")[2]},
        )
        return with_patience(stack, self._patience)

    def _name(self, function: str) -> str:
        return self.stack.functions[function].name

    def _deployed(self, logical_id: str, function: Function, environment: Mapping[str, str]) -> Function:
        """The function with AWS's addresses, out of the build if there is one, layers beside it."""
        environment = {**function.environment, **environment}
        if not self._build:
            return dataclasses.replace(function, environment=environment)
        environment["PYTHONPATH"] = os.pathsep.join(str(self._build / layer / "python") for layer in function.layers)
        # Functions whose folders are links to one and the same share what they import.
        return dataclasses.replace(function, environment=environment, code=(self._build / logical_id).resolve())

    def _aws_environment(self) -> dict[str, str]:
        standins = ("REKOGNITION", "SAGEMAKER_RUNTIME", "BEDROCK_RUNTIME")
        return {
            "AWS_ACCESS_KEY_ID": self._key,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_ENDPOINT_URL_S3": self.s3_url,
        } | {f"AWS_ENDPOINT_URL_{service}": self.standins_url for service in standins}

    def fail(self, *faults: dict[str, Any]) -> None:
        """From now on these faults happen to the functions' AWS calls, and no others: see `local.faults`."""
        self._faults.set(list(faults))
        self._standins.ask("/faults", json.dumps(faults).encode())

    def failed(self) -> dict[str, Any]:
        """What was called and how often faults struck since the last `fail`: see `local.faults.Faults.record`."""
        here, there = self._faults.record(), self._standins.ask("/faults")
        return {"calls": here["calls"] | there["calls"], "struck": here["struck"] | there["struck"]}

    def calls(self, kind: str) -> set[tuple[str, iam.Call]]:
        """The AWS calls of the functions so far that their policies allowed ("made") or not ("refused").

        Each with the function's name in the template.
        """
        return self.authority.calls(kind) | {
            (name, iam.Call(action, resource, tuple(tuple(pair) for pair in context)))
            for name, action, resource, context in self._standins.ask("/authority")[kind]
        }

    def _on_created(self, event: dict) -> None:
        if self.drop_events:
            self.dropped.append(event)
        else:
            self.deliver(event)

    def deliver(self, event: Any) -> None:
        """As EventBridge: invokes every function whose rule matches an event."""
        from moto.events.models import EventPattern

        for rule in self.stack.rules:
            if EventPattern.load(json.dumps(rule.pattern)).matches_event(event):
                self.invoke(rule.function, event)

    def invoke(self, function: str, event: dict) -> None:
        """Invokes a function, by its name in the template, asynchronously."""
        self.lambdas.invoke(self._name(function), json.dumps(event).encode(), asynchronous=True)

    def busy(self, function: str) -> int:
        """How many processes of a function are at work."""
        return self.lambdas.busy(self._name(function))

    def processes(self, function: str) -> list[int]:
        """The ids of a function's processes."""
        return self.lambdas.processes(self._name(function))

    def restart(self, function: str) -> None:
        """Lets a function's next invocation start cold."""
        deployed = self.stack.functions[function]
        self.lambdas.configure(deployed.name, {**deployed.environment, **self._environments[function]})

    def redeploy(self, **parameters: str) -> None:
        """Deploys the template with other parameters than at the start, which decide on the functions' environments,
        their policies and the secrets; everything else stays as it is. For tests.
        """
        before, self.stack = self.stack, self._read_template(**parameters)
        self.lambdas.concurrency = int((self._parameters | parameters)["LambdaConcurrency"])
        for name, function in self.stack.functions.items():
            self.authority.statements[self._environments[name]["AWS_ACCESS_KEY_ID"]] = self.stack.policies[name]
            if function != before.functions[name]:
                self.lambdas.configure(function.name, {**function.environment, **self._environments[name]})
        self._standins.ask("/authority", self.authority.to_json())
        for name in before.secrets.keys() - self.stack.secrets.keys():
            secret = before.secrets[name].name
            self.client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
        create_secrets(self.stack.secrets.keys() - before.secrets.keys(), self.stack, self.client)

    @property
    def staff_token(self) -> str:
        """What opens the staff page. Made at the start."""
        return self._token("StaffToken", "staff")

    @property
    def wall_token(self) -> str:
        """What opens the event's wall. Made at the start."""
        return self._token("WallToken", "wall")

    def _token(self, secret: str, name: str) -> str:
        given = self.client("secretsmanager").get_secret_value(SecretId=self.stack.secrets[secret].name)
        return json.loads(given["SecretString"])[name]

    def set_versioning(self, holds: bool) -> None:
        """Whether the uploads bucket's versioning holds, for which S3 may take 15 minutes. For tests."""
        from local.s3.buckets import set_versioning

        set_versioning(self.uploads_bucket, holds)

    def _run_schedule(self, schedule: Schedule) -> None:
        while not self._stop.wait(schedule.seconds):
            if not self.hold_schedules:
                self.invoke(schedule.function, schedule.event(STACK))


def _unlimited() -> str:
    """The template's `ImageModels`, each with a quota that nobody uses up."""
    chain = default_of(ROOT / "template.yaml", "ImageModels")
    return ",".join(f"{candidate.strip()}=100000" for candidate in chain.split(","))


def _listen(port: int, address: str = "127.0.0.1") -> socket.socket:
    try:
        return listen(port, address)
    except OverflowError:
        raise StartError(f"{port} is no port: 1 to 65535.") from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise StartError(f"{address} is no address of this machine's; choose another one with LAN=.") from None
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"can't be had ({error.strerror})"
        raise StartError(f"Port {port} {reason}; choose another one with PORT=.") from None
