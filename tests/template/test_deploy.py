"""The real `sam deploy` against an emulator of CloudFormation and the services behind it (ministack)."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections import Counter

import boto3
import pytest
import yaml

from deploy import stack
from deploy.build import ROOT
from deploy.preview import with_preview
from prove import stacks
from prove.state import State
from tests.support.templates import COMMON, PIXELS, TOOLS
from tests.support.waiting import PATIENCE
from tests.unit.test_stack import scan

STACK, PROD = "photo-booth-dev", "photo-booth-prod"
PROOF = "0123456789abcdef"
"""Id of a proof, by which make prove knows its own stacks."""
CHAIN = "amazon.titan-image-generator-v2:0@us-east-1=7, us.stability.stable-image-inpaint-v1:0@us-east-1"

# What the emulator can't take, or not in good time, each with what is deployed in its place:
# - alarms over several metrics: left out;
# - its S3 events lack the version-id, which AWS's events of a versioned bucket have: AWS's event is matched against the
#   rule and handed to the rule's target;
# - the pixels' layer is for another processor than most machines': one without packages;
# - packages take seconds to pack: of the functions, which have the same one, Start alone has it, which is called.


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    """The environment in which AWS's tools and SDKs find the emulator."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
    }
    folder = tmp_path_factory.mktemp("emulator")
    with (folder / "log").open("w") as log:
        command = [TOOLS / "ministack" / "bin" / "ministack"]
        own = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "TMPDIR": str(folder)}
        server = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=subprocess.STDOUT)
        try:
            await_answer(f"http://127.0.0.1:{port}/_ministack/health", server)
            yield environment
        finally:
            server.terminate()
            server.wait()


def await_answer(url, server):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(url):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the emulator did not start")


