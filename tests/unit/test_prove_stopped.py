"""What `make prove` does when it is refused, broken off or stopped: it says what stands, and how to go on."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import boto3
import pytest

from deploy import stack
from deploy.build import ROOT
from prove import __main__ as program
from prove import chain, report, stacks
from prove.state import load
from prove.step import Failure, Step, Stopped
from tests.support import proof
from tests.support.credentials import FAKE_CREDENTIALS
from tests.support.proof import ALL, DEV, EVENTS, KEPT, NAMES, PROD, SHARED, fail, scripted, standing, the_report
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.starts
served, door, prove = proof.served, proof.door, proof.prove


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
def test_what_is_left_over_is_listed_with_what_removes_it_and_is_no_success(prove, door, tmp_path, by_clean):
    def leave(context):
        door.kept = KEPT
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
        "AWS::S3::Bucket the-logs, which CloudFormation kept",
    ):
        assert left in text
        assert left.split(": `")[0].split(":lost")[0] in said


def test_what_a_proof_in_another_region_has_made_is_not_left_over(door, tmp_path):
    state = scripted(tmp_path, "")[0].state
    state.begun[DEV] = "gone"
    iam, trust = boto3.client("iam"), '{"Version": "2012-10-17", "Statement": []}'
    for name, ids in (("ours", [state.id]), ("untold", []), ("another", ["another"])):
        tags = [{"Key": stacks.TAG, "Value": value} for value in ids]
        iam.create_role(RoleName=f"{DEV}-{name}", AssumeRolePolicyDocument=trust, Tags=tags)
    for bucket, options in (
        ("here", {}),
        ("there", {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}),
    ):
        boto3.client("s3").create_bucket(Bucket=f"{DEV}-{bucket}", **options)
    assert sorted(what for what, _ in stacks.left_over(state)) == [
        f"bucket {DEV}-here",
        f"role {DEV}-ours",
        f"role {DEV}-untold",
    ]


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


def test_a_terminal_that_is_gone_stops_no_word_from_being_kept(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    gone = os.fdopen(writer, "w")
    monkeypatch.setattr(sys, "stdout", gone)
    program.say("anybody?")
    monkeypatch.undo()
    with contextlib.suppress(OSError):
        gone.close()
