"""What staff may set, and what the back end takes of it."""

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booth import event, scenes
from booth.event import Event, Pause

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 90).decode()
WEBP = "data:image/webp;base64," + base64.b64encode(b"RIFF0000WEBP" + b"0" * 90).decode()
REASON = {"en": "We are back after the speech.", "ko": "연설이 끝나면 다시 엽니다."}
WHOLE = {
    "version": 3,
    "paused": {"until": 1_796_000_000, "reason": REASON},
    "title": {"en": "Ann & Bob 👩‍👩‍👧", "ko": "포토 부스"},
    "languages": ["ko", "en"],
    "scenes": ["beach", "sky"],
    "mostScenes": 2,
    "frame": "event/frame.png",
    "logo": PNG,
    "photosPerDay": 200,
    "again": 0,
    "copies": 20,
}
WRONG = [
    ("version", "version", -1),
    ("version", "version", None),
    ("paused", "paused", {}),
    ("paused", "paused", {"until": 0, "reason": REASON, "by": "Ann"}),
    ("paused", "paused.until", {"until": "noon", "reason": REASON}),
    ("paused", "paused.reason", {"until": 0, "reason": "lunch"}),
    ("paused", "paused.reason.en", {"until": 0, "reason": {"ko": "점심"}}),
    ("paused", "paused.reason.ko", {"until": 0, "reason": {"en": "Lunch", "ko": " "}}),
    ("paused", "paused.reason.en", {"until": 0, "reason": {"en": "x" * 121}}),
    ("title", "title", {}),
    ("title", "title", {"<b>": "Photo Booth"}),
    ("title", "title.ko", {"en": "Photo Booth", "ko": ""}),
    ("title", "title.en", {"en": "two\nlines"}),
    ("title", "title.en", {"en": "half \ud83d"}),
    ("languages", "languages", []),
    ("scenes", "scenes", ["atlantis"]),
    ("mostScenes", "mostScenes", 6),
    ("again", "again", 11),
    ("copies", "copies", -1),
    ("photosPerDay", "photosPerDay", 0),
    ("photosPerDay", "photosPerDay", 301),
    ("photosPerDay", "photosPerDay", 1e999),
    ("frame", "frame", None),
    *(("frame", "frame", each) for each in ("https://example.com/a.png", "//example.com/a.png", "../a.png", "a b.png")),
    ("logo", "logo", "javascript:alert(1)"),
    ("logo", "logo", PNG.replace("png", "svg+xml")),
    ("logo", "logo", "data:image/png;base64,AAAA"),
    ("logo", "logo", PNG[:-1]),
    ("logo", "logo", PNG + "A" * event.MAX_PICTURE),
    ("idleSeconds", "idleSeconds", 60),
]


def test_all_that_staff_may_set_is_right_and_each_of_it_may_be_left_out():
    assert list(event.problems(WHOLE, 300)) == []
    for name in WHOLE.keys() - {"version"}:
        assert list(event.problems({"version": 0, name: WHOLE[name]}, 300)) == []
    for name, value in (("paused", None), ("frame", ""), ("frame", "/event/frame.svg"), ("logo", WEBP), ("scenes", [])):
        assert list(event.problems(WHOLE | {name: value}, 300)) == []


@pytest.mark.parametrize(("name", "field", "value"), WRONG)
def test_a_wrong_value_is_told_by_its_field(name, field, value):
    assert [at for at, _ in event.problems(WHOLE | {name: value}, 300)] == [field]


def test_without_a_version_and_where_it_is_no_object_it_is_refused():
    assert [field for field, _ in event.problems({})] == ["version"]
    assert [field for field, _ in event.problems([])] == ["event"]


NAMES = st.sampled_from([*WHOLE, "until", "reason", "en"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@given(JSON)
def test_whatever_is_stored_something_is_read_or_refused(value):
    try:
        event.read(json.dumps(value))
    except ValueError:
        assert not isinstance(value, dict)


def test_what_is_stored_is_what_the_back_end_knows():
    found = event.read(json.dumps(WHOLE))
    assert found == Event(3, Pause(1_796_000_000, REASON), ("beach", "sky"), 200, 0)
    assert event.read("") == event.read("{}") == Event()


def test_what_is_wrong_in_it_is_as_deployed_and_a_scene_that_is_gone_is_not_offered():
    assert event.read(json.dumps(WHOLE | {"photosPerDay": -1, "paused": 7})).photos_per_day == 0
    assert event.read(json.dumps(WHOLE | {"scenes": ["atlantis", "sky", 7]})).scenes == ("sky",)
    assert event.read(json.dumps(WHOLE | {"scenes": ["atlantis"]})).scenes == ()


@pytest.mark.parametrize("text", ["-", "[]", "[" * 100_000])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        event.read(text)


def test_a_pause_ends_by_itself_or_not():
    assert Event(pause=Pause(0, REASON)).paused
    assert Event(pause=Pause(int(time.time()) + 60, REASON)).paused
    assert Event(pause=Pause(int(time.time()) - 1, REASON)).paused is None


def test_scenes_that_are_not_offered_are_left_out_and_without_any_the_first_offered_are_painted():
    offered = tuple(scenes.catalogue())[4:8]
    assert Event(scenes=offered).wanted([offered[1], "beach", offered[0]]) == [offered[1], offered[0]]
    assert Event(scenes=offered).wanted(["beach"]) == list(offered[:3])
    assert Event(scenes=offered).wanted([]) == list(offered[:3])
    assert Event().wanted(["beach"]) == ["beach"]
    assert Event().wanted([]) == []
