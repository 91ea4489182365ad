"""What `make bench`, `make trace` and `make cost` make of runs, on written-down ones. No time is measured here."""

import itertools
import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks import admission, booth, cost, strangers, waterfall
from booth.painting import pacing
from booth.painting.chain import parse_chain
from local.traffic import OTHERS, Count
from tests.support.account import template

ROOT = Path(__file__).parents[2]
BEGAN = 1_795_640_000.0
RUN = "11111111-2222-4333-8444-555555555555"
SVG = "{http://www.w3.org/2000/svg}"


class History:
    """Writes down an execution's events as GetExecutionHistory gives them; times in seconds after BEGAN."""

    def __init__(self):
        self.events = []
        self.add("ExecutionStarted", 0, 0, executionStartedEventDetails={"input": json.dumps({"run": RUN})})

    def add(self, kind, at, before, **details):
        moment = datetime.fromtimestamp(BEGAN + at, UTC).isoformat()
        self.events.append(
            {"id": len(self.events) + 1, "previousEventId": before, "timestamp": moment, "type": kind} | details
        )
        return len(self.events)

    def enter(self, kind, name, at, before):
        return self.add(f"{kind}StateEntered", at, before, stateEnteredEventDetails={"name": name})

    def leave(self, kind, name, at, before):
        return self.add(f"{kind}StateExited", at, before, stateExitedEventDetails={"name": name})

    def task(self, name, begin, end, before, failures=0):
        last = self.enter("Task", name, begin, before)
        scheduled = {
            "parameters": json.dumps({"FunctionName": f"arn:aws:lambda:r:1:function:photo-booth-{name.lower()}"})
        }
        for failed in [True] * failures + [False]:
            last = self.add("TaskScheduled", begin, last, taskScheduledEventDetails=scheduled)
            last = self.add("TaskStarted", begin, last)
            last = self.add("TaskFailed" if failed else "TaskSucceeded", end, last)
        return self.leave("Task", name, end, last)


def line(function, request, message, at, ms, run=RUN, **more):
    """A line of a function's log at DEBUG, as the local application writes it down."""
    moment = datetime.fromtimestamp(BEGAN + at, UTC).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3] + "+0000"
    entry = {"level": "DEBUG", "message": message, "timestamp": moment, "ms": ms, "function_request_id": request}
    return f"[{function}] {json.dumps(entry | {'function_name': function, 'run': run} | more)}"


@pytest.fixture
def history():
    """A state, and a Map of two that overlap, of which the first to begin is the last to end; one retry."""
    made = History()
    last = made.task("DetectFaces", 0.1, 0.9, 1)
    outer = made.enter("Map", "GenerateImages", 0.9, last)
    started = made.add("MapStateStarted", 0.9, outer)
    made.task("GenerateImage", 1.0, 9.5, started)
    last = made.task("GenerateImage", 1.1, 9.0, started, failures=1)
    made.leave("Map", "GenerateImages", 9.5, last)
    return made.events


@pytest.fixture
def log():
    """Two pictures, their calls; the upload before; a poll and another run's upload, which are to be left out."""
    return [
        "[photo-booth-upload] START RequestId: u",
        line("photo-booth-upload", "u", "aws_call", -0.15, 10, call="dynamodb.TransactWriteItems", run=None),
        line("photo-booth-upload", "u", "handled", -0.1, 100),
        line("photo-booth-upload", "other", "handled", -0.1, 100, run="another run"),
        line("photo-booth-detectfaces", "d", "aws_call", 0.85, 600, call="rekognition.DetectFaces"),
        line("photo-booth-detectfaces", "d", "handled", 0.88, 750),
        line("photo-booth-photo", "p", "handled", 5.0, 3000),
        line("photo-booth-generateimage", "g2", "aws_call", 8.9, 7700, call="bedrock-runtime.InvokeModel"),
        line("photo-booth-generateimage", "g2", "handled", 8.98, 7870),
        line("photo-booth-generateimage", "g1", "aws_call", 9.3, 8200, call="bedrock-runtime.InvokeModel"),
        line("photo-booth-generateimage", "g1", "aws_call", 9.4, 20, call="s3.PutObject"),
        line("photo-booth-generateimage", "g1", "handled", 9.45, 8400),
    ]


