"""The Lambda host: real processes under the real runtime client, seen through the Invoke API."""

import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from local.lambdas import forkserver
from local.lambdas.function import Function
from local.lambdas.host import FunctionInitError, LambdaHost
from local.lambdas.processes import FolderForkServer
from local.lambdas.results import ASYNC_LIMIT, SYNC_LIMIT
from tests.support.serving import serving
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.starts

CODE = Path(__file__).parent / "fixtures" / "functions"
REGION = "eu-west-1"


@pytest.fixture
def log():
    return []


class Kept(FolderForkServer):
    """Is not ended with a host: what it has imported takes half a second."""

    def retire(self):
        pass


@pytest.fixture(scope="module")
def fork_servers():
    """That of the functions' folder, the last one, if it hasn't died."""
    servers = []
    yield servers
    for server in servers:
        FolderForkServer.retire(server)


@pytest.fixture
def start(tmp_path, log, fork_servers, monkeypatch):
    """Starts a host with one function `probe`; all hosts are closed in the end."""
    hosts = []

    def fork_server(*place):
        if not (fork_servers and fork_servers[-1].alive):
            fork_servers.append(Kept(*place))
        return fork_servers[-1]

    monkeypatch.setattr("local.lambdas.host.FolderForkServer", fork_server)

    def start(*, handler="probe.handler", timeout=20.0, concurrency=20, **options):
        function = Function("probe", handler, CODE, {"FOLDER": str(tmp_path)}, timeout=timeout, concurrency=concurrency)
        hosts.append(LambdaHost([function], region=REGION, log=log.append, **options))
        return hosts[-1]

    yield start
    for host in hosts:
        host.close()


def call(host, **event):
    return host.invoke("probe", json.dumps(event).encode())


