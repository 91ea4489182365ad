"""sam_model/deploy.py over the wire: CloudFormation and SageMaker are the fakes beside this file, S3 is moto's.

AWS's SageMaker SDK takes seconds to start. The tests that are about it have the real one, out of .tools/sagemaker; for
the others a script answers in its place.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import boto3
import pytest

from deploy import lock
from endpoints import stack
from local.template.document import read
from sam_model import deploy, package
from tests.support import tiny_sam
from tests.support.credentials import FAKE_CREDENTIALS
from tests.support.endpoints import IMAGE, Account, serving
from tests.support.fakes.cloudformation import REGION, render
from tests.support.fakes.sagemaker import DIGEST

pytestmark = pytest.mark.starts

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "sam_model" / "endpoint.yaml"
DEV, PROD = "photo-booth-sam-dev", "photo-booth-sam-prod"


class Aws(Account):
    """An emulated account with two tiny models to deploy, and the deployment's command line."""

    def __init__(self, folder):
        super().__init__(folder)
        self.first, self.second = folder / "first", folder / "second"
        for number, model in enumerate((self.first, self.second)):
            model.mkdir()
            tiny_sam.export(model, qualities=[number / 2])
            sums = [f"{hashlib.sha256((model / name).read_bytes()).hexdigest()}  {name}" for name in package.WEIGHTS]
            (model / package.SUMS).write_text("\n".join(sums))

    def deploy(self, environment, *overrides, model=None):
        return deploy.main(["deploy", environment, "--model", str(model or self.first), *overrides])

    def image(self, name=DEV):
        return self.container(name)["Image"]

    def model(self, name=DEV):
        """The archive that the endpoint serves: its members' contents by name."""
        key = self.container(name)["ModelDataUrl"].removeprefix(f"s3://{self.stacks[name]['bucket']}/")
        with tarfile.open(fileobj=io.BytesIO(self.objects(name)[key])) as tar:
            return {name: tar.extractfile(name).read() for name in tar.getnames()}


@pytest.fixture
def aws(environment, tmp_path, monkeypatch):
    account = Aws(tmp_path)
    monkeypatch.setattr(package, "DEFAULT_ARCHIVE", tmp_path / "build" / "model.tar.gz")
    with serving(account, deploy, environment, monkeypatch, tmp_path):
        yield account


