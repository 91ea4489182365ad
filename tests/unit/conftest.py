"""AWS for unit tests: moto in this process, and the stand-ins on a socket."""

import json
import sys
import urllib.request

import boto3
import pytest

from booth import log
from booth.aws import clients, table
from local import http_server
from local.emulator.services import Emulator, forget_all
from local.standins import server
from tests.support.credentials import FAKE_CREDENTIALS

# `make test-fast` leaves out what is marked `starts`: who uses one of these fixtures is, others say it themselves.
STARTING = {"account", "canned_server", "dynamodb"}
STARTS = {"os.fork", "os.posix_spawn", "socket.bind", "socket.connect", "subprocess.Popen"}
is_fast = False


def refuse_to_start(event, _):
    if is_fast and event in STARTS:
        raise RuntimeError(f"{event}: a test that starts or calls something has the mark `starts`")


sys.addaudithook(refuse_to_start)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if STARTING.intersection(item.fixturenames):
            item.add_marker(pytest.mark.starts)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    global is_fast  # noqa: PLW0603  an audit hook is for ever, and knows no test
    is_fast = item.config.option.markexpr == "not starts"
    yield
    is_fast = False


@pytest.fixture
def environment(monkeypatch):
    """Credentials of nobody, and no client left over from another test."""
    for name, value in FAKE_CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    session = boto3.DEFAULT_SESSION
    if session and session.get_credentials().access_key != FAKE_CREDENTIALS["AWS_ACCESS_KEY_ID"]:
        boto3.DEFAULT_SESSION = None  # it keeps the credentials that it found first, in another test
    clients.client.cache_clear()
    yield monkeypatch
    clients.client.cache_clear()


@pytest.fixture
def dynamodb(environment):
    """The table of template.yaml, empty, in an emulated DynamoDB on a socket."""
    from local.account import REGION
    from local.app import ROOT
    from local.template.reader import load

    stack = load(
        ROOT / "template.yaml",
        stack="unit",
        region=REGION,
        attributes={"Cdn": "E1EXAMPLE", "Cdn.DomainName": "cdn.example"},
    )
    environment.setenv("TABLE", stack.tables["Table"].name)
    table.table_name.cache_clear()
    socket = http_server.listen(0)
    environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{socket.getsockname()[1]}")
    server = http_server.serve(socket, Emulator({}))
    clients.client("dynamodb").create_table(**stack.tables["Table"].create)
    yield
    server.shutdown()
    forget_all()
    table.table_name.cache_clear()


@pytest.fixture
def counts(capsys):
    """What was counted since the last look, by name: as it is written for CloudWatch."""
    log.metrics.clear_metrics()

    def told():
        log.metrics.flush_metrics()
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
        names = [(line, each["Name"]) for line in lines for each in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
        return {name: sum(line[name]) for line, name in names}

    return told


class Account:
    """An emulated account with the booth's table, buckets and state machine, whose executions only wait.

    `clients` are the operator's, by service.
    """

    def __init__(self, url, template):
        self.template = template
        self.clients = {name: boto3.client(name, endpoint_url=url) for name in ("s3", "dynamodb", "stepfunctions")}
        self.clients["dynamodb"].create_table(**template.tables["Table"].create)
        self.clients["s3"].create_bucket(Bucket="uploads")
        versioning = {"Status": "Enabled"}
        self.clients["s3"].put_bucket_versioning(Bucket="uploads", VersioningConfiguration=versioning)
        waiting = {"StartAt": "Paint", "States": {"Paint": {"Type": "Wait", "Seconds": 600, "End": True}}}
        made = self.clients["stepfunctions"].create_state_machine(
            name="photo", definition=json.dumps(waiting), roleArn="arn:aws:iam::123456789012:role/photo"
        )
        self.machine = made["stateMachineArn"]

    def put(self, key, data=b"photo"):
        """PUTs a photo; gives its version."""
        return self.clients["s3"].put_object(Bucket="uploads", Key=key, Body=data)["VersionId"]

    def versions(self, key):
        found = self.clients["s3"].list_object_versions(Bucket="uploads", Prefix=key)
        return {each["VersionId"] for each in found.get("Versions", [])}

    def executions(self):
        pages = self.clients["stepfunctions"].get_paginator("list_executions").paginate(stateMachineArn=self.machine)
        return sorted(each["name"] for page in pages for each in page["executions"])


@pytest.fixture
def account(environment):
    """The account that the functions find through their environment."""
    from local.account import REGION
    from local.app import ROOT
    from local.template.reader import load

    attributes = {"Cdn": "E1EXAMPLE", "Cdn.DomainName": "cdn.example"}
    stack = load(ROOT / "template.yaml", stack="unit", region=REGION, attributes=attributes)
    sock = http_server.listen(0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    environment.setenv("MOTO_PORT", url.rpartition(":")[2])
    server = http_server.serve(sock, Emulator({}))
    account = Account(url, stack)
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "TABLE": stack.tables["Table"].name,
        "UPLOADS_BUCKET": "uploads",
        "RESULTS_BUCKET": "results",
        "STATE_MACHINE_ARN": account.machine,
        "DOCUMENTED_KEYS": "true",
        "PHOTOS_PER_DAY": "0",
        "EVENT_BUS": "default",
        "CDN_PARAMETER": "/booth/cdn",
        "DISTRIBUTION_PARAMETER": "/booth/distribution",
    }.items():
        environment.setenv(name, value)
    table.table_name.cache_clear()
    account.clients["s3"].create_bucket(Bucket="results")
    yield account
    server.shutdown()
    forget_all()
    table.table_name.cache_clear()


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
