"""The words for a fault: one list, one reader, one document."""

from pathlib import Path

import pytest

from local.faults import KINDS, KINDS_OF_IMAGE_MODELS, KINDS_OF_PAINTER, read
from local.standins import image_models, painter

ROOT = Path(__file__).parents[2]


def test_what_is_left_out_of_a_fault_has_a_default():
    [fault] = read([{"kind": "hang"}])
    assert fault == {"kind": "hang", "match": "*", "times": None, "skip": 0, "share": 1, "seconds": 90}


@pytest.mark.parametrize(
    "fault",
    [
        "reset",
        {"kind": "tired"},
        {"kind": "retired"},
        {"kind": "error", "status": 400, "type": "A"},
        {"kind": "reset", "seconds": 1},
        {"kind": "reset", "time": 1},
        {"kind": "reset", "times": -1},
        {"kind": "reset", "skip": 0.5},
        {"kind": "reset", "match": None},
        {"kind": "slow", "seconds": "1"},
        {"status": 99, "type": "A", "message": "b"},
        {"status": 400, "type": 400, "message": "b"},
    ],
)
def test_a_fault_in_other_words_is_refused(fault):
    with pytest.raises(ValueError, match="fault"):
        read([fault])


def test_the_image_models_answer_each_of_their_words_and_no_other():
    assert image_models.FAULTS.keys() == KINDS_OF_IMAGE_MODELS.keys()
    assert painter.FAULTS.keys() == KINDS_OF_PAINTER.keys()


def test_the_document_has_every_word_as_the_code_explains_it():
    text = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    section = text.split("## The words for a fault")[1].split("\n## ")[0]
    heads = {
        "at any call": KINDS,
        "at an image model, in its own words": KINDS_OF_IMAGE_MODELS,
        "at the painter's endpoint (`painter`), in the serving code's words": KINDS_OF_PAINTER,
    }
    for head, kinds in heads.items():
        rows = section.split(f"| kind | {head} |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
        assert rows == [f"| {kind} | {sentence} |" for kind, sentence in kinds.items()]
