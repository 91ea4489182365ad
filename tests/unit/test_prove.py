"""`make prove`: what it may cost is said first, it stops cleanly at each failure, and never leaves anything unsaid."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from functools import cache
from types import SimpleNamespace

import boto3
import pytest
from moto.cloudformation.models import cloudformation_backends
from werkzeug.wrappers import Request, Response

from deploy import stack
from deploy.build import ROOT
from local.aws_errors import error
from local.emulator.services import Emulator, forget_all
from operate.image_models import CandidateCheck
from operate.services import ServiceCheck
from prove import __main__ as program
from prove import chain, money, page, report, stacks, steps, watch
from prove.state import State, load
from prove.step import Context, Failure, NotTried, Step, Stopped, deployed, name_of
from tests.support.credentials import FAKE_CREDENTIALS
from tests.support.serving import serving
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.starts

DEV, PROD = map(name_of, ("dev", "prod"))
BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Sub": "${AWS::StackName}-results"}}}
TEMPLATE = {"Resources": {"Results": BUCKET, "LostCalls": {"Type": "AWS::SQS::Queue"}}}
SHARED = {
    "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "sams"}}},
    "Outputs": {"SourceBucket": {"Value": {"Ref": "Bucket"}}},
}
"""What `sam deploy` makes for itself, once in a Region."""


RESOURCES = """<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries>%s
</StackResourceSummaries></ListStackResourcesResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</ListStackResourcesResponse>"""


EVENTS = """<DescribeStackEventsResponse><DescribeStackEventsResult><StackEvents><member>
<StackId>arn:aws:cloudformation:us-east-1:123456789012:stack/photo-booth-prove-dev/1</StackId><EventId>1</EventId>
<StackName>photo-booth-prove-dev</StackName><LogicalResourceId>Results</LogicalResourceId>
<Timestamp>2026-11-28T12:00:00Z</Timestamp><ResourceStatus>DELETE_FAILED</ResourceStatus>
<ResourceStatusReason>The bucket you tried to delete is not empty</ResourceStatusReason>
</member></StackEvents></DescribeStackEventsResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</DescribeStackEventsResponse>"""

ALL = "all calls"


class Door:
    """Stands before an account: tells which calls came, and refuses those that a test names."""

    def __init__(self):
        self.behind, self.calls, self.refused, self.kept, self.events = Emulator({}), [], "", "", ""

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        call = call_of(Request(environ | {"wsgi.input": io.BytesIO(body)}))
        environ["wsgi.input"] = io.BytesIO(body)
        self.calls.append(call)
        if self.refused in (call, ALL):
            words = f"User arn:aws:iam::123456789012:user/me is not authorized to perform {call}"
            denied = error(Request(environ), 403, "AccessDenied", words)
            if b"Action=" in body:  # the query protocol's
                told = f"<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{words}</Message></Error>"
                told = f"<ErrorResponse>{told}<RequestId>1</RequestId></ErrorResponse>"
                denied = Response(told, 403, content_type="text/xml")
            elif "HTTP_X_AMZ_TARGET" in environ:
                denied = error(Request(environ), 400, "AccessDeniedException", words)
            return denied(environ, start_response)
        if call == "cloudformation.ListStackResources":
            # moto would make a deleted stack's resources anew; AWS tells for 90 days what became of them.
            name = Request(environ | {"wsgi.input": io.BytesIO(body)}).form["StackName"]
            if name in cloudformation_backends["123456789012"]["us-east-1"].deleted_stacks:
                return Response(RESOURCES % self.kept, content_type="text/xml")(environ, start_response)
        if call == "cloudformation.DescribeStackEvents" and self.events:
            return Response(self.events, content_type="text/xml")(environ, start_response)
        return self.behind(environ, start_response)


def call_of(request):
    """service.Action; S3's, which has none, by the method and what is asked for."""
    service = request.headers["Authorization"].split("/")[3]
    if service == "s3":
        return f"s3.{request.method}{'versions' if 'versions' in request.args else ''}"
    target = request.headers.get("X-Amz-Target", "") or request.path
    return f"{service}.{request.form.get('Action') or target.replace('/', '.').rpartition('.')[2]}"