@pytest.fixture
def real_sdk(aws, environment, sdk_python):
    """A function after whose call the deployment asks the real SDK. It must tell nobody else: a proxy listens."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0.1)

        def take():
            environment.setattr(stack, "SDK_PYTHON", sdk_python)
            environment.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
            environment.setenv("NO_PROXY", "127.0.0.1")

        yield take
        assert not [line for line in heard(proxy) if line.startswith(b"CONNECT")]


def heard(listening):
    """What was sent to a socket, by connection."""
    said = []
    with contextlib.suppress(TimeoutError):
        while True:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(0.1)
                with contextlib.suppress(OSError):
                    said.append(connection.recv(1000))
    return said


def test_first_deployment_uploads_the_model_and_brings_the_endpoint_up(aws):
    assert aws.deploy("dev") == 0
    [(key, content)] = aws.objects(DEV).items()
    assert key == f"model/{hashlib.sha256(content).hexdigest()}/model.tar.gz"
    assert aws.model()["encoder.onnx"] == (aws.first / "encoder.onnx").read_bytes()
    assert aws.endpoints[DEV]["variant"]["InstanceType"] == "ml.c7i.xlarge"
    assert [what for what, _ in aws.history] == ["created"]


def test_the_same_again_changes_nothing(aws, capsys):
    assert aws.deploy("dev") == 0
    assert aws.deploy("dev") == 0
    assert "nothing has changed" in capsys.readouterr().out
    assert len(aws.objects(DEV)) == 1
    assert [what for what, _ in aws.history] == ["created"]


def test_a_new_model_updates_the_endpoint_and_keeps_its_name_and_the_old_model(aws):
    aws.deploy("dev")
    assert aws.deploy("dev", model=aws.second) == 0
    assert len(aws.objects(DEV)) == 2
    assert list(aws.endpoints) == [DEV]
    assert aws.model()["decoder.onnx"] == (aws.second / "decoder.onnx").read_bytes()
    (first, old), (then, new) = aws.history
    assert (first, then) == ("created", "updated")
    assert old != new


def test_an_upload_that_s3_refuses_is_told_in_one_line(aws, capsys):
    aws.refused = "model.tar.gz"
    assert aws.deploy("dev") == 1
    error = capsys.readouterr().err
    assert "AccessDenied" in error and len(error.splitlines()) == 1


def test_an_instance_with_a_gpu_gets_the_package_and_the_image_for_it(aws):
    aws.deploy("dev", "InstanceType=ml.g6.xlarge")
    assert b"tiny-gpu" in aws.model()["code/requirements.txt"]
    assert aws.image() == f"{IMAGE}-ml.g6.xlarge"
    aws.deploy("dev")
    assert b"tiny-gpu" not in aws.model()["code/requirements.txt"]
    assert aws.image() == f"{IMAGE}-ml.c7i.xlarge"


def test_an_image_of_ones_own_is_taken(aws):
    assert aws.deploy("dev", "ImageUri=mine:2") == 0
    assert aws.image() == "mine:2"


def test_where_aws_publishes_no_image_nothing_is_made(aws, real_sdk, capsys, environment):
    real_sdk()
    environment.setenv("AWS_DEFAULT_REGION", "xx-moon-1")
    assert aws.deploy("dev") == 1
    error = capsys.readouterr().err
    assert "AWS publishes no pytorch 2.6.0 inference image for ml.c7i.xlarge in xx-moon-1" in error
    assert "ImageUri" in error and len(error.splitlines()) == 1
    assert aws.stacks == {}


def test_another_instance_replaces_one_that_scales_without_a_gap(aws):
    assert aws.deploy("prod") == 0
    assert "Target" in aws.stacks[PROD]["rendered"]
    assert aws.deploy("prod", "InstanceType=ml.g5.xlarge") == 0
    assert aws.endpoints[PROD]["variant"]["InstanceType"] == "ml.g5.xlarge"
    assert aws.stacks[PROD]["rendered"]["Target"]["MaxCapacity"] == "6"
    assert [what for what, _ in aws.history] == ["created", "updated"]


def test_instances_become_serverless_only_while_the_endpoint_is_off(aws, capsys):
    aws.deploy("dev")
    assert aws.deploy("dev", "InstanceType=serverless") == 1
    assert "Run make sam-off first" in capsys.readouterr().err
    assert aws.endpoints[DEV]["variant"]["InstanceType"] == "ml.c7i.xlarge"
    assert deploy.main(["off", "dev"]) == 0
    assert aws.deploy("dev", "InstanceType=serverless") == 0
    assert "InstanceType" not in aws.endpoints[DEV]["variant"]


def test_off_deletes_the_endpoint_and_on_brings_back_the_same(aws):
    aws.deploy("prod", "InstanceType=ml.g6.xlarge", "MinInstances=3")
    before = dict(aws.endpoints)
    assert deploy.main(["off", "prod"]) == 0
    assert aws.endpoints == {}
    kept = set(aws.stacks[PROD]["rendered"])
    assert kept == {
        "Bucket",
        "BucketPolicy",
        "Log",
        "Role",
        "Model",
        "EndpointConfig",
    }  # nothing that costs by the hour
    assert deploy.main(["off", "prod"]) == 0
    assert deploy.main(["on", "prod"]) == 0
    assert aws.endpoints == before


def test_a_deployment_switches_the_endpoint_on(aws):
    aws.deploy("dev")
    deploy.main(["off", "dev"])
    assert aws.deploy("dev", model=aws.second) == 0
    assert list(aws.endpoints) == [DEV]


def test_the_schedule_does_what_on_and_off_do(aws):
    """Its input is sent as EventBridge Scheduler does: the API's parameters, in JSON."""
    aws.deploy("prod", "StartSchedule=at(2026-12-05T08:00:00)", "StopSchedule=at(2026-12-05T23:30:00)")
    before, parameters = dict(aws.endpoints), aws.stacks[PROD]["parameters"]
    rendered = aws.stacks[PROD]["rendered"]
    cloudformation = boto3.client("cloudformation")
    cloudformation.update_stack(**json.loads(rendered["Stop"]["Target"]["Input"]))
    assert aws.endpoints == {}
    assert aws.stacks[PROD]["parameters"] == parameters | {"Running": "false"}
    cloudformation.update_stack(**json.loads(rendered["Start"]["Target"]["Input"]))
    assert aws.endpoints == before
    assert aws.stacks[PROD]["parameters"] == parameters


