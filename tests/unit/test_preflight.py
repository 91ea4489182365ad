"""`make preflight` against services that speak AWS's wire: Bedrock's control plane, Service Quotas, SageMaker."""

import base64
import functools
import io
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image
from werkzeug.wrappers import Response

from booth.painting.chain import parse_chain
from deploy import stack
from operate import painter, parameters, preflight, services
from tests.support.fakes.control_plane import GRANTED, INPAINT, TITAN, ControlPlane
from tests.support.serving import serving

CHAIN = f"{TITAN}@us-east-1,us.{INPAINT}@us-east-1,us.{INPAINT}@us-west-2"


DEFAULTS = functools.cache(parameters.default_parameters)


@pytest.fixture(scope="module")
def control_plane():
    accounts = []
    with serving(lambda environ, start: accounts[-1].wsgi(environ, start)) as url:
        yield accounts, url


@pytest.fixture
def account(models, environment, control_plane):
    """An account of 2026-11: Titan's life has ended, Stability's model is active and granted."""
    accounts, url = control_plane
    accounts.append(ControlPlane())
    for service in ("BEDROCK", "SERVICE_QUOTAS", "SAGEMAKER", "LAMBDA"):
        environment.setenv(f"AWS_ENDPOINT_URL_{service}", url)
    environment.setenv("SAM_ENDPOINT", "sam")
    environment.setenv("SAM_PROTOCOL", "extended")
    environment.setattr(parameters, "default_parameters", DEFAULTS)  # reads template.yaml once for all tests
    return accounts[-1]


@pytest.fixture
def run(account, models, capsys):
    models.set("rekognition", canned={"faces": 1})

    def run(chain=CHAIN, endpoint="sam", *more):
        code = preflight.main([f"ImageModels={chain}", f"SamEndpoint={endpoint}", *more])
        return code, capsys.readouterr().out

    return run


def row(out, candidate):
    """state, access, requests/min and photos/h of a candidate's line."""
    [line] = [line for line in out.splitlines() if line.startswith(f"{candidate} ")]
    return line.split()[1:]


def test_titan_is_retired_and_the_event_can_begin(run):
    code, out = run()
    assert code == 0
    assert row(out, f"{TITAN}@us-east-1") == ["retired", "unknown", "?", "-"]
    assert row(out, f"us.{INPAINT}@us-west-2") == ["active", "granted", "20", "387"]
    assert "Its life ended on 2026-06-30: take it out of ImageModels." in out
    assert f"us.{INPAINT} in us-east-1, us-west-2 paints up to 774 photos an hour" in out
    assert "SAM endpoint sam: ok" in out
    assert "Rekognition: ok" in out


def test_a_model_that_bedrock_no_longer_knows_is_retired(run, account):
    del account.models[TITAN]
    code, out = run()
    assert code == 0
    assert row(out, f"{TITAN}@us-east-1")[0] == "retired"


PAYMENT = "Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided."


@pytest.mark.parametrize(
    ("answer", "state", "access", "advice"),
    [
        ((404, "ResourceNotFoundException", "has reached the end of its life"), "retired", "unknown", "Take it out of"),
        ((400, "ValidationException", "The provided model identifier is invalid."), "retired", "unknown", "mend Image"),
        ((403, "AccessDeniedException", PAYMENT), "unknown", "denied", "Give the account a payment method"),
        ((403, "UnrecognizedClientException", "The security token is invalid"), "unknown", "unknown", "credentials"),
        ((429, "ThrottlingException", "Rate exceeded"), "unknown", "unknown", "answered ThrottlingException: try"),
        ((404, "ResourceNotFoundException", "It went home."), "unknown", "unknown", "what the booth does not know"),
        ((403, "AccessDeniedException", "It went home."), "unknown", "unknown", "what the booth does not know"),
    ],
)
def test_an_error_is_judged_as_the_booth_judges_it(run, account, answer, state, access, advice):
    account.says["GetFoundationModel"] = answer
    code, out = run()
    assert code == 1
    assert row(out, f"{TITAN}@us-east-1")[:2] == [state, access]
    assert advice in out


