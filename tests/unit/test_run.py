"""A run's record: what follows from its fields, and the words that are kept and told."""

import pytest

from booth.run import Open, Run, Status, Step


def run(status=Status.RUNNING, **fields):
    return Run("run", status, Step.QUEUE, 1, **fields)


def test_the_documented_words():
    assert list(Status) == ["QUEUED", "RUNNING", "SUCCEEDED", "PARTIAL", "FAILED", "DELETED"]
    assert list(Step) == ["upload", "queue", "detect", "crop", "segment", "merge", "wait", "generate", "finish"]
    assert list(Open) == ["1", "2"]


@pytest.mark.parametrize(
    ("status", "is_ended"),
    [
        ("QUEUED", False),
        ("RUNNING", False),
        ("SUCCEEDED", True),
        ("PARTIAL", True),
        ("FAILED", True),
        ("DELETED", True),
    ],
)
def test_which_runs_have_ended_and_which_wait_for_their_photo(status, is_ended):
    assert run(Status(status)).is_ended is is_ended
    assert run(Status(status)).is_waiting_for_photo is not is_ended
    assert run(Status(status), version="v").is_waiting_for_photo is False


def test_a_new_record_says_nothing():
    new = run()
    assert (new.key, new.version, new.picture_id, new.given, new.request, new.content_type) == ("",) * 6
    assert (new.original, new.error, new.open) == ("",) * 3
    assert (new.upload_until, new.claimed, new.deadline, new.ended, new.faces, new.due, new.tries, new.told) == (0,) * 8
    assert (new.scenes, new.pictures, new.turns) == ((), {}, {})
    assert (new.named, new.erased) == (False, False)
    assert new.pictures is not run().pictures


def test_visitors_have_been_shown_the_copy_and_the_pictures_that_are_done():
    pictures = {"p1": {"state": "DONE", "key": "photo/1"}, "p2": {"state": "WAITING"}, "p3": {"key": "photo/3"}}
    assert run(original="photo/a", pictures=pictures).published == {"photo/a", "photo/1", "photo/3"}
    assert run(pictures=pictures).published == {"photo/1", "photo/3"}
    assert run().published == set()


def test_sweep_stops_a_run_eight_seconds_before_its_deadline():
    assert run(deadline=120_000).stop_at == 112_000
