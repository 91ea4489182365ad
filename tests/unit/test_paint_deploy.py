"""paint_model/deploy.py over the wire, beside what test_sam_deploy.py asks of the code that both share."""

import json
import re
import subprocess
import tomllib

import boto3
import pytest

from local.template.document import read
from paint_model import deploy, model, package, upload
from paint_model.prices import HOURLY
from tests.support.endpoints import IMAGE, Account, serving
from tests.support.fakes.cloudformation import REGION

pytestmark = pytest.mark.starts

DEV, PROD = "photo-booth-paint-dev", "photo-booth-paint-prod"
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
INDEX = {"_class_name": "StableDiffusionXLInpaintPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}


class Aws(Account):
    """An emulated account and a model in a folder, and the deployment's command line."""

    def __init__(self, folder):
        super().__init__(folder)
        self.folder = folder / "mine"
        (self.folder / "unet").mkdir(parents=True)
        (self.folder / model.INDEX).write_text(json.dumps(INDEX))
        (self.folder / "unet" / "config.json").write_text("{}")
        (self.folder / WEIGHTS).write_bytes(b"weights")

    def deploy(self, environment, *overrides):
        return deploy.main(["deploy", environment, "--model", str(self.folder), *overrides])

    def served(self, name=DEV):
        """What SageMaker puts under /opt/ml/model: content by path."""
        source = self.container(name)["ModelDataSource"]["S3DataSource"]
        prefix = source["S3Uri"].removeprefix(f"s3://{self.stacks[name]['bucket']}/")
        found = self.objects(name).items()
        return {key.removeprefix(prefix): content for key, content in found if key.startswith(prefix)}

    def sent(self):
        """Which files were uploaded and which copied since the last call: the ends of their keys."""
        puts = [
            (path.split("/", 4)[-1], copied)
            for method, path, copied in self.s3
            if method == "PUT" and "/model/" in path
        ]
        self.s3.clear()
        return {path for path, copied in puts if not copied}, {path for path, copied in puts if copied}


@pytest.fixture
def aws(environment, tmp_path, monkeypatch):
    account = Aws(tmp_path)
    with serving(account, deploy, environment, monkeypatch, tmp_path):
        yield account


def test_first_deployment_uploads_each_file_and_brings_the_endpoint_up(aws, capsys, environment):
    environment.setenv("TZ", "Asia/Seoul")
    assert aws.deploy("dev") == 0
    members = package.build(str(aws.folder)).members
    content = {path: each.content for path, each in members.items()}
    assert aws.served() == {
        path: each if isinstance(each, bytes) else each.read_bytes() for path, each in content.items()
    }
    assert aws.endpoints[DEV]["variant"]["InstanceType"] == "ml.g5.xlarge"
    assert aws.container(DEV)["Image"] == f"{IMAGE}-ml.g5.xlarge"
    out = capsys.readouterr().out
    assert "each ml.g5.xlarge costs about $1.41 an hour in us-east-1, until make paint-off" in out
    assert "StopSchedule is cron(0 20 * * ? *), time zone Asia/Seoul" in out


def test_the_same_again_sends_and_changes_nothing(aws, capsys):
    aws.deploy("dev")
    aws.sent()
    assert aws.deploy("dev") == 0
    assert "nothing has changed" in capsys.readouterr().out
    assert aws.sent() == (set(), set())
    assert [what for what, _ in aws.history] == ["created"]


def test_a_changed_file_is_sent_and_the_others_are_copied_within_s3(aws):
    aws.deploy("dev")
    aws.sent()
    (aws.folder / "unet" / "config.json").write_text("[]")  # as long as it was
    assert aws.deploy("dev") == 0
    sent, copied = aws.sent()
    assert sent == {"unet/config.json"}
    assert {WEIGHTS, model.INDEX, "code/inference.py"} <= copied
    assert (aws.served()["unet/config.json"], aws.served()[WEIGHTS]) == (b"[]", b"weights")
    assert [what for what, _ in aws.history] == ["created", "updated"]


def test_an_upload_that_broke_off_goes_on_with_what_is_missing(aws, capsys):
    aws.refused = WEIGHTS
    assert aws.deploy("dev") == 1
    error = capsys.readouterr().err
    assert "AccessDenied" in error and len(error.splitlines()) == 1
    assert aws.endpoints == {}
    aws.refused = ()
    aws.sent()
    assert aws.deploy("dev") == 0
    assert aws.sent() == ({WEIGHTS}, set())


def test_a_large_file_goes_in_parts_and_is_copied_in_parts(aws, monkeypatch):
    small = upload.TransferConfig(multipart_threshold=6 << 20, multipart_chunksize=5 << 20)
    monkeypatch.setattr(upload, "PARTS", small)
    (aws.folder / WEIGHTS).write_bytes(b"x" * (7 << 20))
    aws.deploy("dev")
    aws.sent()
    (aws.folder / "unet" / "config.json").write_text("[]")
    assert aws.deploy("dev") == 0
    assert aws.sent()[0] == {"unet/config.json"}
    assert len(aws.served()[WEIGHTS]) == 7 << 20
    aws.sent()
    (aws.folder / "unet" / "config.json").write_text("[1]")
    assert aws.deploy("dev") == 0  # from the copy, which has its hash as well
    assert aws.sent()[0] == {"unet/config.json"}


def test_off_deletes_the_endpoint_and_on_brings_back_the_same(aws):
    aws.deploy("prod", "MinInstances=2")
    before = dict(aws.endpoints)
    assert deploy.main(["off", "prod"]) == 0
    assert aws.endpoints == {}
    kept = {"Bucket", "BucketPolicy", "Log", "Role", "Model", "EndpointConfig"}  # nothing that costs by the hour
    assert set(aws.stacks[PROD]["rendered"]) == kept
    assert deploy.main(["on", "prod"]) == 0
    assert aws.endpoints == before


def test_the_schedule_does_what_on_and_off_do(aws):
    aws.deploy("prod", "StartSchedule=at(2026-12-05T07:00:00)", "StopSchedule=at(2026-12-05T23:30:00)")
    before, parameters = dict(aws.endpoints), aws.stacks[PROD]["parameters"]
    resources = aws.stacks[PROD]["rendered"]
    cloudformation = boto3.client("cloudformation")
    cloudformation.update_stack(**json.loads(resources["Stop"]["Target"]["Input"]))
    assert aws.endpoints == {}
    cloudformation.update_stack(**json.loads(resources["Start"]["Target"]["Input"]))
    assert (aws.endpoints, aws.stacks[PROD]["parameters"]) == (before, parameters)


def test_destroy_removes_the_model_and_says_when_there_is_nothing(aws, capsys):
    aws.deploy("dev")
    assert deploy.main(["destroy", "dev"]) == 0
    assert (aws.stacks, aws.endpoints) == ({}, {})
    assert deploy.main(["destroy", "dev"]) == 1
    assert f"There is no stack {DEV} here: nothing was deleted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["deploy", "moon"], "There is no environment moon"),
        (["deploy", "dev", "InstanceType=ml.g4dn.xlarge"], "must be one of"),
        (["deploy", "dev", "--model", "nowhere"], "nowhere is neither a folder nor an id of the hub"),
        (["on", "dev"], f"There is no stack {DEV}: run make paint-deploy."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_nothing_is_left(aws, capsys, arguments, message):
    if arguments[0] == "deploy" and "--model" not in arguments:
        arguments = [*arguments, "--model", str(aws.folder)]
    assert deploy.main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert aws.endpoints == {}


def test_each_instance_on_offer_has_its_image(sdk_python):
    offered = read(deploy.KIND.folder / "endpoint.yaml")["Parameters"]["InstanceType"]["AllowedValues"]
    asked = [(region, each) for region in (REGION, "ap-northeast-2") for each in offered]
    code = f"from endpoints import sdk; print(*(sdk.image(*each, 'paint') for each in {asked}))"
    done = subprocess.run([sdk_python, "-c", code], cwd=package.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        f"763104351884.dkr.ecr.{region}.amazonaws.com/huggingface-pytorch-inference:"
        "2.6.0-transformers5.5.3-gpu-py312-cu124-ubuntu22.04"
        for region, _ in asked
    ]


def test_the_document_and_the_price_table_have_the_prices_that_a_deployment_tells():
    text = (package.ROOT / "docs" / "paint-endpoint.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(ml\.\S+)` \| (\d\.\d+) \| (\S+) \| (\S+) \| (\S+) \|", text, re.MULTILINE)
    assert {name: float(hour) for name, hour, *_ in rows} == HOURLY
    for name, _, day, month, photo in rows:
        hour = HOURLY[name]
        assert (day, month, photo) == (f"{10 * hour:.2f}", f"{730 * hour:.0f}", f"{hour / 100:.3f}")
    sams = tomllib.loads((package.ROOT / "benchmarks" / "prices.toml").read_text(encoding="utf-8"))["sam"]["hour"]
    both = HOURLY.keys() & sams.keys()
    assert both and all(HOURLY[name] == sams[name] for name in both)
