"""A slice of `make fuzz`, and that it can fail."""

import pytest

from tests.fuzz import images, sam, workers
from tests.fuzz.__main__ import LAMBDA_MB, SAM_MB, table

pytestmark = pytest.mark.starts


def faults(outcomes):
    return [f"{each.number}, {each.kind}: {each.fault}" for each in outcomes if each.fault]


def test_images_are_taken_or_refused_in_words():
    outcomes = list(workers.run("tests.fuzz.images", seed=2, count=100, workers=1, memory_mb=LAMBDA_MB))
    assert faults(outcomes) == []
    assert len({each.number for each in outcomes}) == 100
    assert {each.result for each in outcomes} >= {"accepted", "UnreadablePhoto", "UnsupportedPhoto", "PhotoTooLarge"}


def test_requests_get_a_mask_or_a_sentence():
    outcomes = list(workers.run("tests.fuzz.sam", seed=2, count=49, workers=1, memory_mb=SAM_MB))
    assert faults(outcomes) == []
    assert {each.result for each in outcomes} == {"200", "400", "406", "413", "415"}


def test_the_same_number_is_the_same_file():
    assert [images.make(3, number) for number in range(24)] == [images.make(3, number) for number in range(24)]
    assert [sam.make(3, number) for number in range(14)] == [sam.make(3, number) for number in range(14)]


@pytest.mark.parametrize("kind", images.FORMATS)
def test_parts_make_the_file_again(kind):
    numbers = range(images.FORMATS.index(kind), 200, len(images.FORMATS))
    whole = [file.data for file in (images.make(0, number) for number in numbers) if file.mutation == "as_it_is"]
    assert whole
    assert all(images.join(kind, images.split(kind, data)) == data for data in whole)


ATTEMPTS = """
import os, time
from tests.fuzz.workers import Outcome
def attempt(seed, number):
    if number == 1: os.abort()
    if number == 2: time.sleep(60)
    if number == 3: raise ValueError("oops")
    if number == 4: bytearray(2**31)
    return Outcome("any", "well")
"""


def test_a_worker_that_dies_hangs_or_eats_the_memory_is_told_by_its_number(tmp_path, monkeypatch):
    (tmp_path / "attempts_that_fail.py").write_text(ATTEMPTS)
    monkeypatch.setattr(workers, "SECONDS", 5)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    outcomes = {each.number: each for each in workers.run("attempts_that_fail", 0, 6, workers=1, memory_mb=1500)}
    results = [outcomes[number].result for number in range(6)]
    assert results == ["well", "died", "hung", "untyped", "untyped", "well"]
    assert [bool(outcomes[number].fault) for number in range(6)] == [False, True, True, True, True, False]
    assert "MemoryError" in outcomes[4].fault
    assert table(outcomes.values()).splitlines()[-1] == "| all | 1 | 1 | 2 | 2 |"
