"""The templates of sam_model/ and paint_model/: what each must say, and that both say the same where they can."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from endpoints import stack
from endpoints.stack import Kind
from local.template.document import read
from paint_model import deploy as paint
from paint_model.prices import HOURLY
from sam_model import deploy as sam
from tests.support.fakes.cloudformation import render
from tests.support.templates import schema_of

pytestmark = pytest.mark.starts

KINDS = {"sam": sam.KIND, "paint": paint.KIND}
GIVEN = {
    "sam": {"ModelKey": "model/1/model.tar.gz", "InstanceType": "ml.c7i.xlarge", "ImageUri": "image"},
    "paint": {"ModelKey": "model/1/", "InstanceType": "ml.g5.xlarge", "ImageUri": "image"},
}


def path_of(kind: Kind) -> Path:
    return kind.folder / "endpoint.yaml"


def rendered(name, **parameters):
    return render(path_of(KINDS[name]), GIVEN[name] | parameters, f"photo-booth-{name}-dev")


@pytest.fixture(params=KINDS)
def name(request):
    return request.param


def test_cfn_lint_finds_nothing():
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run(
        [cfn_lint, *(path_of(kind) for kind in KINDS.values())], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_no_template_has_yaml_aliases(name):
    """CloudFormation refuses them, and cfn-lint does not."""
    events = yaml.parse(path_of(KINDS[name]).read_text(encoding="utf-8"))
    assert not [event for event in events if isinstance(event, yaml.AliasEvent)]


def test_the_container_is_cut_off_from_every_network(name):
    assert rendered(name)["Model"]["EnableNetworkIsolation"] == "true"
    assert rendered(name, NetworkIsolation="false")["Model"]["EnableNetworkIsolation"] == "false"


def test_schedules_keep_every_parameter_but_running(name):
    """One that an update doesn't name would silently fall back to its default."""
    template = read(path_of(KINDS[name]))
    resources = rendered(
        name, StartSchedule="cron(0 8 ? * SAT *)", StopSchedule="cron(0 23 ? * SAT *)", TimeZone="Asia/Seoul"
    )
    for schedule, running in (("Start", "true"), ("Stop", "false")):
        assert resources[schedule]["ScheduleExpressionTimezone"] == "Asia/Seoul"
        change = json.loads(resources[schedule]["Target"]["Input"])
        assert change["StackName"] == f"photo-booth-{name}-dev"
        named = {item["ParameterKey"]: item for item in change["Parameters"]}
        assert set(named) == set(template["Parameters"])
        assert named.pop("Running")["ParameterValue"] == running
        assert all(item["UsePreviousValue"] is True for item in named.values())


def test_the_schedules_role_may_not_act_on_other_endpoints(name):
    own = f"photo-booth-{name}-dev"
    [policy] = rendered(name, StopSchedule="cron(0 20 * * ? *)")["SchedulerRole"]["Policies"]
    allowed = {}
    for statement in policy["PolicyDocument"]["Statement"]:
        actions, resources = statement["Action"], statement["Resource"]
        for action in actions if isinstance(actions, list) else [actions]:
            allowed[action] = resources if isinstance(resources, list) else [resources]
    assert not [action for action in allowed if action.endswith("*")]
    assert all(own in arn for arn in allowed["cloudformation:UpdateStack"])
    assert all(f":endpoint/{own}" in arn or ":endpoint-config/" in arn for arn in allowed["sagemaker:DeleteEndpoint"])
    assert all(own in arn for arn in allowed["cloudwatch:DeleteAlarms"])


def test_alarms_say_what_to_do_and_tell_whom_they_should(name):
    topic = "arn:aws:sns:us-east-1:123456789012:ops"
    silent, told = rendered(name, QuietMinutes="60"), rendered(name, QuietMinutes="60", AlarmTopicArn=topic)
    for alarm in ("ServerErrors", "ClientErrors", "Slow", "Quiet"):
        text = told[alarm]["AlarmDescription"]
        assert f"make {name}-" in text or "Compare" in text
        assert (silent[alarm].get("AlarmActions"), told[alarm]["AlarmActions"]) == (None, [topic])
    assert "Failed" not in silent
    assert told["Failed"]["Targets"] == [{"Id": "topic", "Arn": topic}]
    assert told["Quiet"]["EvaluationPeriods"] == "60"


def test_without_a_running_endpoint_there_are_no_alarms(name):
    off = rendered(name, Running="false", QuietMinutes="60")
    assert not [alarm for alarm in off if alarm in ("ServerErrors", "Quiet")]


