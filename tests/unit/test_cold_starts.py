"""What is reckoned of a visit whose functions start cold, of one that is written down. Nothing is timed here."""

import pytest

from benchmarks import cold_starts, latencies
from benchmarks.cold_starts import CONNECT, INIT, PLACE, ColdReckoning, ColdVisit, Published, Start, Warming
from benchmarks.latencies import Hop
from benchmarks.prediction import Moment, Task, Trace
from benchmarks.waterfall import Invocation, Span
from tests.support.written_visits import MS, PUT, READ, START, WRITE, always, function

MILLISECONDS = MS | {"Lambda's events": 20, "event to function": 70}
HOPS = {
    name: Hop(hop.calls, always(MILLISECONDS.get(name, 150)), hop.ms_per_mb) for name, hop in latencies.hops().items()
}
STARTS = dict.fromkeys(("upload", "photo", "start", "detect_faces", "generate_image", "finish"), Start(3e6, 1.0))
SMALL, WHOLE = 76.2, 51.8
EMPTY = Trace(Invocation(Span("upload", 0, 0), []), Invocation(Span("start", 0, 0), []), None, [], {})


@pytest.fixture(autouse=True)
def steady(monkeypatch):
    monkeypatch.setattr(cold_starts, "SPREAD", 0)


@pytest.fixture
def trace():
    """The upload, the start by event and by poll, one step, two pictures at once, the end."""
    paint = [("bedrock-runtime.InvokeModel", 0, 8000), (PUT, 8000, 8060), (WRITE, 8060, 8120)]
    steps = [
        ("DetectFaces", 1, function("detectfaces", 600, ("rekognition.DetectFaces", 0, 600), at=10)),
        ("GenerateImage", 3, function("generateimage", 8120, *paint, at=11)),
        ("GenerateImage", 3, function("generateimage", 8120, *paint, at=11.01)),
        ("Finish", 1, function("finish", 60, (WRITE, 0, 60), at=20)),
    ]
    tasks = [Task(Span(name, each.span.begin, each.span.end), count, each) for name, count, each in steps]
    bind = function("photo", 60, (START, 0, 60))
    return Trace(
        function("upload", 60, (READ, 0, 60)),
        function("start", 60, (START, 0, 60)),
        bind,
        tasks,
        {("upload", "S3 PUT"): 0},
    )


def reckoning(trace, *warmed, before=(), starts=STARTS):
    return ColdReckoning(trace, 0, HOPS, starts, Warming(before, warmed))


def cold(units=1.0):
    published = Published.read()
    return 150 + published.bare + units * (published.boto3 - published.bare)


def test_the_first_invocation_waits_for_an_environment_and_the_next_one_finds_it_free():
    made = reckoning(EMPTY)
    step = function("detectfaces", 60, (READ, 0, 60))
    _, first = made.worked(Moment(), step)
    assert first.at == pytest.approx(cold() + WHOLE + 10)
    assert first.spent == pytest.approx(
        {PLACE: 150, INIT: cold() - 150, CONNECT: WHOLE, "DynamoDB reads": 10, "own work": 0}
    )
    _, second = made.worked(first, step)
    assert second.at == pytest.approx(first.at + 10)


def test_two_at_once_need_an_environment_each():
    made = reckoning(EMPTY)
    ends = [made.worked(Moment(at), function("finish", 60, (READ, 0, 60)))[1].at for at in (0.0, 5.0)]
    assert ends == pytest.approx([cold() + SMALL + 10, 5 + cold() + SMALL + 10])


def test_a_start_takes_longer_for_what_is_imported_and_for_a_package_of_more_than_a_few_megabytes():
    heavy = {"finish": Start(23e6, 2.0)}
    ended = reckoning(EMPTY, starts=heavy).worked(Moment(), function("finish", 0))[1]
    assert ended.at == pytest.approx(cold(2.0) + 20 * 6)
    assert reckoning(EMPTY, starts={"finish": Start(1e5, 2.0)}).worked(Moment(), function("finish", 0))[1].at == (
        pytest.approx(cold(2.0))
    )