def run(command, environment, **options):
    options |= {"env": environment, "cwd": ROOT}
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def client(emulator):
    def client(service):
        return boto3.client(
            service,
            endpoint_url=emulator["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    return client


@pytest.fixture(scope="module")
def deployed(emulator, client, for_lambda, template):
    """The stack's resources by logical id, after `sam deploy` with the configuration for dev."""
    build = for_lambda.parent / "deployed"  # the built template names files in ../sources
    shutil.rmtree(build, ignore_errors=True)  # another worker's that has died
    build.mkdir()
    for built in for_lambda.iterdir():
        (build / built.name).symlink_to(built)
    functions = {name for name, each in template["Resources"].items() if each["Type"] == "AWS::Serverless::Function"}
    for name in (PIXELS, *(functions - {"Start"})):
        (build / name).unlink()
        (build / name / "python").mkdir(parents=True)
        (build / name / "python" / "empty.py").touch()
    (build / "Monitoring").unlink()
    (build / "Monitoring").mkdir()
    monitoring = yaml.safe_load((for_lambda / "Monitoring" / "template.yaml").read_text())
    alarms = [name for name, each in monitoring["Resources"].items() if "Metrics" in each.get("Properties", {})]
    for name in alarms:
        del monitoring["Resources"][name]
    (build / "Monitoring" / "template.yaml").write_text(yaml.safe_dump(monitoring))
    with pytest.MonkeyPatch.context() as patch:
        for name in emulator.keys() - os.environ.keys():
            patch.setenv(name, emulator[name])
        files = ["--config-file", str(ROOT / "samconfig.toml"), "--template-file", str(build / "template.yaml")]
        tags = ["--tags", f"{stacks.TAG}={PROOF}"]
        command = stack.sam_deploy_command("dev", [f"ImageModels={CHAIN}"], [*files, *tags])
    status, text = run(command, emulator)
    assert status == 0, text[-2000:]
    pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
    return {each["LogicalResourceId"]: each for page in pages for each in page["StackResourceSummaries"]}


def outputs(client):
    [stack] = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def unconditional(section):
    return {name for name, each in section.items() if "Condition" not in each}


def test_the_stack_is_complete(deployed, client, template):
    assert {each["ResourceStatus"] for each in deployed.values()} <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    always = {kind: unconditional(template[kind]) for kind in ("Resources", "Outputs")}
    assert always["Resources"] - {COMMON, PIXELS} <= deployed.keys()  # SAM adds a hash to a layer's name
    assert always["Outputs"] <= outputs(client).keys()


def test_the_stack_has_the_environments_parameters_those_given_and_what_the_account_allows(deployed, client):
    [found] = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}
    limit = client("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]

    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    said = dict(pair.split("=", 1) for pair in config["dev"]["deploy"]["parameters"]["parameter_overrides"])
    assert parameters.items() >= (said | {"ImageModels": CHAIN, "LambdaConcurrency": str(limit)}).items()


def test_only_the_booths_own_page_may_put_photos(deployed, client):
    found = outputs(client)
    [rule] = client("s3").get_bucket_cors(Bucket=found["UploadsBucketName"])["CORSRules"]

    assert rule["AllowedOrigins"] == [found["BoothUrl"]]


def test_functions_and_page_know_the_uploads_bucket_by_the_name_it_has(deployed, client):
    bucket = outputs(client)["UploadsBucketName"]
    upload = client("lambda").get_function_configuration(FunctionName=deployed["Upload"]["PhysicalResourceId"])
    policy = client("cloudfront").get_response_headers_policy(Id=deployed["CdnHeaders"]["PhysicalResourceId"])
    headers = policy["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]

    assert bucket == deployed["UploadsBucket"]["PhysicalResourceId"]
    assert upload["Environment"]["Variables"]["UPLOADS_BUCKET"] == bucket
    assert (
        f"connect-src 'self' https://{bucket}.s3.us-east-1.amazonaws.com;"
        in headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    )


def test_a_photo_put_there_starts_an_execution(deployed, client):
    bucket = outputs(client)["UploadsBucketName"]
    photo = (ROOT / "tests" / "photos" / "hopper.jpg").read_bytes()
    put = client("s3").put_object(Bucket=bucket, Key="photo/hopper.jpg", Body=photo, ContentType="image/jpeg")
    event = json.loads((ROOT / "events" / "start.json").read_text())
    event["detail"]["bucket"]["name"] = bucket
    event["detail"]["object"] |= {"key": "photo/hopper.jpg", "version-id": put["VersionId"]}
    rule = deployed["StartPhotoPut"]["PhysicalResourceId"].split("/")[-1]
    pattern = client("events").describe_rule(Name=rule)["EventPattern"]
    assert client("events").test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]
    [target] = client("events").list_targets_by_rule(Rule=rule)["Targets"]
    assert target["DeadLetterConfig"]["Arn"].endswith(deployed["LostCalls"]["PhysicalResourceId"].split("/")[-1])
    client("lambda").invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=json.dumps(event))

    machine = deployed["PhotoMachine"]["PhysicalResourceId"]
    until = time.monotonic() + PATIENCE
    while not (found := client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]):
        assert time.monotonic() < until, "no execution"
        time.sleep(0.2)
    [item] = [
        item
        for item in client("dynamodb").scan(TableName=deployed["Table"]["PhysicalResourceId"])["Items"]
        if item.get("key") == {"S": "photo/hopper.jpg"}
    ]
    assert [execution["name"] for execution in found] == [item["run"]["S"]]


def test_the_page_is_put_there_whole(deployed, client, emulator):
    bucket = outputs(client)["PageBucketName"]
    client("s3").put_object(Bucket=bucket, Key="old.js", Body=b"")
    status, text = run([sys.executable, "-m", "deploy", "page", STACK], emulator)

    assert status == 0, text
    files = {file.relative_to(ROOT / "web").as_posix() for file in (ROOT / "web").rglob("*") if file.is_file()}
    assert {each["Key"] for each in client("s3").list_objects_v2(Bucket=bucket)["Contents"]} == (
        files - {"staff.html", "wall.html"} | {"staff", "wall"}
    )
    assert client("s3").get_object(Bucket=bucket, Key="staff")["ContentType"] == "text/html"
    index = client("s3").get_object(Bucket=bucket, Key="index.html")
    assert index["ContentType"] == "text/html"
    url = outputs(client)["BoothUrl"]
    assert index["Body"].read() == with_preview(ROOT / "web", url)
    invalidations = client("cloudfront").list_invalidations(DistributionId=outputs(client)["CdnId"])
    assert invalidations["InvalidationList"]["Items"]