def until(condition):
    """Wait for something another thread or process does; fails the test if it never does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def is_held(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_function_sees_its_event_its_context_and_no_variable_but_its_own(start, monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_OF_THE_APPLICATION", "1")
    result = call(start(), do="tell", n=1)
    assert result.status == 200 and not result.failed
    told = json.loads(result.body)
    assert told["event"] == {"do": "tell", "n": 1}
    assert told["folder"] == str(CODE)
    assert told["request"] == result.headers["x-amzn-RequestId"]
    assert told["arn"] == f"arn:aws:lambda:{REGION}:123456789012:function:probe"
    assert 0 < told["remaining_ms"] <= 20_000
    environment = told["environment"]
    assert environment["FOLDER"] == str(tmp_path)
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "probe"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == REGION
    assert environment["_HANDLER"] == "probe.handler"
    inherited = set(environment) - {"FOLDER", "HOME", "LANG", "LC_CTYPE", "PATH", "TZ", "_HANDLER", "LAMBDA_TASK_ROOT"}
    assert {name for name in inherited if not name.startswith(("AWS_", "_X_AMZN_"))} == set()


def test_a_worker_is_kept_warm_and_its_lines_carry_the_functions_name(start, log):
    host = start()
    host.warm()
    pids = {json.loads(call(host, do="tell").body)["pid"] for _ in range(3)}
    assert len(pids) == 1
    until(lambda: log.count("[probe] got tell") >= 3)  # lines come a moment after the answers
    assert log.count("[probe] got tell") == 3


def test_an_exception_is_told_as_lambda_tells_it_and_the_worker_lives_on(start):
    host = start()
    before = json.loads(call(host, do="tell").body)["pid"]
    result = call(host, do="fail")
    assert result.status == 200
    assert result.headers["X-Amz-Function-Error"] == "Unhandled"
    error = json.loads(result.body)
    assert error["errorType"] == "LookupError" and error["errorMessage"] == "nothing there"
    assert any("in fail" in line for line in error["stackTrace"])
    assert json.loads(call(host, do="tell").body)["pid"] == before


def test_a_timeout_kills_the_process(start, tmp_path):
    host = start(timeout=1.0)
    before = json.loads(call(host, do="tell").body)["pid"]
    result = call(host, do="hang")
    request = result.headers["x-amzn-RequestId"]
    assert result.status == 200 and result.headers["X-Amz-Function-Error"] == "Unhandled"
    assert json.loads(result.body) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request} Error: Task timed out after 1.00 seconds",
    }
    until(lambda: not is_held(tmp_path / f"{before}.lock"))
    assert json.loads(call(host, do="tell").body)["pid"] != before


def test_a_process_that_leaves_is_told_with_its_status(start):
    host = start()
    result = call(host, do="leave", status=3)
    assert result.headers["X-Amz-Function-Error"] == "Unhandled"
    error = json.loads(result.body)
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    assert not call(host, do="tell").failed


def test_another_environment_counts_from_the_next_invocation_on(start, tmp_path):
    host = start()
    with ThreadPoolExecutor() as threads:
        busy = [threads.submit(call, host, do="meet", people=2) for _ in range(2)]
        until(lambda: host.busy("probe") == 2)
        host.configure("probe", {"FOLDER": str(tmp_path), "COLOUR": "red"})
        old = {json.loads(future.result().body) for future in busy}
    told = json.loads(call(host, do="tell").body)
    assert told["environment"]["COLOUR"] == "red"
    assert told["pid"] not in old
    until(lambda: not any(is_held(tmp_path / f"{pid}.lock") for pid in old))


@pytest.mark.parametrize("by", ["its process", "its function"])
def test_a_worker_that_is_killed_is_told_as_lambda_tells_it(start, tmp_path, by):
    host = start()
    with ThreadPoolExecutor() as threads:
        future = threads.submit(call, host, do="hang")
        until((tmp_path / "hanging").exists)
        assert host.busy("probe") == 1
        [pid] = host.processes("probe")
        if by == "its process":
            os.kill(pid, signal.SIGKILL)
        else:
            host.stop("probe")
        error = json.loads(future.result().body)
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert host.busy("probe") == 0


def test_a_function_that_was_stopped_goes_on_with_another_process(start):
    host = start()
    before = json.loads(call(host, do="tell").body)["pid"]
    host.stop("probe")
    assert json.loads(call(host, do="tell").body)["pid"] != before


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("generation", [1, 2], ids=["the function's", "the folder's"])
def test_a_process_that_workers_are_forked_from_may_die(start, tmp_path, generation):
    host = start()
    ancestor = before = json.loads(call(host, do="tell").body)["pid"]
    for _ in range(generation):
        ancestor = parent_of(ancestor)
    os.kill(ancestor, signal.SIGKILL)
    until(lambda: before not in host.processes("probe"))
    if generation == 2:
        host.configure("probe", {"FOLDER": str(tmp_path), "COLOUR": "red"})
    told = json.loads(call(host, do="tell").body)
    assert told["pid"] != before
    assert told["environment"].get("COLOUR") == ("red" if generation == 2 else None)


def test_a_fork_server_whose_application_has_left_without_a_word_ends_without_one_too():
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = os.environ | {"FORKSERVER_SOCKET": str(theirs.fileno())}
    command, descriptors = [sys.executable, forkserver.__file__], [theirs.fileno()]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=CODE, env=environment, pass_fds=descriptors, stderr=pipe) as process:
        theirs.close()
        unused, closed = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        unused.close()  # so the child ends at once
        order = json.dumps({"environment": {}, "handler": "probe.handler"}).encode()
        with closed, Path(os.devnull).open("w") as output:
            socket.send_fds(control, [order], [output.fileno(), closed.fileno()])
        until(lambda: select.select([control], [], [], 0)[0])
        control.close()  # what was told has not been read
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_function_that_cannot_be_imported_is_named(start):
    host = start(handler="broken.handler")
    with pytest.raises(FunctionInitError, match=r"probe: Runtime.ImportModuleError: .*no_such_module"):
        host.warm()
    result = call(host, do="tell")
    assert result.status == 200 and result.headers["X-Amz-Function-Error"] == "Unhandled"
    assert json.loads(result.body)["errorType"] == "Runtime.ImportModuleError"


def test_concurrent_invocations_have_a_worker_each_and_idle_ones_are_ended(start, tmp_path):
    host = start(idle_seconds=0.2)
    with ThreadPoolExecutor() as threads:
        results = list(threads.map(lambda _: call(host, do="meet", people=3), range(3)))
    pids = {json.loads(result.body) for result in results}
    assert len(pids) == 3
    until(lambda: sum(is_held(tmp_path / f"{pid}.lock") for pid in pids) == 1)
    assert json.loads(call(host, do="tell").body)["pid"] in pids


def refused_beside_one(host, tmp_path):
    """What an invocation is answered that comes while another one runs; that one ends well."""
    with ThreadPoolExecutor() as threads:
        future = threads.submit(call, host, do="meet", people=2)
        until(lambda: list(tmp_path.glob("*.here")))
        throttled = call(host, do="tell")
        (tmp_path / "second.here").touch()
        assert not future.result().failed
    assert throttled.status == 429
    assert throttled.headers["x-amzn-ErrorType"] == "TooManyRequestsException"
    return throttled


def test_beyond_the_limit_an_invocation_is_throttled(start, tmp_path):
    host = start(concurrency=1, queue_seconds=0.1)
    refused_beside_one(host, tmp_path)
    assert not call(host, do="tell").failed


def test_beyond_what_the_account_allows_no_function_runs(start, tmp_path):
    host = start()
    host.concurrency = 1
    throttled = refused_beside_one(host, tmp_path)
    assert json.loads(throttled.body)["Reason"] == "ConcurrentInvocationLimitExceeded"
    assert not call(host, do="tell").failed


def test_an_event_that_was_throttled_is_kept_until_there_is_room(start, log, tmp_path):
    host = start(retry_delays=())
    host.concurrency = 0
    host.invoke("probe", b'{"do": "fail"}', asynchronous=True)
    assert (host.events("probe"), host.busy("probe")) == (1, 0)
    host.concurrency = 1
    until(lambda: not host.events("probe"))
    assert any("dropped after 1 attempts" in line for line in log)
    assert len((tmp_path / "attempts").read_text().split()) == 1


def test_an_event_that_grows_too_old_is_dropped(tmp_path, log):
    function = Function("probe", "probe.handler", CODE, {"FOLDER": str(tmp_path)}, event_age=0.5)
    host = LambdaHost([function], region=REGION, log=log.append, concurrency=0)
    host.invoke("probe", b'{"do": "fail"}', asynchronous=True)
    until(lambda: any("dropped after 0 attempts" in line for line in log))
    host.close()


def test_an_invocation_waits_for_a_free_worker(start):
    host = start(concurrency=1)
    with ThreadPoolExecutor() as threads:
        results = list(threads.map(lambda _: call(host, do="tell"), range(5)))
    assert [result.status for result in results] == [200] * 5
    assert len({json.loads(result.body)["pid"] for result in results}) == 1


def test_a_failed_event_is_tried_three_times_under_one_request_id(start, log, tmp_path):
    host = start(retry_delays=(0.01, 0.02))
    result = host.invoke("probe", b'{"do": "fail"}', asynchronous=True)
    assert (result.status, result.body) == (202, b"")
    until(lambda: any("dropped after 3 attempts" in line for line in log))
    attempts = (tmp_path / "attempts").read_text().split()
    assert attempts == [result.headers["x-amzn-RequestId"]] * 3


@pytest.mark.parametrize(
    ("payload", "asynchronous", "status", "kind"),
    [
        (b'"' + b"x" * SYNC_LIMIT + b'"', False, 413, "RequestTooLargeException"),
        (b'"' + b"x" * ASYNC_LIMIT + b'"', True, 413, "RequestTooLargeException"),
        (b"{not json", False, 400, "InvalidRequestContentException"),
    ],
)
def test_payloads_that_lambda_refuses(start, payload, asynchronous, status, kind):
    result = start().invoke("probe", payload, asynchronous=asynchronous)
    assert (result.status, result.headers["x-amzn-ErrorType"]) == (status, kind)


def test_an_answer_may_be_large_but_not_too_large(start):
    host = start()
    assert len(call(host, do="grow", bytes=SYNC_LIMIT - 100).body) == SYNC_LIMIT - 98
    result = call(host, do="grow", bytes=SYNC_LIMIT)
    assert result.headers["X-Amz-Function-Error"] == "Unhandled"
    assert json.loads(result.body)["errorType"] == "Function.ResponseSizeTooLarge"
    assert not call(host, do="tell").failed


def test_boto3s_lambda_client_is_served(start, tmp_path):
    with serving(start(retry_delays=()).wsgi) as url:
        client = boto3.client(
            "lambda", endpoint_url=url, region_name=REGION, aws_access_key_id="key", aws_secret_access_key="secret"
        )
        arn = f"arn:aws:lambda:{REGION}:123456789012:function:probe"
        for name in ("probe", arn, f"{arn}:$LATEST"):
            answer = client.invoke(FunctionName=name, Payload=b'{"do": "tell"}')
            assert answer["StatusCode"] == 200 and "FunctionError" not in answer
            assert json.load(answer["Payload"])["arn"] == arn
        assert client.invoke(FunctionName=arn, Payload=b'{"do": "fail"}')["FunctionError"] == "Unhandled"
        event = client.invoke(FunctionName="probe", Payload=b'{"do": "fail"}', InvocationType="Event")
        assert event["StatusCode"] == 202
        until(lambda: (tmp_path / "attempts").read_text().count("\n") == 2)
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.invoke(FunctionName="nobody")


def test_close_answers_what_is_under_way_and_leaves_no_process(start, tmp_path):
    host = start()
    with ThreadPoolExecutor() as threads:
        future = threads.submit(call, host, do="hang")
        until((tmp_path / "hanging").exists)
        call(host, do="tell")
        host.close()
        assert future.result().failed
    locks = list(tmp_path.glob("*.lock"))
    assert len(locks) == 2
    assert not any(is_held(lock) for lock in locks)
    assert call(host, do="tell").status == 500


APPLICATION = """
import sys, threading
from pathlib import Path
from local.lambdas.function import Function
from local.lambdas.host import LambdaHost
host = LambdaHost(
    [Function("probe", "probe.handler", Path(sys.argv[1]), {"FOLDER": sys.argv[2]}, timeout=600)],
    region="eu-west-1", log=lambda line: None)
threading.Thread(target=host.invoke, args=("probe", b'{"do": "hang"}')).start()
while not (Path(sys.argv[2]) / "hanging").exists():
    pass
host.invoke("probe", b'{"do": "tell"}')
print("ready", flush=True)
threading.Event().wait()
"""


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_the_application_however_that_dies(tmp_path, by):
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", APPLICATION, str(CODE), str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as application:
        try:
            assert application.stdout.readline() == b"ready\n"
            locks = list(tmp_path.glob("*.lock"))
            assert len(locks) == 2 and all(is_held(lock) for lock in locks)
            application.send_signal(by)
            application.wait()
        finally:
            application.kill()
    until(lambda: not any(is_held(lock) for lock in locks))