@pytest.fixture(scope="module")
def served():
    """The door with its address, and boto3's clients of it, each made once."""
    door = Door()
    with serving(door) as url:
        yield door, url, cache(boto3.client)


@pytest.fixture
def door(served, environment, monkeypatch, tmp_path):
    """An account of nobody's, in whose place of `sam deploy` CloudFormation makes a small stack."""
    door, url, client = served
    environment.setenv("AWS_ENDPOINT_URL", url)
    environment.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(boto3, "client", client)

    def deploy(environment, given, more):
        options = dict(zip(more[::2], more[1::2], strict=False))
        key, _, value = options["--tags"].partition("=")
        client = boto3.client("cloudformation")
        tags = [{"Key": key, "Value": value}]
        with contextlib.suppress(client.exceptions.AlreadyExistsException):  # nothing to update
            client.create_stack(StackName=options["--stack-name"], TemplateBody=json.dumps(TEMPLATE), Tags=tags)

    monkeypatch.setattr(stack, "deploy", deploy)
    monkeypatch.setattr(steps, "LISTED_SECONDS", 0)
    monkeypatch.setattr(program, "ROOT", tmp_path)
    boto3.client("cloudformation").create_stack(StackName=stack.SAM_STACK, TemplateBody=json.dumps(SHARED))
    door.calls.clear()
    yield door
    door.refused = door.kept = door.events = ""
    forget_all()
    deployed.cache_clear()


SHORT = ("deploy dev", "deploy prod", "state by state")
"""The steps that need nothing but the small stack."""


@pytest.fixture
def prove(door, monkeypatch, capsys, tmp_path):
    """`make prove` with these steps before the last ones; gives exit status, and all that was said."""
    whole = steps.all_steps

    def prove(*arguments, more=(), answers=()):
        def chosen(test_states=False):
            return [each for each in whole(test_states) if each.name in SHORT] + list(more)

        monkeypatch.setattr(steps, "all_steps", chosen)
        given = iter(answers)
        monkeypatch.setattr("builtins.input", lambda question: print(question) or next(given))
        monkeypatch.setattr(sys, "stdin", Terminal(bool(answers)))
        monkeypatch.setattr(sys, "argv", ["prove", *arguments])
        status = program.main()
        return status, "".join(capsys.readouterr())

    return prove


class Terminal:
    def __init__(self, is_one):
        self.isatty = lambda: is_one


def standing():
    found = boto3.client("cloudformation").describe_stacks()["Stacks"]
    return {each["StackName"] for each in found} - {stack.SAM_STACK}


def the_report(tmp_path):
    return (tmp_path / "out" / "prove-us-east-1" / report.NAME).read_text("utf-8")


def test_all_of_it_and_nothing_is_left_over(prove, door, tmp_path):
    status, said = prove(answers=["y"])

    assert status == 0, said
    assert standing() == set()
    text = the_report(tmp_path)
    assert (
        f"| deploy dev | {DEV} is CREATE_COMPLETE, or UPDATE_COMPLETE if this was repeated | {DEV} is CREATE_COMPLETE, "
        "with 2 resources | as expected |"
    ) in text
    assert "**All came as expected.**" in text
    assert "| what is left over | nothing | nothing | as expected |" in text
    assert "123456789012" not in text + said
    assert prove("--clean") == (0, "Nothing of make prove's stands in us-east-1.\n")


def test_it_asks_before_it_spends_and_says_the_most_that_it_can_cost(prove, door):
    status, said = prove(answers=["n"])
    assert status == 1
    assert "costs at most $" in said and "Nothing was begun." in said
    assert prove()[1].endswith('Nobody can be asked here: say yes by make prove ARGS="--yes".\n')
    assert standing() == set()
    assert {call for call in door.calls if "Create" in call or "PUT" in call} == set()