def test_make_pair_prints_codes_that_pair_and_says_what_is_missing(emulator, client):
    """As it is typed, make's own look at the credentials included."""
    make = ["make", "--no-print-directory", "--dry-run", "--assume-old", ".venv/.installed", "pair", "ENV=prod"]
    own = {name: value for name, value in emulator.items() if not name.startswith("MAKE")}  # make test sets them
    status, lines = run(make, own)
    assert status == 0, lines
    *before, pair = [shlex.split(line) for line in lines.splitlines() if "deploy" in line]
    assert (before, pair) == ([[".venv/bin/python", "-m", "deploy", "account"]], [*before[0][:3], "pair", PROD])
    assert run(before[0], own) == (0, "")
    assert run(pair, own) == (1, f"Stack with id {PROD} does not exist\n")
    tokens = {
        "lobby": "the-only-token-of-the-lobby",
        "hall": ["the-old-token-of-the-hall", "the-new-token-of-the-hall"],
    }
    secret = client("secretsmanager").create_secret(Name="pads", SecretString=json.dumps(tokens))["ARN"]
    values = {"BoothUrl": "https://d1.cloudfront.net", "BoothTokensSecret": secret}
    template = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}
    template["Outputs"] = {name: {"Value": value} for name, value in values.items()}
    client("cloudformation").create_stack(StackName=PROD, TemplateBody=json.dumps(template))
    status, said = run(pair, own)
    assert status == 0, said
    codes = re.findall(r"((?:\x1b.*\n)+)Pairs a pad as (\w+): ", said)
    assert {booth: scan(code) for code, booth in codes} == {
        "lobby": "https://d1.cloudfront.net/#pair=the-only-token-of-the-lobby",
        "hall": "https://d1.cloudfront.net/#pair=the-new-token-of-the-hall",
    }
    client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    status, said = run(pair, own)
    assert status == 1
    assert said.startswith(f"the secret {secret} can't be read: ") and len(said.splitlines()) == 1
    client("cloudformation").delete_stack(StackName=PROD)


def test_destroy_asks_first(deployed, client, emulator):
    status, text = run([sys.executable, "-m", "deploy", "destroy", STACK], emulator, input="photo-booth\n")

    assert status == 1
    assert "nothing was deleted" in text
    assert outputs(client)


def test_destroy_leaves_nothing_as_make_prove_lists_it(deployed, client, emulator, tmp_path, monkeypatch):
    """make prove lists what is left over of its stacks: before this one is destroyed much, then nothing."""
    for name in emulator.keys() - os.environ.keys():
        monkeypatch.setenv(name, emulator[name])
    state = State(tmp_path / "state.json", "", id=PROOF)
    stacks.find_own(state, STACK)
    stacks.remember(state, STACK)
    assert len(state.made) == 2  # and the nested one
    kinds = Counter(what.split()[0] for what, _ in stacks.left_over(state))
    assert kinds.keys() == {"stack", "bucket", "log", "alarm", "role", "packages"}
    assert kinds["bucket"] == 4 and kinds["log"] == 25
    listed = {what.split(":")[2] for what, _ in stacks.left_by_tag(state)}
    assert listed >= {"lambda", "dynamodb", "sqs", "cloudfront"}

    environment = emulator | {"CONFIRM": STACK}
    status, text = run([sys.executable, "-m", "deploy", "destroy", STACK], environment)

    assert status == 0, text
    standing = client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])
    assert [stack["StackName"] for stack in standing["StackSummaries"]] == ["aws-sam-cli-managed-default"]
    [packages] = client("s3").list_buckets()["Buckets"]
    assert "Contents" not in client("s3").list_objects_v2(Bucket=packages["Name"])
    assert client("lambda").list_functions()["Functions"] == []
    # The photo's execution still runs here: its function makes its log group anew when it writes.
    assert [what for what, _ in stacks.left_over(state) if not what.startswith("log group")] == []
    # The emulator lists a deleted table by its tags for ever.
    assert [what for what, _ in stacks.left_by_tag(state) if ":dynamodb:" not in what] == []
