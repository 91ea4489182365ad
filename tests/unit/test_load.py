"""The figures of the load, and that a broken promise is seen."""

from collections import Counter
from types import SimpleNamespace

import pytest

from benchmarks.load import stand_ins
from benchmarks.load.aws_state import AwsState
from benchmarks.load.costs import Cost, lambda_seconds
from benchmarks.load.percentiles import percentile
from benchmarks.load.promises import broken_promises, overtaking, wait_times
from benchmarks.load.visitors import Answer, Visit
from booth import scenes
from booth.run import Status
from booth.runs import open_runs, store, uploads
from local.standins import server


def test_percentiles_are_values_that_were_measured():
    values = [float(number) for number in range(100, 0, -1)]
    assert [percentile(values, percent) for percent in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([3.0], 95) == 3.0
    assert percentile([], 95) == 0.0


def test_faults_are_the_share_that_was_asked_for_and_the_stand_ins_know_them():
    for name, faults in stand_ins.faults(0.2).items():
        assert sum(fault["share"] for fault in faults) == pytest.approx(0.2)
        server.Behaviour(server.image_models.FAULTS if name == "bedrock" else ()).set({"faults": faults})


def test_seconds_of_functions_are_read_from_their_log():
    log = b"[a-1] START RequestId: x\n[a-1] REPORT RequestId: x\tDuration: 1500.00 ms\tMemory Size: 1 MB\n"
    log += b"[b-2] REPORT RequestId: y\tDuration: 250.50 ms\tMemory Size: 1 MB\tInit Duration: 9.00 ms\n"
    assert lambda_seconds(log, {"a-1": "A", "b-2": "B"}) == Counter({"A": 1.5, "B": 0.2505})


@pytest.fixture
def app(account):
    functions = {"Finish": SimpleNamespace(memory_mb=512)}
    stack = SimpleNamespace(
        functions=functions,
        tables=account.template.tables,
        state_machines={"PhotoMachine": SimpleNamespace(arn=account.machine)},
    )
    client = account.clients.__getitem__
    return SimpleNamespace(stack=stack, client=client, results_bucket="results", uploads_bucket="uploads")


@pytest.fixture
def visit(app, account):
    """One photo that went through."""
    run, key = "a-run", "photo/a.jpg"
    uploads.issue(run, key, picture_id="id", scenes=[], content_type="image/jpeg", consent=None)
    store.claim(run, "v")
    account.clients["stepfunctions"].start_execution(stateMachineArn=account.machine, name=run, input="{}")
    store.enter(run, "generate")
    store.publish_copy(run, key, scenes.chosen(("sky",)))
    store.publish_picture(run, 1, "photo/photo_id_1.jpeg")
    for shown in (key, "photo/photo_id_1.jpeg"):
        account.clients["s3"].put_object(Bucket="results", Key=shown, Body=b"x")
    assert store.end(store.get(run), Status.SUCCEEDED, "", store.get(run).pictures)
    open_runs.close(run)
    url = "http://cdn.example/photo/photo_id_1.jpeg"
    body = {"status": "SUCCEEDED", "error": None, "time_taken": "9.5", "url_generated": f'["{url}"]'}
    body["pictures"] = [{"state": "DONE", "error": None}]
    return Visit(key=key, answers=[Answer(0.0, 0.1, 0, 200, body)], pictures={url: 0.1})


def broken(app, visit, peaks=None, costs=()):
    probe = Answer(0.0, 0.1, 0, 202, {})
    return broken_promises(app, [visit], [probe], list(costs), Counter(peaks or {}))


def test_a_photo_that_went_right_breaks_no_promise(app, visit):
    cost = Cost(1, {"s3": 20.0}, 12.0, 14.0)
    assert broken(app, visit, {"Finish": 100 << 20}, [cost, cost]) == []


def test_a_stream_too_short_to_compare_its_ends_breaks_no_promise(app, visit):
    nothing, some = Cost(0, {}, 0.0, 0), Cost(1, {"s3": 20.0}, 12.0, 14.0)
    for ends in ([nothing, nothing], [nothing, some], [some, nothing]):
        assert broken(app, visit, costs=ends) == []


def test_a_call_that_only_the_first_photos_make_is_no_broken_promise(app, visit):
    first, last = Cost(1, {"s3": 20.0, "ssm": 1.0}, 12.0, 14.0), Cost(1, {"s3": 20.0}, 12.0, 14.0)
    assert broken(app, visit, costs=[first, last]) == []


def polled(*answers):
    """A visit whose polls were answered at these times, in this step, with these waiting seconds."""
    bodies = [(at, {"step": step, "waiting_seconds": told}) for at, step, told in answers]
    return Visit(answers=[Answer(at - 0.1, at, 10, 202, body) for at, body in bodies])


def test_a_waiting_time_is_compared_with_what_it_took():
    assert wait_times(polled((1, "detect", 0), (4, "wait", 50), (14, "wait", 40), (52, "generate", 0))) == (50, 48)
    assert wait_times(polled((1, "detect", 0), (4, "generate", 0))) is None
    assert wait_times(polled((4, "wait", 4), (8, "generate", 0))) is None, "too short to compare"


def test_a_waiting_time_that_was_not_true_is_a_broken_promise(app, visit):
    wait = polled((1, "wait", 50), (90, "generate", 0))
    visit.answers = wait.answers + visit.answers
    assert [each.partition(":")[0] for each in broken(app, visit)] == [
        "a waiting time that was told is true within 20%"
    ]


def test_a_run_that_ended_late_is_a_broken_promise(app, visit, monkeypatch):
    records = AwsState(app).records()
    records[0]["ended"] = records[0]["deadline"] + 1
    monkeypatch.setattr(AwsState, "records", lambda _: records)
    assert [each.partition(":")[0] for each in broken(app, visit)] == ["every run ends within 120 s of its last turn"]


def test_who_comes_later_and_is_earlier_is_seen():
    def run(name, claimed, at):
        return {"run": name, "claimed": claimed, "turns": {"p1": {"at": at}}}

    assert overtaking([run("a", 0, 90_000), run("b", 20_000, 60_000), {"run": "c"}]) == ["b"]
    assert overtaking([run("a", 0, 60_000), run("b", 20_000, 60_000)]) == []
    assert overtaking([run("a", 0, 90_000), run("b", 9_000, 60_000)]) == [], "they came together"


def test_every_broken_promise_is_told(app, visit, account):
    s3, body = account.clients["s3"], visit.answers[0].body
    body |= {"status": "FAILED", "error": {"code": "InternalError"}, "time_taken": "121", "url_generated": "[]"}
    for bucket, key in (
        ("results", "work/a-run/mask.png"),
        ("results", "photo/nobody.jpg"),
        ("uploads", "photo/a.jpg"),
    ):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    account.clients["stepfunctions"].start_execution(stateMachineArn=account.machine, name="another", input="{}")
    uploads.issue("open", "photo/b.jpg", picture_id="b", scenes=[], content_type="image/jpeg", consent=None)
    open_runs.reschedule(store.get("open"), 1)
    visit.answers.insert(0, Answer(0.0, 9.0, 0, 500, {}))
    costs = [Cost(1, {"s3": 20.0}, 12.0, 14.0), Cost(1, {"s3": 24.0}, 12.0, 14.0)]
    told = broken(app, visit, {"Finish": 513 << 20}, costs)
    for part in (
        *("fails for AWS's faults only", "every poll is answered", "a shown picture stays"),
        *("processed twice", "every run is settled", "no open record is stuck", "left under work/"),
        *("every result is shown", "no upload is kept", "fits into its function's memory", "cost like the first"),
    ):
        assert any(part in sentence for sentence in told), part
    lost = Visit(key="photo/lost.jpg", problem="no end")
    assert {sentence.partition(":")[0] for sentence in broken(app, lost)} >= {
        "every photo has an end",
        "no photo is lost",
    }