def test_each_environments_settings_are_parameters(name):
    template = read(path_of(KINDS[name]))
    for environment in ("dev", "prod"):
        settings = stack.settings(KINDS[name], environment, [])
        assert settings.keys() <= template["Parameters"].keys()
        assert rendered(name, **settings)
    dev, prod = (stack.settings(KINDS[name], each, []) for each in ("dev", "prod"))
    assert "StopSchedule" in dev and "QuietMinutes" in prod


def test_both_say_the_same_of_what_both_have():
    """Whoever mends the one mends the other. Words, thresholds and the model's container are each one's own."""

    def shape(name, resource):
        """The resource but for its texts, which name the endpoint, and what is told of it below."""
        text = json.dumps(read(path_of(KINDS[name]))["Resources"][resource])
        found = json.loads(text.replace(f"make {name}-", "make "))
        properties = found["Properties"]
        for own in ("Description", "AlarmDescription"):
            properties.pop(own, None)
        return found

    same = (
        "BucketPolicy",
        "Log",
        "Role",
        "Target",
        "Scaling",
        "ClientErrors",
        "SchedulerRole",
        "Start",
        "Stop",
        "Failed",
    )
    for resource in same:
        assert shape("sam", resource) == shape("paint", resource), resource
    for resource, own in {
        "Bucket": {"LifecycleConfiguration"},
        "ServerErrors": {"EvaluationPeriods", "DatapointsToAlarm"},
        "Slow": {"Threshold"},
        "Quiet": set(),
        "Endpoint": {"DeploymentConfig", "RetainAllVariantProperties"},
    }.items():
        first, second = (shape(name, resource)["Properties"] for name in KINDS)
        assert {key for key in first.keys() | second if first.get(key) != second.get(key)} == own, resource
    assert set(read(path_of(sam.KIND))["Resources"]) == set(read(path_of(paint.KIND))["Resources"])


# The painter's


def test_the_painters_model_is_read_file_by_file():
    [source] = rendered("paint")["Model"]["PrimaryContainer"]["ModelDataSource"].values()
    assert source == {"S3Uri": "s3://bucket/model/1/", "S3DataType": "S3Prefix", "CompressionType": "None"}


def test_the_painters_variant_is_as_the_registry_allows_and_has_time_for_16_gb():
    schema = schema_of("AWS::SageMaker::EndpointConfig")
    allowed = schema["definitions"]["ProductionVariant"]["properties"]
    [variant] = rendered("paint")["EndpointConfig"]["ProductionVariants"]
    assert variant["InferenceAmiVersion"] in allowed["InferenceAmiVersion"]["enum"]
    for timeout in ("ModelDataDownloadTimeoutInSeconds", "ContainerStartupHealthCheckTimeoutInSeconds"):
        assert 16e9 / 10e6 <= variant[timeout] <= allowed[timeout]["maximum"]
    offered = read(path_of(paint.KIND))["Parameters"]["InstanceType"]["AllowedValues"]
    assert set(offered) <= set(allowed["InstanceType"]["enum"])
    assert set(offered) == set(HOURLY)


def test_the_painters_old_fleet_stays_until_the_alarms_have_judged_the_new_one():
    """A new instance answers 503 until it has loaded the model: that alone must not send it back."""
    resources = rendered("paint")
    deployment = resources["Endpoint"]["DeploymentConfig"]
    names = {alarm["AlarmName"] for alarm in deployment["AutoRollbackConfiguration"]["Alarms"]}
    assert names == {resources[each]["AlarmName"] for each in ("ServerErrors", "Slow")}
    alarm = resources["ServerErrors"]
    assert alarm["DatapointsToAlarm"] * alarm["Period"] >= 6 * 60
    stays = deployment["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"]
    assert stays > alarm["EvaluationPeriods"] * alarm["Period"]
    assert deployment["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] > 2 * 1800 + stays


def test_the_painter_scales_below_the_pace_at_which_it_is_asked():
    resources = rendered("paint", MinInstances="1", MaxInstances="2")
    policy = resources["Scaling"]["TargetTrackingScalingPolicyConfiguration"]
    assert policy["PredefinedMetricSpecification"] == {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    assert int(policy["TargetValue"]) < 12
    assert not {"Target", "Scaling"} & set(rendered("paint"))


def test_the_painters_photos_are_not_captured_and_a_key_of_ones_own_is_the_buckets():
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    resources = rendered("paint", KmsKeyArn=key)
    assert not {"DataCaptureConfig", "KmsKeyId"} & set(resources["EndpointConfig"])
    [rule] = resources["Bucket"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key
    assert all(resources["Bucket"]["PublicAccessBlockConfiguration"].values())
