"""What is reckoned for AWS, of visits that are written down. Nothing is timed here."""

from random import Random
from statistics import quantiles

import pytest

from benchmarks import booth, latencies, prediction
from benchmarks.latencies import Hop, LogNormal
from benchmarks.prediction import Moment, Prediction, Reckoning, Task, Trace
from benchmarks.waterfall import Span
from tests.support.written_visits import MS, PUT, READ, START, WRITE, always, function

HOPS = {name: Hop(hop.calls, always(MS[name]), 0) for name, hop in latencies.hops().items() if name in MS}
"""Hops whose times do not spread."""


def task(state, transitions, invocation):
    return Task(Span(state, invocation.span.begin, invocation.span.end), transitions, invocation)


@pytest.fixture
def trace():
    """A visit: the upload, the start by event and by poll, one step, two pictures at once, the end."""
    paint = [("bedrock-runtime.InvokeModel", 0, 8000), (PUT, 8100, 8160), (WRITE, 8160, 8220)]
    tasks = [
        task("DetectFaces", 1, function("detectfaces", 600, ("rekognition.DetectFaces", 0, 600), at=10)),
        task("GenerateImage", 3, function("generateimage", 8220, *paint, at=11)),
        task("GenerateImage", 3, function("generateimage", 8220, *paint, at=11.01)),
        task("Finish", 1, function("finish", 180, (READ, 0, 60), (WRITE, 60, 120), (PUT, 120, 180), at=20)),
    ]
    upload = function("upload", 60, ("dynamodb.TransactWriteItems", 0, 60))
    upload.calls = []
    start = function("start", 120, (WRITE, 0, 60), (START, 60, 120))
    bind = function("photo", 180, (READ, 0, 60), (START, 60, 120), (READ, 120, 180))
    return Trace(upload, start, bind, tasks, {("upload", "S3 PUT"): 400_000})


def reckoning(trace, seed=0, **times):
    changed = {name: Hop(HOPS[name].calls, ((0, LogNormal(ms, 0)),), 0) for name, ms in times.items()}
    return Reckoning(trace, seed, HOPS | changed)


def test_calls_at_once_count_once_and_calls_in_a_row_add_up(trace):
    step = function("detectfaces", 160, (READ, 0, 60), (WRITE, 2, 62), (READ, 5, 65), (PUT, 75, 135))
    calls, end = reckoning(trace).worked(Moment(), step)
    assert [moment.at for _, moment in calls] == pytest.approx([10, 22, 15, 132])
    assert end.at == pytest.approx(132 + 25)
    assert end.spent == pytest.approx({"DynamoDB writes": 20, "S3 PUT": 100, "own work": 2 + 10 + 25})


def test_own_work_takes_longer_where_memory_buys_a_share_of_a_vcpu(trace):
    for name, memory in (("detectfaces", 1769), ("segmentcrop", 512), ("generateimage", 1024)):
        _, end = reckoning(trace).worked(Moment(), function(name, 100))
        assert end.at == pytest.approx(100 * 1769 / memory)


def test_a_call_that_is_on_no_hop_is_told(trace):
    with pytest.raises(ValueError, match=r"iam\.GetRole is on no hop"):
        reckoning(trace).worked(Moment(), function("detectfaces", 60, ("iam.GetRole", 0, 60)))


def test_a_run_starts_by_the_poll_or_by_the_event_whichever_is_first(trace):
    uploaded = 15 + 5 + 25 + 60
    by_poll = reckoning(trace).started()
    unseen = 30 + 20  # the event has not come: the photo is looked for, and the run claimed
    assert by_poll.at == pytest.approx(uploaded + 100 + 15 + 5 + 25 + unseen + 10 + 40)
    assert "event delivery" not in by_poll.spent
    by_event = reckoning(trace, **{"event delivery": 1}).started()
    assert by_event.at == pytest.approx(uploaded + 100 + 1 + 20 + 40)
    assert by_event.spent["event delivery"] == 1


def test_without_its_poll_in_the_record_a_run_starts_by_what_start_does(trace):
    made = Trace(trace.upload, trace.start, None, trace.tasks, trace.sizes)
    assert reckoning(made).started().at < reckoning(made, **{"CDN": 500}).started().at


def test_the_way_to_the_end_leads_through_every_state_and_the_polls(trace):
    first, end = reckoning(trace).shown()
    started = reckoning(trace).started().at
    share = 1769 / 1024
    shown = started + 50 + 25 + 600 + 150 + 25 + 8000 + 100 * share + 100 + 20
    assert 0 <= first.at - (shown + 10 + 15) <= 100
    ended = shown + 50 + 25 + 10 + 20
    assert 0 <= end.at - (ended + 10 + 15) <= 100
    for moment in (first, end):
        assert sum(moment.spent.values()) == pytest.approx(moment.at)
    assert (end.spent["models"], end.spent["transitions"]) == pytest.approx((8600, 250))


