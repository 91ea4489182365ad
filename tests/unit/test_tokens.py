"""Tokens: which count, and what an operator is told of the others."""

import json

import pytest

from booth import tokens

GOOD = "Az09._~+/=-" * 2  # 22 characters: each kind that may be


def test_texts_and_lists_of_texts_are_the_booths_tokens():
    given = {"door": GOOD, "hall": [GOOD, GOOD + "x"], "none": []}
    assert tokens.read(json.dumps(given)) == {"door": [GOOD], "hall": [GOOD, GOOD + "x"], "none": []}
    assert tokens.problems(json.dumps(given)) == []
    assert tokens.read("{}") == {}


@pytest.mark.parametrize("bad", [GOOD[:21], GOOD + " ", GOOD + "é", GOOD + "\n", GOOD.replace(".", ","), ""])
def test_a_token_that_no_header_can_carry_or_that_is_short_counts_for_nothing(bad):
    assert tokens.read(json.dumps({"door": [bad, GOOD], "hall": bad})) == {"door": [GOOD], "hall": []}


def test_what_counts_for_nothing_is_told_by_its_place():
    says = "counts for nothing: one has 22 characters or more, letters, digits and -._~+/=, and no spaces"
    assert tokens.problems(json.dumps({"door": ["short", GOOD], "hall": GOOD, "bar": [GOOD, "pass phrase"]})) == [
        f"token 1 of 2 of name 1 of 3 {says}",
        f"token 2 of 2 of name 3 of 3 {says}",
    ]


NO_JSON = "the tokens are no JSON text"
NO_LISTS = "the tokens are not texts, or lists of texts, by name"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", NO_JSON),
        (GOOD, NO_JSON),
        ("[]", NO_LISTS),
        (json.dumps(GOOD), NO_LISTS),
        ("null", NO_LISTS),
        ('{"door": null}', NO_LISTS),
        ('{"door": 7}', NO_LISTS),
        ('{"door": {"a": "b"}}', NO_LISTS),
        (json.dumps({"door": [GOOD, 7]}), NO_LISTS),
        (json.dumps({"hall": GOOD, "door": [None]}), NO_LISTS),
    ],
)
def test_what_is_no_object_of_tokens_is_refused_without_quoting_it(text, says):
    with pytest.raises(ValueError, match=f"^{says}$"):
        tokens.read(text)
    assert tokens.problems(text) == [says]