def test_all_of_it_costs_less_than_a_dollar(door, tmp_path):
    context = Context("us-east-1", tmp_path, State(tmp_path / "state.json", ""), print, money.prices())
    words, dollars = program.statement(context, steps.all_steps())
    assert 0.5 < dollars < 1
    assert f"${dollars:.2f}" in words


@pytest.mark.parametrize("tags", [[], [{"Key": stacks.TAG, "Value": "another proof's"}]])
@pytest.mark.parametrize("arguments", [(), ("--clean",)])
def test_a_stack_that_somebody_else_made_is_not_touched(prove, door, tags, arguments):
    boto3.client("cloudformation").create_stack(StackName=PROD, TemplateBody=json.dumps(TEMPLATE), Tags=tags)
    door.calls.clear()
    status, said = prove(*arguments, answers=["y"])
    assert status == 1
    assert said.startswith(f"There is a stack {PROD} that this proof did not make, so nothing is done")
    assert set(door.calls) <= {"sts.GetCallerIdentity", "cloudformation.DescribeStacks"}


def fail(context):
    raise Failure("the photo ended FAILED")


def test_a_failure_says_what_stands_and_the_next_one_goes_on_there(prove, tmp_path):
    did = []
    status, said = prove(more=[Step("visit", "a picture", fail)], answers=["y", "n"])
    assert status == 1
    assert f"{DEV} stands in us-east-1: CREATE_COMPLETE." in said
    assert "make prove goes on where this ended; make prove ARGS=--clean destroys it" in said
    assert "| visit | a picture | the photo ended FAILED | OTHERWISE |" in the_report(tmp_path)
    assert standing() == {DEV, PROD}

    visit = Step("visit", "a picture", lambda context: did.append(1) or "a picture")
    status, said = prove(more=[visit], answers=["y"])
    assert (status, did, standing()) == (0, [1], set())
    assert "== deploy dev" not in said


def test_after_a_failure_a_yes_destroys(prove):
    status, said = prove(more=[Step("visit", "a picture", fail)], answers=["y", "y"])
    assert (status, standing()) == (1, set())
    assert "== what is left over: nothing" in said


def test_what_one_has_left_clean_destroys(prove):
    assert prove("--yes", more=[Step("visit", "a picture", fail)])[0] == 1
    assert standing() == {DEV, PROD}
    status, said = prove("--clean")
    assert (status, standing()) == (0, set()), said


def not_here(context):
    raise NotTried("there is no browser here")


def test_what_can_not_be_tried_is_told_and_stops_nothing(prove, tmp_path):
    status, said = prove("--yes", more=[Step("page", "a visit", not_here)])
    assert status == 0
    assert said.splitlines()[-2] == "Not tried: page, there is no browser here"
    text = the_report(tmp_path)
    assert "| page | a visit | there is no browser here | not tried |" in text
    assert "**not tried: page.**" in text


def test_what_could_not_be_tried_is_tried_when_it_goes_on(door, tmp_path):
    context, *_ = scripted(tmp_path, "")
    assert chain.prove(context, [Step("page", "a visit", not_here)], [], print) == 0
    assert chain.prove(context, [Step("page", "a visit", lambda context: "it came")], [], print) == 0
    assert context.state.rows["page"]["came"] == "it came"


@pytest.mark.parametrize("problem", ["", "2 answers of states differ"])
def test_step_functions_is_asked_of_each_state_behind_a_flag_that_is_remembered(prove, monkeypatch, tmp_path, problem):
    asked = []

    def check(machine, say):
        asked.append(machine)
        if problem:
            raise stack.StackError(problem)
        return "all answers"

    monkeypatch.setattr(steps.states, "check", check)
    monkeypatch.setattr(Context, "stack", lambda self, environment: SimpleNamespace(machine=environment))
    assert prove("--yes", more=[Step("visit", "a picture", fail)])[0] == 1
    assert asked == []
    status, said = prove("--yes", "--test-states")
    assert (status, asked) == (bool(problem), ["dev"])
    assert f"{steps.states.count()} states tested, each reckoned as a transition" in said
    assert f"| state by state | {STATES_EXPECTED} | {problem or 'all answers'} |" in the_report(tmp_path)
    if problem:  # without the flag, too
        assert (prove("--yes")[0], asked) == (1, ["dev", "dev"])


