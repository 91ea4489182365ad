"""`make prove`: what it may cost is said first, it stops cleanly at each failure, and never leaves anything unsaid."""

import json
from types import SimpleNamespace

import boto3
import pytest

from deploy import stack
from operate.image_models import CandidateCheck
from operate.services import ServiceCheck
from prove import __main__ as program
from prove import chain, money, page, report, stacks, steps, watch
from prove.state import State
from prove.step import Context, Failure, NotTried, Step
from tests.support import proof
from tests.support.proof import DEV, PROD, TEMPLATE, fail, scripted, standing, the_report

pytestmark = pytest.mark.starts
served, door, prove = proof.served, proof.door, proof.prove


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
