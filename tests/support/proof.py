"""`make prove` in an account of nobody's: its steps on small stacks, refusals and interruptions."""

import contextlib
import io
import json
import sys
from functools import cache

import boto3
import pytest
from moto.cloudformation.models import cloudformation_backends
from werkzeug.wrappers import Request, Response

from deploy import stack
from local.aws_errors import error
from local.emulator.services import Emulator, forget_all
from prove import __main__ as program
from prove import money, report, stacks, steps
from prove.state import State
from prove.step import Context, Failure, Step, deployed, name_of
from tests.support.serving import serving

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
KEPT = """<member><LogicalResourceId>Logs</LogicalResourceId><PhysicalResourceId>the-logs</PhysicalResourceId>
<ResourceType>AWS::S3::Bucket</ResourceType><LastUpdatedTimestamp>2026-11-28T12:00:00Z</LastUpdatedTimestamp>
<ResourceStatus>DELETE_SKIPPED</ResourceStatus></member>"""
EVENTS = """<DescribeStackEventsResponse><DescribeStackEventsResult><StackEvents><member>
<StackId>arn:aws:cloudformation:us-east-1:123456789012:stack/photo-booth-prove-dev/1</StackId><EventId>1</EventId>
<StackName>photo-booth-prove-dev</StackName><LogicalResourceId>Results</LogicalResourceId>
<Timestamp>2026-11-28T12:00:00Z</Timestamp><ResourceStatus>DELETE_FAILED</ResourceStatus>
<ResourceStatusReason>The bucket you tried to delete is not empty</ResourceStatusReason>
</member></StackEvents></DescribeStackEventsResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</DescribeStackEventsResponse>"""

ALL = "all calls"
SHORT = ("deploy dev", "deploy prod", "state by state")
"""The steps that need nothing but the small stack."""
NAMES = [each.name for each in [*steps.all_steps(test_states=True), *steps.last_steps()]]


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


def fail(context):
    raise Failure("the photo ended FAILED")


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
    count = len(NAMES) - len(steps.last_steps())
    return context, script[:count], script[count:], said