def test_a_legacy_model_is_usable_with_its_own_quota_and_comes_first(run, account):
    end = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    account.models[TITAN] = ("Titan Image Generator G1 v2", {"status": "LEGACY", "endOfLifeTime": end})
    code, out = run()
    assert code == 0
    assert row(out, f"{TITAN}@us-east-1") == ["legacy", "granted", "60", "1161"]
    assert f"ends on {end[:10]}" in out
    assert f"{TITAN} in us-east-1 paints up to 1161 photos an hour" in out


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({"agreementAvailability": {"status": "NOT_AVAILABLE"}}, "create-foundation-model-agreement"),
        ({"agreementAvailability": {"status": "PENDING"}}, "wait up to 15 minutes"),
        ({"authorizationStatus": "NOT_AUTHORIZED"}, "isn't authorised"),
        ({"entitlementAvailability": "NOT_AVAILABLE"}, "isn't entitled"),
        ({"regionAvailability": "NOT_AVAILABLE"}, "doesn't offer it"),
    ],
)
def test_a_model_without_access_does_not_live_and_the_advice_says_what_to_do(run, account, change, advice):
    account.access[INPAINT] = GRANTED | change
    code, out = run()
    assert code == 1
    assert row(out, f"us.{INPAINT}@us-east-1")[:2] == ["active", "denied"]
    assert advice in out
    assert "No candidate is usable" in out


def test_all_dead(run, account):
    account.models.clear()
    code, out = run()
    assert code == 1
    assert [row(out, each)[0] for each in CHAIN.split(",")] == ["retired"] * 3
    assert "No candidate is usable" in out


def test_documented_quotas_are_marked_where_service_quotas_tells_none(run, account):
    account.denied.add("ListServiceQuotas")
    code, out = run()
    assert code == 0
    assert row(out, f"us.{INPAINT}@us-east-1") == ["active", "granted", "20*", "387"]
    assert "documented default" in out


def test_a_quota_of_nothing_paints_nothing(run, account):
    account.quotas = {name: 0.0 for name in account.quotas}
    code, out = run()
    assert code == 1
    assert "Its quota is 0" in out


def test_a_quota_below_what_the_booth_keeps_to_is_said_with_the_remedy(run, account):
    account.quotas = {name: 5.0 for name in account.quotas}
    code, out = run()
    assert code == 0
    quota = f"us.{INPAINT}@us-west-2=5"
    assert f"The booth would ask it 20 times a minute: write {quota} in ImageModels." in out
    assert "would ask" not in run(CHAIN.replace("us-west-2", "us-west-2=5").replace("us-east-1", "us-east-1=5"))[1]


def test_an_operator_who_may_not_ask_is_told_so(run, account):
    account.denied.add("GetFoundationModel")
    code, out = run()
    assert code == 1
    assert row(out, f"us.{INPAINT}@us-east-1")[0] == "unknown"
    assert "Your credentials may not ask (GetFoundationModel)" in out


def test_a_model_without_codec_is_named(run):
    code, out = run("some.model@us-east-1")
    assert code == 1
    assert "some.model@us-east-1: The application has no codec for this model" in out


def test_sam_is_missing(run):
    code, out = run(endpoint="elsewhere")
    assert code == 1
    assert "SAM endpoint elsewhere: BAD, ValidationException" in out
    assert "Deploy it, or set SamEndpoint to its name" in out


def test_sam_has_capitals_in_its_name_which_its_arn_has_not(run, account):
    account.endpoints["Sam"] = "InService"
    arn = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/sam"
    code, out = run(endpoint="Sam")
    assert code == 1
    assert "SAM endpoint Sam: BAD, InService, but the booth may not call it" in out
    assert f"Set SamEndpointArn to {arn}." in out
    assert "may not call it" not in run(CHAIN, "Sam", f"SamEndpointArn={arn}")[1]