def test_a_connection_is_made_for_each_service_and_by_each_call_that_finds_none_open():
    calls = [(READ, 0, 60), (WRITE, 2, 62), (PUT, 70, 130), (WRITE, 70, 130)]
    done, _ = reckoning(EMPTY).worked(Moment(), function("detectfaces", 130, *calls))
    later = 8  # between the calls
    both = [cold() + WHOLE + 10, cold() + 2 + WHOLE + 20]
    assert [moment.at for _, moment in done] == pytest.approx(
        [*both, both[1] + later + WHOLE + 100, both[1] + later + 20]
    )


def test_what_is_warmed_in_time_is_found_warm_and_what_is_not_starts_as_if_it_had_not_been(trace):
    def after(*warmed):
        first, end = reckoning(trace, *warmed).shown()
        return first.spent, end.spent

    (first, end), (warm, warm_end) = after(), after("generate_image")
    assert (first[INIT], end[INIT]) == pytest.approx((4 * (cold() - 150), 5 * (cold() - 150)))
    assert first[INIT] - warm[INIT] == pytest.approx(cold() - 150)
    assert warm[CONNECT] == first[CONNECT]
    assert end[INIT] == pytest.approx(warm_end[INIT])  # the other picture starts cold
    _, both = after("generate_image", "generate_image")
    assert end[INIT] - both[INIT] == pytest.approx(cold() - 150)
    in_vain, _ = after("detect_faces")
    assert in_vain[INIT] == pytest.approx(first[INIT] - (cold() - 150))


def test_an_environment_that_is_warmed_too_late_is_of_no_use():
    made = reckoning(EMPTY, "photo")
    _, uploaded = made.worked(Moment(), function("upload", 60, (READ, 0, 60)))
    asked = Moment(uploaded.at + 300)
    _, told = made.worked(asked, function("photo", 60, (READ, 0, 60)))
    assert told.at == pytest.approx(asked.at + cold() + SMALL + 10)


def test_what_is_warmed_before_the_visit_is_found_warm_and_opens_its_connections():
    made = reckoning(EMPTY, before=["finish"])
    ends = [made.worked(Moment(), function("finish", 60, (READ, 0, 60)))[1].at for _ in range(2)]
    assert ends == pytest.approx([SMALL + 10, cold() + SMALL + 10])


def test_what_is_compared_is_what_the_template_has_upload_warm():
    found = cold_starts.warmings()
    wanted = found["warmed by /upload"].by_upload
    assert [wanted.count(name) for name in ("photo", "segment_crop", "generate_image")] == [1, 3, 3]
    assert found[cold_starts.AT_AN_EVENT].before == ["upload", *wanted]
    small = found["the same, 10 executions"]
    assert [*small.before[1:], *small.by_upload] == wanted[:8]
    assert found["nothing warmed"] == Warming()


def test_seeds_are_the_same_for_both_visits_and_the_report_has_each_part(trace):
    visit = ColdVisit.of(trace, STARTS, Warming(), seeds=5)
    assert visit == ColdVisit.of(trace, STARTS, Warming(), seeds=5)
    assert all(0 < first < end for first, end in zip(visit.first, visit.all, strict=True))
    made = ColdVisit([1.0, 2.0], [3.0, 4.0], {PLACE: 300.4, INIT: 50, CONNECT: 7})
    assert "| 3 faces | 1.00, 2.00 | 3.00, 4.00 | 300 | 50 | 7 |" in cold_starts.report({"3 faces": made})


def test_a_first_call_takes_what_was_published_for_both_sizes():
    published = Published.read()
    assert [published.first_call(memory).median for memory in (512, 1769)] == pytest.approx([SMALL, WHOLE])
    assert SMALL > published.first_call(1024).median > WHOLE == pytest.approx(published.first_call(3008).median)