STATES_EXPECTED = "the definition is OK; each state answers as was recorded"


def test_other_parameters_prove_everything_anew(prove, tmp_path):
    assert prove("--yes", more=[Step("visit", "a picture", fail)])[0] == 1
    said = prove("--yes", "LogLevel=DEBUG", more=[Step("visit", "a picture", fail)])[1]
    assert "== deploy dev" in said
    assert "== deploy dev" not in prove("--yes", "LogLevel=DEBUG")[1]
    assert "samconfig.toml's: LogLevel." in the_report(tmp_path)


def test_a_defect_leaves_nothing_standing_unsaid(prove):
    status, said = prove("--yes", more=[Step("visit", "a picture", lambda context: {}["no such thing"])])
    assert status == 1
    assert "a defect of make prove: KeyError" in said and f"{PROD} stands in us-east-1" in said


@pytest.mark.parametrize("with_sam", [True, False])
def test_alarms_are_waited_for_and_only_a_missing_sam_endpoint_excuses_one(door, tmp_path, monkeypatch, with_sam):
    context, *_, said = scripted(tmp_path, "")
    context.state.with_sam = dict.fromkeys(("dev", "prod"), with_sam)
    with pytest.raises(Failure, match=f"{DEV} has no alarm"):
        watch.alarms(context)
    cloudwatch = boto3.client("cloudwatch")
    for name in (f"{each}-{alarm}" for each in (DEV, PROD) for alarm in ("door-errors", "faces-not-segmented")):
        cloudwatch.put_metric_alarm(
            AlarmName=name, ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, Threshold=1
        )
        state = "ALARM" if "faces" in name else "INSUFFICIENT_DATA"
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="told")

    passed = []

    def comes_to_be(pause):
        passed.append(pause)
        for name in (f"{each}-door-errors" for each in (DEV, PROD)):
            cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="told")

    clock = SimpleNamespace(sleep=comes_to_be, monotonic=lambda: watch.SECONDS * len(passed) * 2)
    monkeypatch.setattr(watch, "time", clock)
    if with_sam:
        with pytest.raises(Failure, match=f"not OK: {DEV}-faces-not-segmented ALARM, {PROD}-faces-not-segmented ALARM"):
            watch.alarms(context)
    else:
        assert watch.alarms(context).startswith("4 alarms are OK (faces-not-segmented of dev and prod apart")
    assert f"{PROD}-door-errors INSUFFICIENT_DATA" in said[0]


def test_the_preflight_refuses_what_can_not_paint_and_names_the_endpoints_that_are_called(tmp_path, monkeypatch):
    context = scripted(tmp_path, "")[0]
    paints = CandidateCheck("a-model", "us-east-1", state="active", access="granted", requests_a_minute=20)
    services = [
        ServiceCheck("Rekognition", True, "finds faces"),
        ServiceCheck("SAM endpoint photo-booth-sam-dev", True, "answers"),
        ServiceCheck("SageMaker", False, "no quota", "Ask AWS."),
    ]
    monkeypatch.setattr(steps.preflight, "check", lambda parameters, environment: ([paints], services))
    context.state.overrides = ["ImageModels=endpoint=1x1", "PaintEndpoint=painter"]
    assert steps.check_account(context) == "usable; the SAM endpoint of dev and prod answers"
    assert context.state.endpoints == ["painter", "photo-booth-sam-dev", "photo-booth-sam-prod"]

    services[1] = ServiceCheck("SAM endpoint photo-booth-sam-dev", False, "there is none", "Deploy it.")
    assert steps.check_account(context) == "usable; no SAM endpoint: ellipses are kept"
    services[0] = ServiceCheck("Rekognition", False, "ServiceUnavailable", "Check the Region.")
    with pytest.raises(Failure, match=r"^dev: Rekognition, ServiceUnavailable. Check the Region.; prod: Rekog"):
        steps.check_account(context)
    paints.access = "denied"
    with pytest.raises(Failure, match=r"^dev: no image model is usable; dev: Rekognition"):
        steps.check_account(context)