@pytest.mark.parametrize(("status", "advice"), [("Creating", "Wait"), ("Failed", "Deploy it anew")])
def test_sam_is_not_in_service(run, account, status, advice):
    account.endpoints["sam"] = status
    code, out = run()
    assert code == 1
    assert f"SAM endpoint sam: BAD, {status}" in out
    assert advice in out


def test_sam_is_in_service_but_fails(run, models):
    models.set("sagemaker", faults=[{"status": 500, "type": "ModelError", "message": "out of memory"}])
    code, out = run()
    assert code == 1
    assert "SAM endpoint sam: BAD, InService, but: ServiceUnavailable" in out
    assert models.calls("sagemaker") >= services.SAM_ATTEMPTS


def test_sam_that_wakes_up_slowly_is_asked_again(run, models):
    models.set("sagemaker", faults=[{"status": 500, "type": "ModelError", "message": "asleep", "times": 1}])
    assert run()[0] == 0


def test_sam_has_a_matte(run):
    code, out = run(CHAIN, "sam", "Keep=person")
    assert code == 0
    assert "SAM endpoint sam: ok, InService, masks a face, keeps heads and people" in out


@pytest.mark.parametrize(("keep", "code"), [("face", 0), ("head", 1), ("person", 1)])
@pytest.mark.parametrize("protocol", ["extended", "classic"])
def test_sam_has_no_matte_which_is_bad_where_the_stack_wants_one(run, models, keep, code, protocol):
    models.set("sagemaker", canned={"matte": False})
    found, out = run(CHAIN, "sam", f"Keep={keep}", f"SamProtocol={protocol}")
    assert found == code
    assert "masks a face; heads and people are not kept (NoMatte: " in out
    assert ("set Keep to face" in out) == bool(code)


def test_rekognition_that_is_denied_is_bad(run, models):
    models.set("rekognition", faults=[{"status": 400, "type": "AccessDeniedException", "message": "no"}])
    code, out = run()
    assert code == 1
    assert "Rekognition: BAD, AccessDenied" in out
    assert "Mend Rekognition first" in out


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ((), 1, "Rekognition: BAD, finds faces; moderation labels: AccessDenied"),
        (("WallModeration=off",), 0, "Rekognition: ok, finds faces"),
        (("WallModeration=off", "ModerationThreshold=80"), 1, "set WallModeration=off, ModerationThreshold=0"),
    ],
)
def test_moderation_labels_that_are_denied_are_bad_where_they_are_asked_for(run, models, given, code, told):
    denied = {"kind": "denied", "match": "*:DetectModerationLabels *"}
    models.set("rekognition", canned={"faces": 1}, faults=[denied])
    found, out = run(CHAIN, "sam", *given)
    assert (found, told in out) == (code, True), out


def test_parameters_are_those_of_sam_deploy(tmp_path):
    (tmp_path / "template.yaml").write_text(
        "Parameters: {SamEndpoint: {Type: String, Default: a}, ImageModels: {Type: String, Default: m@r}}\n"
        "Resources: {Table: {Name: !Sub '${X}', Arn: !GetAtt [A, B]}}\n"
    )
    (tmp_path / "samconfig.toml").write_text(
        'version = 0.1\n[dev.deploy.parameters]\nregion = "eu-west-1"\nparameter_overrides = ["SamEndpoint=b"]\n'
        "[prod.deploy.parameters]\nparameter_overrides = 'SamEndpoint=\"c\" ImageModels=n@s'\n"
    )
    read = parameters.read_parameters
    assert read(None, [], tmp_path) == {"SamEndpoint": "a", "ImageModels": "m@r"}
    assert read("dev", [], tmp_path) == {"SamEndpoint": "b", "ImageModels": "m@r", "Region": "eu-west-1"}
    assert read("prod", ["SamEndpoint=d"], tmp_path) == {"SamEndpoint": "d", "ImageModels": "n@s"}
    for env, overrides in (("nowhere", []), (None, ["Nothing=1"]), (None, ["SamEndpoint"])):
        with pytest.raises(parameters.ParameterError):
            read(env, overrides, tmp_path)