def test_rows_are_what_led_to_the_run_and_its_states_with_their_own_functions(history, log):
    rows = waterfall.rows_of(history, log)
    names = [row.state.name for row in rows]
    assert names == ["photo-booth-upload", "DetectFaces", "GenerateImages", "GenerateImage", "GenerateImage"]
    calls = [[call.name for invocation in row.invocations for call in invocation.calls] for row in rows]
    assert calls == [
        ["dynamodb.TransactWriteItems"],
        ["rekognition.DetectFaces"],
        [],
        ["bedrock-runtime.InvokeModel", "s3.PutObject"],
        ["bedrock-runtime.InvokeModel"],
    ]
    assert rows[3].state.ms == pytest.approx(8500, abs=1)
    [first] = rows[3].invocations
    assert (first.span.begin - BEGAN, first.span.end - BEGAN) == pytest.approx((1.05, 9.45), abs=0.002)


def test_history_as_the_cli_writes_it_and_without_logs(history):
    rows = waterfall.rows_of(json.loads(json.dumps(history)), [])
    assert [len(row.invocations) for row in rows] == [0, 0, 0, 0]
    assert "GenerateImages" in waterfall.draw(rows, waterfall.title_of(rows))


def test_the_axis_is_cut_only_where_no_function_works(history, log):
    rows = waterfall.rows_of(history, log)
    axis = waterfall.Axis(rows)
    [detect, paint, last] = axis.cuts
    assert (detect[0] - BEGAN, detect[1] - BEGAN) == pytest.approx((0.25, 0.85), abs=0.002)
    assert (paint[0] - BEGAN, paint[1] - BEGAN) == pytest.approx((1.2, 8.9), abs=0.002)
    assert (last[0] - BEGAN, last[1] - BEGAN) == pytest.approx((9.0, 9.3), abs=0.002)
    for row in rows:
        for invocation in row.invocations:
            invocation.calls = [call for call in invocation.calls if call.service not in waterfall.MODELS]
    assert waterfall.Axis(rows).cuts == []


def test_the_picture_holds_every_bar_in_its_place(history, log):
    rows = waterfall.rows_of(history, log)
    picture = ElementTree.fromstring(waterfall.draw(rows, "<One> & run"))
    bars = {
        bar.find(f"{SVG}title").text: bar for bar in picture.iter(f"{SVG}rect") if bar.find(f"{SVG}title") is not None
    }
    assert len([title for title in bars if "bedrock-runtime.InvokeModel" in title]) == 2
    put, paint = bars["s3.PutObject: 20 ms"], bars["bedrock-runtime.InvokeModel: 8200 ms"]
    assert float(put.get("x")) >= float(paint.get("x")) + float(paint.get("width"))
    assert put.get("fill") != paint.get("fill")
    for bar in bars.values():
        assert waterfall.LABELS <= float(bar.get("x")) <= waterfall.WIDTH
    assert RUN not in ElementTree.tostring(picture, "unicode")


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0.001, 9), st.booleans()), min_size=1, max_size=8))
def test_what_comes_later_lies_farther_right(parts):
    rows = []
    for begin, length, is_model in parts:
        span = waterfall.Span("f", BEGAN + begin, BEGAN + begin + length)
        call = waterfall.Span("bedrock-runtime.InvokeModel" if is_model else "s3.GetObject", span.begin, span.end)
        rows.append(waterfall.Row(span, [waterfall.Invocation(span, [call])]))
    axis = waterfall.Axis(rows)
    moments = sorted(moment for row in rows for moment in (row.state.begin, row.state.end))
    places = [axis.at(moment) for moment in moments]
    assert all(early <= late + 1e-6 for early, late in itertools.pairwise(places))
    assert places[0] == pytest.approx(waterfall.LABELS)
    assert places[-1] <= waterfall.WIDTH


# make bench

OURS = {"first picture, s": 10.7, "all pictures, s": 10.8, "CPU, s": 1.0, "S3, MB": 6.4, "models, MB": 2.2}
THEIRS = {"first picture, s": 12.6, "all pictures, s": 12.6, "CPU, s": 0.8, "S3, MB": 1.2, "models, MB": 1.6}


def test_a_kept_table_is_read_back():
    table = booth.row("set, 1 face", OURS, THEIRS)
    assert booth.ratios(f"| models' times | a |\n|---|---|\n{table}\n")["set, 1 face", "all pictures, s"] == 0.86
    document = booth.with_table(f"# P\n{booth.BEGIN}\nold\n{booth.END}\nmore\n", table)
    assert booth.ratios(booth.kept_table(document)) == booth.ratios(table)
    assert document.endswith("more\n") and "old" not in document
    with pytest.raises(ValueError):
        booth.with_table("# P", table)