def test_who_names_no_time_zone_gets_the_machines_own_and_is_told(aws, environment, capsys):
    environment.setenv("TZ", "Asia/Seoul")
    assert aws.deploy("dev") == 0
    stop = aws.stacks[DEV]["rendered"]["Stop"]
    assert (stop["ScheduleExpression"], stop["ScheduleExpressionTimezone"]) == ("cron(0 20 * * ? *)", "Asia/Seoul")
    assert "StopSchedule is cron(0 20 * * ? *), time zone Asia/Seoul" in capsys.readouterr().out
    assert aws.deploy("dev", "TimeZone=Europe/Berlin") == 0
    assert aws.stacks[DEV]["rendered"]["Stop"]["ScheduleExpressionTimezone"] == "Europe/Berlin"


@pytest.mark.parametrize(("zone", "used"), [(":Asia/Seoul", "Asia/Seoul"), ("KST-9", "UTC"), ("/etc/passwd", "UTC")])
def test_a_time_zone_that_aws_would_not_know_is_not_passed_on(environment, zone, used):
    environment.setenv("TZ", zone)
    assert stack.settings(deploy.KIND, "dev", [])["TimeZone"] == used


def test_a_failed_update_is_told_with_its_cause_and_leaves_what_was(aws, capsys):
    aws.deploy("dev")
    before = dict(aws.endpoints)
    aws.fail_next_endpoint = "The container did not pass the ping health check."
    assert aws.deploy("dev", model=aws.second) == 1
    message = capsys.readouterr().err
    assert "Endpoint: The container did not pass the ping health check." in message
    assert "cancelled" not in message
    assert aws.endpoints == before
    assert aws.deploy("dev", model=aws.second) == 0


def test_the_endpoint_is_waited_for_and_described_with_the_images_digest(aws, real_sdk, capsys):
    real_sdk()
    aws.sagemaker.statuses = ["Creating", "InService"]
    assert aws.deploy("dev") == 0
    repository = aws.image().rpartition(":")[0]
    assert repository == f"763104351884.dkr.ecr.{REGION}.amazonaws.com/pytorch-inference"
    assert f"{DEV} is InService, instances: 1, image: {repository}@{DIGEST}" in capsys.readouterr().out
    assert aws.sagemaker.statuses == ["InService"]


def test_an_endpoint_that_fails_is_told_with_its_reason(aws, real_sdk, capsys):
    real_sdk()
    aws.sagemaker.statuses = ["Updating", "Failed"]
    aws.sagemaker.failure = "CannotStartContainerError: no capacity"
    assert aws.deploy("dev", f"ImageUri={IMAGE}") == 1
    error = capsys.readouterr().err
    assert error == f"{DEV} is Failed: CannotStartContainerError: no capacity\n"


def test_what_the_endpoint_says_of_a_failed_update_is_told_beside_cloudformations_words(aws, real_sdk, capsys):
    aws.deploy("dev")
    real_sdk()
    aws.fail_next_endpoint = "Resource of type 'AWS::SageMaker::Endpoint' did not stabilize."
    aws.sagemaker.failure = "The primary container did not pass the ping health check."
    assert aws.deploy("dev", f"ImageUri={IMAGE}", model=aws.second) == 1
    error = capsys.readouterr().err
    assert "did not stabilize. The endpoint says: The primary container did not pass the ping health check." in error