def test_the_page_is_not_tried_without_a_browser_or_where_a_pad_needs_a_token(tmp_path, monkeypatch):
    context = scripted(tmp_path, "")[0]
    dev = SimpleNamespace(token="")
    monkeypatch.setattr(Context, "stack", lambda self, environment: dev)
    monkeypatch.setattr(page.machine, "find_browser", lambda: None)
    with pytest.raises(NotTried, match="there is no browser here"):
        page.visit(context)
    dev.token = "a token"
    with pytest.raises(NotTried, match="give dev a token"):
        page.visit(context)


@pytest.mark.parametrize(
    "hidden",
    [
        "123456789012",
        "photo/secret-secret.jpg",
        "https://d1.cloudfront.net/photo/photo_1_secret_1.jpeg",
        "https://d1.cloudfront.net/#visit=secret",
        "https://d1.cloudfront.net/#pair=secret",
        "https://b.s3.us-east-1.amazonaws.com/k?X-Amz-Signature=secret&X-Amz-Date=1",
    ],
)
def test_no_report_has_an_account_or_what_opens_a_visit(hidden):
    text = report.scrubbed(f'goto: net::ERR_FAILED at "{hidden}", in stack/photo-booth-prove-dev')
    assert "123456789012" not in text and "secret" not in text and text.endswith(", in stack/photo-booth-prove-dev")