def test_what_has_become_worse_is_told_and_nothing_else():
    kept = booth.row("set, 1 face", OURS, THEIRS)
    slower = booth.row("set, 1 face", OURS | {"all pictures, s": 12.5, "S3, MB": 5.0}, THEIRS)
    [told] = booth.worse(slower, kept)
    assert told == "set, 1 face, all pictures, s: 0.99 of the old function's, was 0.86"
    assert booth.worse(kept, kept) == booth.worse(kept, "") == booth.worse(slower, kept, ["S3, MB"]) == []
    more_bytes = booth.row("set, 1 face", OURS | {"models, MB": 2.4}, THEIRS)
    assert ["models, MB" in each for each in booth.worse(more_bytes, kept)] == [True]


def test_the_kept_table_has_every_case_and_measure():
    kept = booth.ratios(booth.kept_table(booth.DOCUMENT.read_text("utf-8")))
    assert kept.keys() == {(case.name, name) for case in booth.CASES for name in booth.MEASURES}


def test_the_old_function_keeps_what_any_mask_keeps(environment):
    from benchmarks import old_sequence

    masks = [Image.new("RGB", (4, 2), "white") for _ in range(2)]
    masks[0].putpixel((1, 0), (0, 0, 0))
    masks[1].putpixel((3, 1), (0, 0, 0))
    whole = old_sequence.merged(masks, (4, 2))
    black = [(x, y) for x in range(4) for y in range(2) if whole.getpixel((x, y)) == (0, 0, 0)]
    assert black == [(1, 0), (3, 1)]


# make cost


def test_a_transition_is_a_state_that_is_entered_and_each_retry(history):
    assert cost.transitions(history) == 1 + 1 + 2 + 1


def test_a_round_of_warming_is_all_that_the_template_names_and_within_what_it_may_cost():
    usage = cost.warming_usage()
    assert usage["lambda.request"] == usage["xray.trace"] == 12 + 1
    assert usage["lambda.gb_second"] == pytest.approx((3 * 1769 + 3 * 1024 + 6 * 512) / 1024 * cost.WARM_SECONDS)
    prices = cost.prices_of_today()
    assert 0.0001 < sum(cost.priced(usage, prices).values()) < cost.WARM_LIMIT


def test_gigabyte_seconds_are_durations_rounded_up_times_memory():
    usage = cost.lambda_usage(
        [
            "[f] START RequestId: a",
            "[f] REPORT RequestId: a\tDuration: 999.20 ms\tMemory Size: 512 MB",
            "[g] REPORT RequestId: b\tDuration: 100.00 ms\tMemory Size: 2048 MB\tInit Duration: 399.50 ms",
        ]
    )
    assert usage == {"lambda.request": 2, "lambda.gb_second": 1.0 * 0.5 + 0.5 * 2}


def test_requests_are_counted_as_they_are_billed():
    traffic = {
        ("Upload", "s3.put"): Count(1),
        ("Finish", "s3.list"): Count(2),
        ("Finish", "s3.delete"): Count(5),
        ("Photo", "s3.head"): Count(1),
        (OTHERS, "s3.get"): Count(3),
        ("Photo", "dynamodb.GetItem"): Count(40),
        ("Photo", "dynamodb.UpdateItem"): Count(2),
        ("Upload", "dynamodb.TransactWriteItems"): Count(1),
        ("Finish", "awsevents.PutEvents"): Count(1),
        (OTHERS, "lambda.Invoke"): Count(10),
    }
    usage = cost.request_usage(traffic, record_bytes=1100)
    assert usage == {
        "s3.put": 3,
        "s3.get": 4,
        "dynamodb.read": 40,
        "dynamodb.write": 2 * (2 + 2) + 2 * (2 + 2 + 2),
        "events.event": 1,
    }


def test_costs_are_quantities_times_prices():
    usage = Counter({"s3.put": 10, "s3.get": 2, "api.request": 1})
    prices = {"s3": {"put": 0.1, "get": 0.5}, "api": {"request": 3.0}}
    assert cost.priced(usage, prices) == pytest.approx({"s3": 2.0, "api": 3.0})
    with pytest.raises(KeyError):
        cost.priced(Counter({"s3.unheard_of": 1}), prices)


@pytest.mark.parametrize(
    ("plumbing", "words"),
    [
        ({1: 0.002, 3: 0.002, 10: 0.003}, []),
        ({1: 0.009, 3: 0.0095, 10: 0.011}, ["10 faces: $0.0110 is more than $0.01"]),
        ({1: 0.001, 3: 0.002, 10: 0.0021}, ["10 faces cost 2.1 times as much as 1"]),
    ],
)
def test_a_dear_photo_and_dear_faces_are_told(plumbing, words):
    assert cost.problems(plumbing) == words