def test_the_templates_own_parameters_can_be_read():
    of_prod, defaults = parameters.read_parameters("prod", []), parameters.read_parameters(None, [])
    assert of_prod["ImageModels"].startswith(f"us.{INPAINT}@us-east-1,")
    assert defaults["ImageModels"].startswith(f"{TITAN}@us-east-1,")
    assert (of_prod["SamEndpoint"], defaults["SamEndpoint"]) == ("photo-booth-sam-prod", "photo-booth-sam")


def test_an_environment_that_is_none_is_told_with_those_that_are():
    for name in ("nowhere", "version"):
        with pytest.raises(parameters.ParameterError, match=f"no environment {name}; it has default, dev, prod\\."):
            parameters.read_parameters(name, [])


def test_a_profile_that_does_not_exist_is_named(environment, capsys):
    environment.setenv("AWS_PROFILE", "boooth")
    assert preflight.main([]) == 1
    assert "boooth" in capsys.readouterr().err


def test_without_a_region_it_says_what_to_set(environment, capsys):
    environment.delenv("AWS_DEFAULT_REGION")
    environment.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert preflight.main([]) == 1
    assert "AWS_DEFAULT_REGION" in capsys.readouterr().err


# What a new account has little of


def test_it_says_how_many_visitors_lambda_serves_at_once(run):
    code, out = run()

    assert code == 0
    assert (
        "Lambda: ok, 900 executions at once of 1000: 224 visitors at once with 3 pictures each, 81 if all are groups"
    ) in out


def test_a_new_account_serves_one_visitor_and_is_told_what_to_ask_for(run, account):
    account.executions = {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}

    code, out = run()

    assert code == 0
    assert "Lambda: ok, 10 executions at once of 10: 1 visitors at once with 3 pictures each, 1 if" in out
    assert 'Lambda: Ask AWS for more: Service Quotas, AWS Lambda, "Concurrent executions" (L-B99A9384).' in out


def test_an_account_whose_executions_others_have_taken_serves_nobody(run, account):
    account.executions = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 5}

    code, out = run()

    assert code == 1
    assert "Lambda: BAD, 5 executions at once of 1000" in out


def test_a_parameter_that_says_more_than_there_is_is_told(run):
    assert "LambdaConcurrency=1000 is more than there is: write 900" in run(CHAIN, "sam", "LambdaConcurrency=1000")[1]


def test_who_may_not_ask_lambda_is_told(run, account):
    account.denied.add("GetAccountSettings")

    code, out = run()

    assert code == 1
    assert "Lambda: BAD, AccessDeniedException" in out


@pytest.mark.parametrize(
    ("instances", "suffice", "advice"),
    [(None, False, True), (0.0, False, True), (1.0, True, True), (2.0, True, False)],
)
def test_the_endpoints_instances_and_twice_as_many_are_asked_for(account, instances, suffice, advice):
    quota = "ml.c7i.xlarge for endpoint usage"
    del account.instances[quota]
    if instances is not None:
        account.instances[quota] = instances

    found = services.check_instances("sam_model", "dev")

    assert found.is_usable == suffice
    assert found.todo == (f'Ask AWS for 2: Service Quotas, Amazon SageMaker, "{quota}".' if advice else "")
    assert quota in found.finding


def test_the_endpoint_that_is_ours_has_its_instances_looked_at(run):
    assert (
        "SageMaker: ok, ml.c7i.xlarge for endpoint usage: 4" in run(CHAIN, "photo-booth-sam-dev", "--config-env=dev")[1]
    )
    assert "SageMaker:" not in run(CHAIN, "sam", "--config-env=dev")[1]


# The painter of one's own

OWN = "endpoint@us-east-1"