def test_without_git_the_commit_is_unknown(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert report.commit() == "unknown"


# Refusals


def calls_of_a_proof():
    """The kinds of calls that a whole proof makes, deployment and visits apart."""
    return [
        "sts.GetCallerIdentity",
        "cloudformation.DescribeStacks",
        "cloudformation.ListStackResources",
        "monitoring.DescribeAlarms",
        "s3.GETversions",
        "cloudformation.DeleteStack",
        "tagging.GetResources",
        "s3.GET",
        "logs.DescribeLogGroups",
        "iam.ListRoles",
    ]


@pytest.mark.parametrize("call", calls_of_a_proof())
def test_a_refusal_of_any_call_ends_it_with_the_reason_and_what_stands(prove, door, call):
    door.refused = call
    status, said = prove("--yes")
    assert status == 1
    assert "AccessDenied" in said and "Traceback" not in said and "123456789012" not in said
    left = standing_behind(door)
    assert all(name in said for name in left), said
    status, said = prove("--clean") if left else (0, "")
    assert (status, standing_behind(door)) == (0, set()), said


def standing_behind(door):
    door.refused = ""
    return standing()


def test_credentials_that_expire_in_the_middle_leave_nothing_unsaid(prove, door):
    def expire(context):
        door.refused = ALL
        boto3.client("sts").get_caller_identity()

    status, said = prove("--yes", more=[Step("visit", "a picture", expire)])
    assert status == 1
    for name in (DEV, PROD):
        assert f"{name} may stand in us-east-1: AWS was asked, and answered An error occurred (AccessDenied" in said
    for arguments in ((), ("--clean",)):  # it says so before it asks AWS
        status, said = prove(*arguments)
        assert status == 1 and said.startswith(f"{DEV} and {PROD} may stand in us-east-1 since ")


def test_a_folder_that_can_no_longer_be_written_stops_what_would_cost_and_is_told(prove, tmp_path):
    blocked = tmp_path / "out" / "prove-us-east-1" / "state.new"

    def spend(context):
        blocked.mkdir()
        context.ask_pictures(1)

    status, said = prove("--yes", more=[Step("visit", "a picture", spend, pictures=1)])
    assert status == 1
    assert "can't be written: [Errno 21]" in said
    assert f"{DEV} stands in us-east-1: CREATE_COMPLETE." in said
    status, said = prove("--clean")
    assert (status, standing()) == (1, set()), said
    blocked.rmdir()
    assert prove("--clean")[0] == 0


def test_these_are_all_the_calls(prove, door):
    prove("--yes")
    made = set(door.calls) - {"cloudformation.CreateStack"}
    assert made == set(calls_of_a_proof())


# A stack that was rolled back


@pytest.mark.parametrize("status_of_dev", ["ROLLBACK_COMPLETE", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"])
def test_a_broken_stack_says_why_and_goes_before_it_is_deployed_anew(prove, door, monkeypatch, status_of_dev):
    deploy, found = stack.deploy, stacks.find

    def roll_back(environment, given, more):
        deploy(environment, given, more)
        raise stack.StackError("sam has not deployed it; the reason is above.")

    def rolled_back(name):
        told = found(name)
        return told and told | {"StackStatus": status_of_dev}

    monkeypatch.setattr(stack, "deploy", roll_back)
    monkeypatch.setattr(stacks, "find", rolled_back)
    status, said = prove("--yes")
    assert status == 1
    assert f"{DEV} stands in us-east-1: {status_of_dev}." in said
    monkeypatch.setattr(stack, "deploy", deploy)
    door.calls.clear()
    monkeypatch.setattr(stacks, "find", lambda name: rolled_back(name) if not door.calls.count(DELETE) else found(name))
    status, said = prove("--yes")
    assert status == 0, said
    assert f"{DEV} is {status_of_dev}: it is deleted, and deployed anew" in said


def test_a_stack_that_can_not_be_deleted_says_why(prove, door, monkeypatch):
    def refuse(name, say):
        door.events = EVENTS
        raise stack.StackError(f"{name} could not be deleted.")

    monkeypatch.setattr(stack, "destroy", refuse)
    status, said = prove("--yes")
    assert status == 1
    assert f"OTHERWISE: {PROD} could not be deleted. Results: The bucket you tried to delete is not empty" in said
    assert f"{PROD} stands in us-east-1" in said


@pytest.mark.parametrize("ends", [True, False])
def test_what_cloudformation_still_does_is_waited_for(door, monkeypatch, tmp_path, ends):
    context, *_, said = scripted(tmp_path, "")
    statuses = iter(["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"] if ends else ())
    monkeypatch.setattr(stacks, "find", lambda name: begun | {"StackStatus": next(statuses)})
    monkeypatch.setattr(stacks, "SETTLE_PAUSE_SECONDS", 0)
    monkeypatch.setattr(stacks, "SETTLE_SECONDS", stacks.SETTLE_SECONDS if ends else -1)
    begun = {"StackName": DEV, "StackId": "1", "StackStatus": "UPDATE_IN_PROGRESS"}
    if ends:
        assert stacks._settled(context, begun)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert said == [f"{DEV} is UPDATE_IN_PROGRESS; waiting", f"{DEV} is UPDATE_ROLLBACK_IN_PROGRESS; waiting"]
    else:
        with pytest.raises(Failure, match=f"{DEV} is UPDATE_IN_PROGRESS, after"):
            stacks._settled(context, begun)


DELETE = "cloudformation.DeleteStack"


# What is left over


@pytest.mark.parametrize("by_clean", [False, True])
def test_what_is_left_over_is_listed_with_what_removes_it_and_is_no_success(prove, tmp_path, by_clean):
    def leave(context):
        boto3.client("s3").create_bucket(Bucket=f"{DEV}-results-abc")
        boto3.client("logs").create_log_group(logGroupName=f"/aws/lambda/{PROD}-Photo-abc")
        tags = [{"Key": stacks.TAG, "Value": context.state.id}]
        boto3.client("sqs").create_queue(QueueName="lost", tags={each["Key"]: each["Value"] for each in tags})
        return "left"

    more = [Step("leave", "nothing", leave), *([Step("visit", "a picture", fail)] if by_clean else [])]
    status, said = prove("--yes", more=more)
    if by_clean:
        status, said = prove("--clean")
    assert status == 1
    text = the_report(tmp_path)
    for left in (
        f"bucket {DEV}-results-abc: `aws s3 rb --force s3://{DEV}-results-abc`",
        f"log group /aws/lambda/{PROD}-Photo-abc: `aws logs delete-log-group",
        "arn:aws:sqs:us-east-1:<account>:lost in us-east-1",
    ):
        assert left in text
        assert left.split(": `")[0].split(":lost")[0] in said


def test_the_bucket_of_sam_goes_if_it_was_not_there_before(prove, door, monkeypatch):
    boto3.client("cloudformation").delete_stack(StackName=stack.SAM_STACK)
    deploy = stack.deploy

    def deploy_with_bucket(environment, given, more):
        if environment == "dev":
            client = boto3.client("cloudformation")
            client.create_stack(StackName=stack.SAM_STACK, TemplateBody=json.dumps(SHARED))
        deploy(environment, given, more)

    monkeypatch.setattr(stack, "deploy", deploy_with_bucket)
    status, said = prove("--yes")
    assert status == 0, said
    assert boto3.client("cloudformation").describe_stacks()["Stacks"] == []


# Ctrl-C, SIGTERM, and a terminal that is gone


def interrupt(name):
    """A step's place taken by Ctrl-C."""

    def do(context):
        raise KeyboardInterrupt

    return Step(name, "nothing", do)


NAMES = [each.name for each in [*steps.all_steps(), *steps.last_steps()]]


@pytest.mark.parametrize("at", NAMES)
def test_ctrl_c_at_each_step_says_what_stands_and_destroys_it_if_told_to(door, tmp_path, at):
    context, script, last, said = scripted(tmp_path, at)
    questions = []
    status = chain.prove(context, script, last, lambda question: bool(questions.append(question)))
    begun = "deploy dev" in context.state.rows and context.state.rows["deploy dev"]["outcome"] == "as expected"
    said = "\n".join(said)
    assert status == 130
    assert context.state.rows[at]["outcome"] == "stopped"
    assert "may stand" in said or "No stack stands" in said or "stands in" in said, said
    assert bool(questions) == begun == (DEV in said)
    assert load(context.state.path) == context.state
    assert f"| {at} |" in (tmp_path / report.NAME).read_text("utf-8")


def scripted(tmp_path, at, stop=None):
    """Every step's name with nothing behind it but that "deploy dev" makes a stack; at one Ctrl-C, or `stop`."""
    state = State(tmp_path / "state.json", "")
    said = []
    context = Context("us-east-1", tmp_path, state, said.append, money.prices())

    def do(name):
        def done(context):
            if name == at:
                raise stop or KeyboardInterrupt
            if name == "deploy dev":
                tags = [{"Key": stacks.TAG, "Value": state.id}]
                boto3.client("cloudformation").create_stack(StackName=DEV, TemplateBody=json.dumps(TEMPLATE), Tags=tags)
                state.begun[DEV] = ""
            return "it came"

        return done

    script = [Step(name, "it comes", do(name)) for name in NAMES]
    count = len(steps.all_steps())
    return context, script[:count], script[count:], said


@pytest.mark.parametrize("at", ["deploy prod", "alarms", "destroy dev"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_and_a_dead_terminal_end_it_without_a_question(door, tmp_path, at, number):
    context, script, last, said = scripted(tmp_path, at, Stopped(number))

    def ask(question):
        raise AssertionError("nobody is there to be asked")

    door.calls.clear()
    assert chain.prove(context, script, last, ask) == 128 + number
    assert f"{DEV} may stand in us-east-1; what AWS has begun with it goes on." in said
    assert "make prove ARGS=--clean" in (tmp_path / report.NAME).read_text("utf-8")


@pytest.mark.parametrize("when", ["asked", "destroying"])
def test_a_second_ctrl_c_ends_it_with_the_last_word(door, tmp_path, when):
    context, script, last, said = scripted(tmp_path, "alarms")
    if when == "destroying":
        last = [interrupt(last[0].name), *last[1:]]

    def ask(question):
        if when == "asked":
            raise KeyboardInterrupt
        return True

    assert chain.prove(context, script, last, ask) == 130
    assert f"{DEV} may stand in us-east-1; what AWS has begun with it goes on." in said


def test_a_further_signal_breaks_off_no_last_words(door, tmp_path):
    context, script, last, said = scripted(tmp_path, "alarms", Stopped(signal.SIGTERM))

    def say(text):
        said.append(text)
        if text == "\nStopped.":
            os.kill(os.getpid(), signal.SIGINT)

    context.say = say
    assert chain.prove(context, script, last, print) == 128 + signal.SIGTERM
    assert said[-1].startswith("The report: ")
    assert load(context.state.path).rows["alarms"]["outcome"] == "stopped"


def test_who_is_to_outlive_its_terminal_does(prove):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert prove("--clean")[0] == 0
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


WAITING = """
import sys, time
from pathlib import Path
from prove import chain
from prove.money import prices
from prove.state import State
from prove.step import Context, Step

def wait(context):
    context.state.begun["photo-booth-prove-dev"] = ""
    context.say("waiting")
    time.sleep(600)

folder = Path(sys.argv[1])
context = Context("us-east-1", folder, State(folder / "state.json", ""), lambda text: print(text, flush=True), prices())
sys.exit(chain.prove(context, [Step("wait", "an end", wait)], [], lambda question: False))
"""


def test_ctrl_c_in_a_process_of_its_own(tmp_path):
    nobody = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1", "AWS_DEFAULT_REGION": "us-east-1"}
    environment = os.environ | FAKE_CREDENTIALS | nobody
    command = ["env", "--default-signal=INT", sys.executable, "-c", WAITING, tmp_path]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("== wait") and process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert f"{DEV} may stand in us-east-1: AWS was asked, and answered Could not connect" in said
    assert load(tmp_path / "state.json").rows["wait"]["outcome"] == "stopped"


def test_no_step_asks_for_more_pictures_than_were_stated(door, tmp_path):
    context, *_ = scripted(tmp_path, "")
    greedy = Step("visit", "a picture", lambda context: context.ask_pictures(1) or context.ask_pictures(1), pictures=1)
    assert chain.prove(context, [greedy], [], lambda question: False) == 1
    assert context.state.rows["visit"]["came"] == "1 pictures more would cost more than was stated; none was asked for"
    assert context.state.pictures == 1


def test_a_proof_in_another_account_is_not_taken_for_this_ones(prove, tmp_path):
    prove("--yes", more=[Step("visit", "a picture", fail)])
    file = tmp_path / "out" / "prove-us-east-1" / "state.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"account": "another"}))
    for arguments in ((), ("--clean",)):
        status, said = prove(*arguments)
        assert status == 1 and "a proof in another account" in said


def test_two_at_once_in_a_region_are_one_too_many(prove, tmp_path):
    with program.alone(tmp_path / "out" / "prove-us-east-1"):
        status, said = prove("--yes")
    assert status == 1 and "Another make prove is at work" in said


def test_a_terminal_that_is_gone_stops_no_word_from_being_kept(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    gone = os.fdopen(writer, "w")
    monkeypatch.setattr(sys, "stdout", gone)
    program.say("anybody?")
    monkeypatch.undo()
    with contextlib.suppress(OSError):
        gone.close()