def test_a_deletion_is_paid_by_the_path_and_the_look():
    prices = cost.prices_of_today()
    assert cost.deletion_costs(6, 1, prices) == (pytest.approx(0.03), 166)
    assert cost.deletion_costs(6, 2, prices) == (pytest.approx(0.06), 83)


def test_serverless_sam_is_paid_by_the_crop_and_an_instance_is_shared():
    prices = cost.prices_of_today()
    one, ten = cost.sam_costs(1, 100_000, prices), cost.sam_costs(10, 1_000_000, prices)
    assert ten["serverless"] == pytest.approx(10 * one["serverless"])
    assert ten["ml.g5.xlarge"] == one["ml.g5.xlarge"] == pytest.approx(1.408 / 100)


def test_a_painter_of_ones_own_is_paid_by_the_hour_of_as_many_instances_as_are_needed():
    prices = cost.prices_of_today()
    assert [cost.painters(photos) for photos in (1, 10, 100, 240, 241, 300, 480)] == [1, 1, 1, 1, 2, 2, 2]
    assert cost.painting_costs(300, prices)["endpoint on ml.g5.xlarge, estimate"] == pytest.approx(2 * 1.408)
    assert cost.painting_costs(300, prices)["Stability inpaint"] == pytest.approx(63)


def test_the_document_has_what_painting_costs_and_from_where_on_an_endpoint_is_cheaper():
    prices = cost.prices_of_today()
    deploy = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    assert cost.painting_table(prices) in deploy
    six, seven = (cost.break_even(cost.PAINTERS[f"ml.{name}.xlarge"], prices) for name in ("g6", "g5"))
    assert f"from {six} (`ml.g6.xlarge`) or {seven} (`ml.g5.xlarge`) photos an hour on" in deploy
    for photos, hour in ((six, cost.PAINTERS["ml.g6.xlarge"]), (seven, cost.PAINTERS["ml.g5.xlarge"])):
        assert (photos - 1) * 0.21 <= hour < photos * 0.21


def test_sweep_is_reckoned_with_the_memory_that_it_has():
    assert template().functions["Sweep"].memory_mb / 1024 == cost.SWEEP_GB


def test_the_documents_have_the_price_tables_prices():
    prices = cost.prices_of_today()
    read = {name: (ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in ("deploy", "sam-endpoint")}
    chain = (ROOT / "docs" / "decisions" / "0007-image-model-chain.md").read_text("utf-8")
    hours = dict(re.findall(r"^\| `(ml\.\S+)` \| ([\d.]+) \|", read["sam-endpoint"], re.MULTILINE))
    assert {name: float(hour) for name, hour in hours.items()} == prices["sam"]["hour"]
    assert f"{prices['sam']['serverless']['gb_second']:.5f} per GB and second" in read["sam-endpoint"]
    assert f"{prices['lambda']['gb_second']:.10f} a GB-second" in read["deploy"]
    assert f"{prices['step_functions']['transition'] * 1000:.3f} for 1000 transitions" in read["deploy"]
    for model, words in (("Titan", "Titan v1, v2"), ("Nova Canvas", "Nova Canvas"), ("Stability inpaint",) * 2):
        row = re.search(rf"^\| {re.escape(words)} \|.*$", chain, re.MULTILINE)[0]
        assert f"${prices['pictures'][model]:.2f}" in row
        assert f"${3 * prices['pictures'][model]:.2f} |" in row


def test_what_a_stranger_can_cost_is_reckoned_from_the_limits_and_prices_of_today():
    threats = (ROOT / "docs" / "threats.md").read_text("utf-8")
    assert strangers.table() in threats


# Who gets a picture when


def test_the_simulator_finds_nothing_wrong_with_thirty_at_sixty_calls_a_minute(capsys):
    assert admission.together(30, parse_chain(f"{admission.INPAINT}@us-east-1=60")) == []
    assert "| first pictures first | 30 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "fault", "found"),
    [
        ("_expected", lambda *_: 0, "a first turn comes later than 5 s"),
        ("_behind_expected", lambda places, *_: places[-1], "a last turn comes more than a window after its place"),
    ],
    ids=["nobody is expected", "later ones wait without a limit"],
)
def test_the_simulator_finds_a_plan_that_breaks_its_promises(monkeypatch, name, fault, found):
    monkeypatch.setattr(pacing, name, fault)
    failed = admission.together(30, parse_chain(f"{admission.INPAINT}@us-east-1=60"))
    assert any(found in each for each in failed)