@pytest.fixture
def here(environment):
    environment.setenv("AWS_DEFAULT_REGION", "us-east-1")


def test_an_endpoint_that_paints_as_fast_as_said_is_enough_for_an_event(run, account, here):
    account.painters = 2
    code, out = run("endpoint=12x2", "sam", "PaintEndpoint=paint")
    assert code == 0
    assert row(out, OWN) == ["active", "granted", "24", "480"]
    assert re.search(rf"^{OWN}: paints a picture in [0-9.]+ s, 2 instances\.$", out, re.MULTILINE)
    assert "endpoint in us-east-1 paints up to 480 photos an hour, 3 pictures each." in out
    assert "To do" not in out


def test_an_endpoint_with_fewer_instances_than_said_is_told(run, here):
    code, out = run(f"endpoint=12x3,{CHAIN}", "sam", "PaintEndpoint=paint")
    assert code == 0
    assert row(out, OWN) == ["active", "granted", "12", "240"]
    assert "It has 1 instances, and ImageModels counts on 3: raise MinInstances, or write endpoint=12x1." in out


@pytest.mark.parametrize(("seconds", "pace", "photos"), [(8.2, "7", 146), (90.0, "0.67", 14)])
def test_an_endpoint_that_is_slower_than_said_is_told_what_to_write(account, environment, here, seconds, pace, photos):
    file = io.BytesIO()
    Image.new("RGB", (1024, 1024)).save(file, "PNG")
    answer = {"image": base64.b64encode(file.getvalue()).decode(), "seconds": seconds}
    with serving(Response(json.dumps(answer))) as url:
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
        found = painter.check_painter(parse_chain("endpoint", "us-east-1")[0], "paint", preflight.PHOTO.read_bytes())
    assert found.is_usable and found.photos_an_hour == photos
    assert found.todo == [
        f"It paints a picture in {seconds} s, 1 instance, and the booth would ask an instance 12 times a minute: write "
        f"endpoint={pace} in ImageModels."
    ]


@pytest.mark.parametrize(
    ("status", "fault", "state", "told"),
    [
        (None, None, "off", "paint: ValidationException. Deploy it or turn it on"),
        ("Creating", None, "off", "paint is Creating. Wait until it is InService."),
        ("Failed", None, "off", "paint is Failed. Deploy it anew"),
        ("InService", {"kind": "restarting"}, "active", "InService, but: ServiceUnavailable"),
        ("InService", {"kind": "refused"}, "active", "InService, but: RequestRefused"),
        ("InService", {"kind": "no-picture"}, "active", "InService, but: UnknownAnswer"),
        ("InService", {"kind": "denied"}, "active", "Look at the function's role"),
    ],
)
def test_an_endpoint_that_does_not_paint_is_told(run, account, models, here, status, fault, state, told):
    account.endpoints["paint"] = status
    models.set("painter", faults=[fault] if fault else [])
    code, out = run("endpoint", "sam", "PaintEndpoint=paint")
    assert code == 1
    assert row(out, OWN)[0] == state
    assert told in out
    assert "No candidate is usable" in out


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["ImageModels=endpoint=3"], "ImageModels names endpoint, but PaintEndpoint is empty"),
        (["PaintEndpoint=paint"], "PaintEndpoint is paint, but ImageModels does not name it"),
    ],
)
def test_an_endpoint_that_is_named_on_one_side_only_is_refused_before_anything_is_deployed(given, told, capsys):
    assert preflight.main(given) == 1
    assert told in capsys.readouterr().err
    with pytest.raises(stack.StackError, match=told):
        stack.deploy("dev", given)


def test_the_quota_of_the_painters_instances_is_asked_in_its_own_region(account):
    account.instances = {"ml.g5.xlarge for endpoint usage": 1.0}
    found = services.check_instances("paint_model", "dev", "ap-northeast-2")
    assert (found.is_usable, found.finding[:36]) == (True, "ml.g5.xlarge for endpoint usage: 1; ")
