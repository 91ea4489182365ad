"""An emulated account to deploy SageMaker endpoints to: CloudFormation and SageMaker are fakes, S3 is moto's."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import boto3
from werkzeug.wrappers import Request

from deploy import lock
from endpoints import stack
from local import http_server
from local.emulator.services import Emulator
from tests.support import tiny_wheel
from tests.support.fakes.cloudformation import REGION, CloudFormation
from tests.support.fakes.sagemaker import SageMaker

IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/mine:1"
# AWS's SageMaker SDK takes seconds to start. Called like its Python: -m endpoints.sdk, command, Region, and so on.
SDK = f"""#!/bin/sh
case "$3" in
  image) echo "{IMAGE}-$5" ;;
  wait) echo "$5 is InService" ;;
  reason) echo ;;
esac
"""


class Account(CloudFormation):
    """The account. ``s3``: what S3 was asked, (method, path, whether to copy). ``refused``: how a path ends that it is
    not to be sent to."""

    def __init__(self, folder):
        super().__init__(folder)
        self.sagemaker = SageMaker(self)
        self.s3, self.refused, self._emulator = [], (), Emulator({})

    def objects(self, name):
        """What lies in a stack's bucket: content by key."""
        bucket = boto3.resource("s3").Bucket(self.stacks[name]["bucket"])
        return {item.key: item.get()["Body"].read() for item in bucket.objects.all()}

    def container(self, name):
        """The container of an endpoint's model."""
        return self.endpoints[name]["model"]["PrimaryContainer"]

    def emulator(self, environ, start_response):
        """The other services."""
        request = Request(environ)
        self.s3.append((request.method, request.path, "x-amz-copy-source" in request.headers))
        if request.method == "PUT" and request.path.endswith(self.refused or "?"):
            start_response("403 Forbidden", [("Content-Type", "text/xml"), ("Connection", "close")])
            said = b"<Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>N4N7GDK58NMKJ12R</RequestId>"
            return [b"<Error>" + said + b"</Error>"]
        return self._emulator(environ, start_response)


@contextmanager
def serving(account: Account, program: ModuleType, environment, monkeypatch, folder) -> Iterator[None]:
    """Has the account answer boto3 while `program`, a deploy module, is tested; deletes its stacks at the end.

    Its wheels are small ones in `folder`, and a script answers in place of AWS's SDK.
    """
    running = []
    services = {"": account.emulator, "_CLOUDFORMATION": account, "_SAGEMAKER": account.sagemaker}
    for name, application in services.items():
        listening = http_server.listen(0)
        environment.setenv(f"AWS_ENDPOINT_URL{name}", f"http://127.0.0.1:{listening.getsockname()[1]}")
        running.append(http_server.serve(listening, application))
    (folder / "sdk").write_text(SDK)
    (folder / "sdk").chmod(0o755)
    monkeypatch.setattr(stack, "SDK_PYTHON", folder / "sdk")
    monkeypatch.setattr(program.package, "LOCKED", folder)
    for locked in lock.SERVING:  # one small wheel in place of 50 MB and 300 MB
        tiny_wheel.lock(folder, locked)
    yield
    account.refused = ()
    for name in list(account.stacks):
        assert program.main(["destroy", name.rpartition("-")[2]]) == 0
    for server in running:
        server.shutdown()
