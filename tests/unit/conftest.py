"""AWS for unit tests: moto in this process, and the stand-ins on a socket."""

import json
import urllib.request

import pytest

from booth import aws
from local import emulator
from local.standins import server

FAKE_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture
def environment(monkeypatch):
    """Credentials of nobody, and no client left over from another test."""
    for name, value in FAKE_CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    aws.client.cache_clear()
    yield monkeypatch
    aws.client.cache_clear()


@pytest.fixture
def table(environment):
    """The table of template.yaml, empty, in an emulated DynamoDB on a socket."""
    from booth import store
    from local import template
    from local.app import REGION, ROOT

    stack = template.load(
        ROOT / "template.yaml",
        stack="unit",
        region=REGION,
        attributes={"Cdn": "E1EXAMPLE", "Cdn.DomainName": "cdn.example"},
    )
    environment.setenv("TABLE", stack.tables["Table"].name)
    store._table.cache_clear()
    socket = emulator.listen(0)
    environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{socket.getsockname()[1]}")
    server = emulator.serve(socket, emulator.Emulator({}))
    client = aws.client("dynamodb")
    client.create_table(**stack.tables["Table"].create)
    yield store
    client.delete_table(TableName=stack.tables["Table"].name)
    server.shutdown()
    store._table.cache_clear()


class Models:
    """The stand-ins with canned answers, and a hand on their behaviour."""

    def __init__(self, url):
        self.url = url

    def set(self, service, **settings):
        request = urllib.request.Request(
            f"{self.url}/standins/{service}", json.dumps({"canned": {}} | settings).encode(), method="PUT"
        )
        urllib.request.urlopen(request).close()

    def calls(self, service):
        with urllib.request.urlopen(f"{self.url}/standins/{service}") as answer:
            return json.load(answer)["calls"]


@pytest.fixture(scope="session")
def canned_server():
    names = ("rekognition", "sagemaker", "bedrock")
    running = server.serve(server.StandIns({name: lambda: None for name in names}, "sam"), 0)
    yield f"http://127.0.0.1:{running.port}"
    running.shutdown()


@pytest.fixture
def models(environment, canned_server):
    """The three model services, with canned answers and no fault."""
    models = Models(canned_server)
    for service in ("REKOGNITION", "SAGEMAKER_RUNTIME", "BEDROCK_RUNTIME"):
        environment.setenv(f"AWS_ENDPOINT_URL_{service}", canned_server)
        models.set(service.partition("_")[0].lower())
    environment.setenv("SAM_ENDPOINT", "sam")
    return models
