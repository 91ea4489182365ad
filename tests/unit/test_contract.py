"""What the API takes, for whatever somebody sends."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booth import keys
from booth.errors import BadRequest, ConsentNeeded
from booth.http import contract

UPLOAD = {"type": "photo", "filename": "a.jpg", "contentType": "image/jpeg"}
CONSENT = {"policy": "7", "language": "en", "time": "2026-11-22T10:00:00Z", "wall": True}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
consents = anything | st.fixed_dictionaries({name: anything | st.just(good) for name, good in CONSENT.items()})


@given(consents)
def test_a_consent_is_taken_whole_or_refused(consent):
    try:
        taken = contract.upload_request(UPLOAD | {"consent": consent}, set(), needs_consent=False).consent
    except BadRequest:
        assert consent is not None
        return
    assert taken is consent
    if taken is not None:
        assert taken.keys() == CONSENT.keys()
        assert isinstance(taken["wall"], bool)
        assert len(json.dumps(taken)) < 1000


@pytest.mark.parametrize(
    "time", ["2026-11-22", "2026-11-22T10:00", "2026-11-22T10:00:00.123+09:00", "20261122T100000Z"]
)
@pytest.mark.parametrize("language", ["en", "ko", "ko-KR", "zh-Hant-TW"])
def test_forms_of_time_and_language(time, language):
    consent = CONSENT | {"time": time, "language": language}
    assert contract.upload_request(UPLOAD | {"consent": consent}, set(), needs_consent=True).consent == consent


@given(st.from_regex("[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_the_callers_id_is_the_documented_name_or_the_beginning_of_one_that_nobody_guesses(caller):
    assert keys.picture_id(caller, documented=True) == caller
    names = {keys.picture_id(caller, documented=False) for _ in range(4)}
    assert len(names) == 4
    assert all(name.startswith(f"{caller}-") and len(name) == len(caller) + 33 for name in names)


def test_no_consent_where_it_is_needed():
    with pytest.raises(ConsentNeeded):
        contract.upload_request(UPLOAD, set(), needs_consent=True)