def test_on_without_a_model_is_no_success(aws, real_sdk, capsys):
    aws.deploy("dev")
    real_sdk()
    del aws.endpoints[DEV]
    aws.stacks[DEV]["parameters"]["ModelKey"] = ""
    assert deploy.main(["on", "dev"]) == 1
    assert (
        f'Could not find endpoint "arn:aws:sagemaker:{REGION}:123456789012:endpoint/{DEV}"' in capsys.readouterr().err
    )


def test_the_sdks_telemetry_is_off(of_the_sdk):
    assert of_the_sdk["is telemetry off"] is True


ASK = """
import json, sys
from endpoints import sdk
from sagemaker.core.common_utils import resolve_value_from_config
from sagemaker.core.config.config_schema import TELEMETRY_OPT_OUT_PATH
from sagemaker.core.helper.session_helper import Session
is_off = resolve_value_from_config(config_path=TELEMETRY_OPT_OUT_PATH, sagemaker_session=Session())
images = [sdk.image(*each, "sam") for each in json.loads(sys.argv[1])]
print(json.dumps({"is telemetry off": is_off, "images": images}))
"""


@pytest.fixture(scope="module")
def of_the_sdk(sdk_python):
    """What the real SDK says in one process."""
    command, environment = [sdk_python, "-c", ASK, json.dumps(asked_images())], os.environ | FAKE_CREDENTIALS
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def bucket_names():
    return {bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]}


def test_destroy_removes_models_and_endpoint_and_says_when_there_is_nothing(aws, capsys):
    names_before = bucket_names()
    aws.deploy("dev")
    assert bucket_names() > names_before
    assert deploy.main(["destroy", "dev"]) == 0
    assert (aws.stacks, aws.endpoints) == ({}, {})
    assert bucket_names() == names_before
    assert deploy.main(["destroy", "dev"]) == 1
    assert "There is no stack photo-booth-sam-dev here: nothing was deleted" in capsys.readouterr().err


