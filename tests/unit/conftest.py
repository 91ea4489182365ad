"""AWS for unit tests: moto in this process, and the stand-ins on a socket."""

import json
import sys
import threading
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from werkzeug.wrappers import Request, Response

from booth import clock, log
from booth.aws import clients, table
from local.emulator.services import Emulator, forget_all
from local.standins import server
from tests.support import sdk
from tests.support.account import Account, template
from tests.support.credentials import FAKE_CREDENTIALS
from tests.support.runs import NOW
from tests.support.serving import serving

# `make test-fast` leaves out what is marked `starts`: who uses one of these fixtures is, others say it themselves.
STARTING = {"account", "aws", "canned_server", "dynamodb", "sdk_python"}
STARTS = {"os.fork", "os.posix_spawn", "socket.bind", "socket.connect", "subprocess.Popen"}
is_fast = False


def refuse_to_start(event, _):
    """Only of the test itself: what another test's threads still do is not its doing."""
    if is_fast and event in STARTS and threading.current_thread() is threading.main_thread():
        raise RuntimeError(f"{event}: a test that starts or calls something has the mark `starts`")


sys.addaudithook(refuse_to_start)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if STARTING.intersection(item.fixturenames):
            item.add_marker(pytest.mark.starts)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Is called for the tests of other folders, too: what they start needs no mark."""
    global is_fast  # noqa: PLW0603  an audit hook is for ever, and knows no test
    is_fast = item.path.is_relative_to(Path(__file__).parent) and item.get_closest_marker("starts") is None
    try:
        return (yield)
    finally:
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
def moment(environment):
    """The functions' clock, which stands still until it is put forward: `moment.now`, epoch ms."""
    moment = SimpleNamespace(now=NOW)
    environment.setattr(clock, "now_ms", lambda: moment.now)
    return moment


@pytest.fixture(scope="session")
def emulator_server():
    """One for all accounts: (its URL, where each puts the application that answers)."""
    behind = SimpleNamespace(application=None)
    with serving(lambda environ, start_response: behind.application(environ, start_response)) as url:
        yield url, behind


@pytest.fixture
def emulator(emulator_server, environment):
    """The URL of an empty account. Clients for it are kept for the tests that follow."""
    url, behind = emulator_server
    behind.application, clients.client.emulator = Emulator({}), url
    yield url
    forget_all()


@pytest.fixture
def dynamodb(emulator, environment):
    """The table of template.yaml, empty, in an emulated DynamoDB on a socket."""
    made = template().tables["Table"]
    environment.setenv("TABLE", made.name)
    table.table_name.cache_clear()
    environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", emulator)
    clients.client("dynamodb").create_table(**made.create)
    yield
    table.table_name.cache_clear()


@pytest.fixture
def counts(capsys):
    """What was counted since the last look, by name: as it is written for CloudWatch."""
    log.metrics.clear_metrics()

    def told():
        log.metrics.flush_metrics()
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
        metrics = [(line, each) for line in lines for each in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
        names = [(line, each["Name"]) for line, each in metrics if each["Unit"] == "Count"]
        return {name: sum(sum(line[name]) for line, other in names if other == name) for _, name in names}

    return told


@pytest.fixture
def account(emulator, environment):
    """The account that the functions find through their environment."""
    environment.setenv("MOTO_PORT", emulator.rpartition(":")[2])
    account = Account(emulator, template())
    for name, value in {
        "AWS_ENDPOINT_URL": emulator,
        "TABLE": account.template.tables["Table"].name,
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
    table.table_name.cache_clear()


@pytest.fixture(scope="session")
def sdk_python(tmp_path_factory):
    """The Python of AWS's SageMaker SDK."""
    with sdk.started(tmp_path_factory.mktemp("sdk")) as python:
        yield python


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


@pytest.fixture
def aws(environment):
    """One server for all services: gives each request to `answer` and keeps it in `requests`."""

    class Server:
        answer = staticmethod(lambda request: Response())
        requests: list[Request]

        def __call__(self, environ, start_response):
            request = Request(environ)
            request.get_data()
            self.requests.append(request)
            return self.answer(request)(environ, start_response)

    aws = Server()
    aws.requests = []
    environment.setenv("TABLE", "table")
    environment.setenv("STATE_MACHINE_ARN", "arn:aws:states:us-east-1:123456789012:stateMachine:machine")
    environment.setenv("UPLOADS_BUCKET", "uploads")
    environment.setenv("RESULTS_BUCKET", "results")
    table.table_name.cache_clear()
    with serving(aws) as url:
        environment.setenv("AWS_ENDPOINT_URL", url)
        yield aws
    table.table_name.cache_clear()


@pytest.fixture(scope="session")
def canned_server():
    names = ("rekognition", "sagemaker", "bedrock", "painter")
    with serving(server.StandIns({name: lambda: None for name in names}, "sam", "paint")) as url:
        yield url


@pytest.fixture
def models(environment, canned_server):
    """The model services, with canned answers and no fault; the painter's endpoint is called "paint"."""
    models = Models(canned_server)
    for service in ("REKOGNITION", "SAGEMAKER_RUNTIME", "BEDROCK_RUNTIME"):
        environment.setenv(f"AWS_ENDPOINT_URL_{service}", canned_server)
        models.set(service.partition("_")[0].lower())
    models.set("painter")
    environment.setenv("SAM_ENDPOINT", "sam")
    return models
