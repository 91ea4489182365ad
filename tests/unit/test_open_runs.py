"""The open runs: what `sweep` sees of them, and when."""

import pytest

from booth.aws import table
from booth.errors import Throttled
from booth.run import Open
from booth.runs import open_runs, store
from tests.support.runs import issue


def test_writes_that_keep_meeting_others_are_tried_again_later(dynamodb, monkeypatch):
    from botocore.exceptions import ClientError

    answer = {"Error": {"Code": "TransactionConflictException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}

    class Busy:
        def update_item(self, **_):
            raise ClientError(answer, "UpdateItem")

    monkeypatch.setattr(table, "client", lambda *_, **__: Busy())
    with pytest.raises(Throttled):
        open_runs.close("run")


def due_before(moment):
    return open_runs.due_before(moment, Open.WAITING, limit=100)


def test_what_sweep_sees(dynamodb):
    early, late, ended = (issue(f"photo/{number}.jpg") for number in range(3))
    for run, due in ((early, 1000), (late, 3000), (ended, 2000)):
        open_runs.reschedule(store.get(run), due)
    open_runs.close(ended)
    assert due_before(2500) == [(1000, early)]
    assert due_before(5000) == [(1000, early), (3000, late)]
    open_runs.reschedule(store.get(ended), 100)  # a closed run is not opened again
    assert due_before(5000) == [(1000, early), (3000, late)]
    seen = store.get(early)
    open_runs.reschedule(seen, 4000)
    open_runs.reschedule(seen, 9000)  # the slower of two that saw it changes nothing
    assert due_before(5000) == [(3000, late), (4000, early)]