@pytest.mark.parametrize("asked", [["InstanceType=ml.g5.xlarge"], ["--model", "elsewhere"]])
@pytest.mark.parametrize("action", ["on", "off", "destroy"])
def test_what_only_a_deployment_can_do_is_refused_elsewhere(aws, action, asked):
    with pytest.raises(SystemExit) as refusal:
        deploy.main([action, "dev", *asked])
    assert refusal.value.code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["deploy", "moon"], "There is no environment moon"),
        (["deploy", "Dev"], "Dev has capitals"),
        (["on", "Prod"], "Prod has capitals"),
        (["deploy", "dev", "InstanceType"], "not of the form"),
        (["deploy", "dev", "InstanceType=ml.t2.tiny"], "must be one of"),
        (["deploy", "dev", "--model", "nowhere"], "nowhere/SHA256SUMS is missing"),
        (["on", "dev"], "There is no stack photo-booth-sam-dev"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_nothing_is_left(aws, capsys, arguments, message):
    if arguments[0] == "deploy" and "--model" not in arguments:
        arguments = [*arguments, "--model", str(aws.first)]
    assert deploy.main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert aws.endpoints == {}


def test_the_sdk_contradicts_nothing_of_ours():
    """It has a Python of its own: the deployment does not import it."""
    code = "import sys, sam_model.deploy; print([name for name in sys.modules if name.split('.')[0] == 'sagemaker'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_sdk_is_told(aws, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(stack, "SDK_PYTHON", tmp_path / "python")
    assert aws.deploy("dev") == 1
    assert "run make tools" in capsys.readouterr().err


# The template, beside what test_endpoint_templates.py asks of both


def rendered(**parameters):
    given = {"ModelKey": "model/1/model.tar.gz", "InstanceType": "ml.c7i.xlarge", "ImageUri": IMAGE}
    return render(TEMPLATE, given | parameters)


def test_dev_and_prod_render_as_their_settings_say():
    dev, prod = (rendered(**stack.settings(deploy.KIND, name, [])) for name in ("dev", "prod"))
    assert set(prod) - set(dev) == {"Target", "Scaling", "Quiet"}
    assert set(dev) - set(prod) == {"Stop", "SchedulerRole"}
    counts = [item["EndpointConfig"]["ProductionVariants"][0]["InitialInstanceCount"] for item in (dev, prod)]
    assert counts == ["1", "2"]
    assert (prod["Target"]["MinCapacity"], prod["Target"]["MaxCapacity"]) == ("2", "6")


def test_instances_scale_by_invocations_and_switch_over_with_rollback():
    resources = rendered()
    policy = resources["Scaling"]["TargetTrackingScalingPolicyConfiguration"]
    assert policy["PredefinedMetricSpecification"] == {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    assert resources["Target"]["ResourceId"] == f"endpoint/{DEV}/variant/AllTraffic"
    endpoint = resources["Endpoint"]
    assert endpoint["EndpointName"] == DEV
    watched = {alarm["AlarmName"] for alarm in endpoint["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]}
    assert watched == {resources[name]["AlarmName"] for name in ("ServerErrors", "Slow")}
    # The old fleet stays long enough for the alarms, of five minutes each, to judge the new one.
    assert endpoint["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"] > 5 * 60


def test_serverless_has_neither_instances_nor_what_goes_with_them():
    resources = rendered(InstanceType="serverless", QuietMinutes="60", KmsKeyArn="arn:aws:kms:::key/1")
    [variant] = resources["EndpointConfig"]["ProductionVariants"]
    assert variant["ServerlessConfig"]["MemorySizeInMB"] <= 6144
    assert not {"InstanceType", "InitialInstanceCount"} & set(variant)
    assert not {"Target", "Scaling", "Quiet"} & set(resources)
    assert "DeploymentConfig" not in resources["Endpoint"]
    assert "KmsKeyId" not in resources["EndpointConfig"]
    assert resources["Model"]["EnableNetworkIsolation"] is False  # serverless inference knows none


def offered():
    return read(TEMPLATE)["Parameters"]["InstanceType"]["AllowedValues"]


def asked_images():
    """(Region, instance) of each image that the SDK is asked for."""
    return [*IMAGES, *(("us-east-1", instance) for instance in offered())]


IMAGES = {
    ("us-east-1", "ml.c7i.xlarge"): "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312",
    (
        "ap-northeast-2",
        "ml.g5.xlarge",
    ): "763104351884.dkr.ecr.ap-northeast-2.amazonaws.com/pytorch-inference:2.6.0-gpu-py312",
    ("af-south-1", "ml.g4dn.xlarge"): "626614931356.dkr.ecr.af-south-1.amazonaws.com/pytorch-inference:2.6.0-gpu-py312",
    ("cn-north-1", "serverless"): "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/pytorch-inference:2.6.0-cpu-py312",
}


def test_each_region_and_instance_on_offer_has_its_image(of_the_sdk):
    template = read(TEMPLATE)
    assert set(offered()) == set(template["Mappings"]["Instances"])
    answers = dict(zip(asked_images(), of_the_sdk["images"], strict=True))
    assert answers.items() >= IMAGES.items()
    for (_, instance), image in answers.items():
        assert f":2.6.0-{'gpu' if instance.startswith('ml.g') else 'cpu'}-py312" in image, instance


def test_the_wheels_are_for_the_images_python():
    text = (ROOT / "endpoints" / "sdk.py").read_text()
    assert re.search(r'PYTHON = .*"py(\d)(\d+)"$', text, re.MULTILINE).groups() == tuple(
        lock.CONTAINER.python.split(".")
    )


@pytest.mark.parametrize("instance", ["ml.c7i.xlarge", "ml.g5.xlarge"])
def test_photos_are_not_captured_and_a_key_of_ones_own_goes_where_it_may(instance):
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    resources = rendered(InstanceType=instance, KmsKeyArn=key)
    assert "DataCaptureConfig" not in resources["EndpointConfig"]
    # Instances with a local disk encrypt it themselves and refuse a key.
    assert resources["EndpointConfig"].get("KmsKeyId") == (key if instance == "ml.c7i.xlarge" else None)
    [rule] = resources["Bucket"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key
    assert all(resources["Bucket"]["PublicAccessBlockConfiguration"].values())