def test_a_run_that_its_last_picture_ends_waits_for_no_other_state(trace):
    last = trace.tasks[2].invocation
    last.calls.append(Span(WRITE, last.span.begin + 8.22, last.span.begin + 8.28))
    last.span = Span(last.span.name, last.span.begin, last.span.begin + 8.28)
    _, end = reckoning(trace).shown()
    shown = reckoning(trace).started().at + 50 + 25 + 600 + 150 + 25 + 8000 + 100 * 1769 / 1024 + 100 + 20
    assert 0 <= end.at - (shown + 20 + 10 + 15) <= 100
    assert end.spent["transitions"] == pytest.approx(200)


def test_news_that_comes_while_no_poll_waits_is_told_by_the_next_one(trace):
    first, end = reckoning(trace).answers([Moment(1000.0)], Moment(1025.0 + 100))
    asked = first.at + 5 + 25
    assert end.at == pytest.approx(asked + 10 + 15) if asked > 1125 else end.at > 1125 + 10 + 15
    both, same = reckoning(trace).answers([Moment(1000.0)], Moment(1000.0))
    assert both == same
    late = reckoning(trace, CDN=200).answers([Moment(1000.0)], Moment(1250.0))
    assert late[1].at == pytest.approx(late[0].at + 5 + 25 + 10 + 200)


def test_the_same_seed_gives_the_same_figures_and_another_one_others(trace):
    made = [Reckoning(trace, seed, latencies.hops()).shown()[1].at for seed in (7, 7, 8)]
    assert made[0] == made[1] != made[2]
    whole = Prediction.of(trace, seeds=20)
    assert whole == Prediction.of(trace, seeds=20)
    assert len(set(whole.all)) == 20 and all(a <= b for a, b in zip(whole.first, whole.all, strict=True))
    assert sum(whole.spent.values()) / 1000 == pytest.approx(sum(whole.all) / 20)


def test_the_report_has_today_beside_the_prediction_and_a_share_for_each_hop(trace):
    made = {"set, 1 face": Prediction([12.0, 13.0], [12.5, 14.0], {"models": 10_100, "S3 PUT": 300, "CDN": 40})}
    report = prediction.report(made, {"set, 1 face": (10.8, 10.9)})
    assert "| set, 1 face | 10.80 : 12.00, 13.00 | 10.90 : 12.50, 14.00 | 0.80 : 2.40, 3.90 |" in report
    assert report.splitlines()[-3:] == ["| S3 PUT | 300 |", "| CDN | 40 |", "| **sum** | 340 |"]


def test_the_document_keeps_a_prediction_for_every_case_that_make_bench_has_with_set_times():
    kept = booth.DOCUMENT.read_text("utf-8").partition(booth.PREDICTED[0])[2].partition(booth.PREDICTED[1])[0]
    names = {case.name: (case.faces, case.keep) for case in booth.CASES if not case.spread}
    assert names == prediction.CASES
    assert all(f"\n| {name} | " in kept for name in names) and "| **sum** |" in kept
    document = booth.with_table(booth.DOCUMENT.read_text("utf-8"), "another", booth.PREDICTED)
    assert booth.ratios(booth.kept_table(document)) and kept not in document and "another" in document


def test_states_entered_since_the_last_one_that_worked_are_counted():
    def event(number, before, kind, name=""):
        details = {"stateEnteredEventDetails": {"name": name}} if kind.endswith("Entered") else {}
        return {"id": number, "previousEventId": before, "type": kind, "timestamp": float(number)} | details

    history = [
        event(1, 0, "ExecutionStarted"),
        event(2, 0, "TaskStateEntered", "Admit"),
        event(3, 2, "TaskStateExited"),
        event(4, 3, "MapStateEntered", "GenerateImages"),
        event(5, 4, "MapStateStarted"),
        event(6, 5, "MapIterationStarted"),
        event(7, 6, "WaitStateEntered", "AwaitTurn"),
        event(8, 7, "WaitStateExited"),
        event(9, 8, "TaskStateEntered", "GenerateImage"),
        event(10, 9, "TaskStateExited"),
        event(11, 10, "MapStateExited"),
        event(12, 11, "TaskStateEntered", "Finish"),
    ]
    counts = {name: count for (name, _), count in prediction.transitions_of(history).items()}
    assert (counts["Admit"], counts["GenerateImage"], counts["Finish"]) == (1, 3, 1)


def test_what_is_guessed_for_a_start_its_transition_and_its_invocation_makes_what_is_published_for_all_three():
    hops, random = latencies.hops(), Random(1)
    parts = [hops[name].times(0) for name in ("StartExecution", "transitions", "Lambda invoke")]
    drawn = quantiles([sum(part.draw(random) for part in parts) for _ in range(20_000)], n=10)
    published = latencies.rows()["sfn-start-standard"]["published"]
    assert (drawn[4], drawn[8]) == pytest.approx((published["p50"], published["p90"]), rel=0.1)


def test_times_between_two_sizes_lie_between_theirs():
    put = latencies.hops()["S3 PUT"]
    small, middle, large = (put.times(size) for size in (1024, 512_000, 1_048_576))
    assert small.median < middle.median < large.median
    assert small.median < put.times(256_000).median < middle.median
    assert put.times(10) == put.times(1024)
    assert put.times(2_000_000).median > large.median and put.times(2_000_000).sigma == large.sigma
    get = latencies.hops()["S3 GET"]
    assert get.times(1_000_000).median == pytest.approx(get.times(0).median + 10.75)
