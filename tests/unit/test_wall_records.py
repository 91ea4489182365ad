"""The wall's part of a run's record: who changes it when, and what the index lists."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from booth import keys, limits
from booth.aws import cdn, objects, table
from booth.errors import Conflict, Deleted, NotFound, ServiceUnavailable
from booth.lifecycle import deletion, ending, publishing
from booth.runs import again, store, uploads, wall
from booth.wall import Verdict, WallState
from tests.support.invalidations import connect_cdn
from tests.support.runs import NOW, shown

SHOWN, REFUSED = Verdict(WallState.SHOWN), Verdict(WallState.REFUSED)
WAITING = Verdict(WallState.WAITING, "Violence", 61.234)


@pytest.fixture(autouse=True)
def booth(account, environment):
    connect_cdn(account, environment)


def visit(agrees=True):
    return uploads.find_by_request(shown(wall=agrees))


def listed(queue):
    return [each.run_id for each in wall.listed(WallState(queue), 60)]


def state_of(run, number=1):
    return store.get(run.id).wall[f"p{number}"]["state"]


def test_a_picture_is_put_on_the_wall_once_and_listed_with_its_copy():
    run = visit()
    assert publishing.publish_on_wall(run, 1, b"picture", SHOWN)
    assert not publishing.publish_on_wall(run, 1, b"another", WAITING)
    assert objects.read(keys.wall_key(run.id, 1)) == b"picture"
    assert (listed("shown"), listed("waiting")) == ([run.id], [])
    assert store.get(run.id).stored == {*store.get(run.id).published, keys.wall_key(run.id, 1)}


def test_a_waiting_picture_has_its_reason_and_a_refused_one_no_copy():
    doubtful, bad = visit(), visit()
    publishing.publish_on_wall(doubtful, 1, b"picture", WAITING)
    publishing.publish_on_wall(bad, 1, b"picture", REFUSED)
    entry = store.get(doubtful.id).wall["p1"]
    assert (entry["state"], entry["label"], float(entry["score"])) == ("waiting", "Violence", 61.2)
    assert (listed("waiting"), listed("shown"), listed("hidden")) == ([doubtful.id], [], [])
    assert objects.find(keys.wall_key(bad.id, 1)) is None
    assert not store.get(bad.id).wall_copies


@pytest.mark.parametrize("agrees", [False, None])
def test_without_consent_nothing_gets_on_the_wall(agrees):
    run = visit(agrees)
    assert not publishing.publish_on_wall(run, 1, b"picture", SHOWN)
    assert objects.find(keys.wall_key(run.id, 1)) is None
    assert (store.get(run.id).wall, listed("shown")) == (None, [])


def test_a_picture_that_is_not_finished_is_not_put_on_the_wall():
    run = visit()
    assert not publishing.publish_on_wall(run, 2, b"picture", SHOWN)
    assert store.get(run.id).wall == {}


def test_staff_decide_as_often_as_they_like_and_each_decision_is_kept_with_its_time():
    run = visit()
    publishing.publish_on_wall(run, 1, b"picture", WAITING)
    for state, queue in (("shown", "shown"), ("hidden", "hidden"), ("waiting", "waiting"), ("shown", "shown")):
        wall.decide(run.id, 1, WallState(state), "anna")
        assert listed(queue) == [run.id]
    decisions = store.get(run.id).wall["p1"]["decisions"]
    assert [(each["state"], each["by"]) for each in decisions] == [
        (state, "anna") for state in ("shown", "hidden", "waiting", "shown")
    ]
    assert all(each["at"] > 0 for each in decisions)
    for _ in range(30):
        wall.decide(run.id, 1, WallState.SHOWN, "anna")
    assert len(store.get(run.id).wall["p1"]["decisions"]) == 20


def test_what_its_visitor_took_off_or_moderation_refused_staff_can_not_show():
    taken, bad = visit(), visit()
    publishing.publish_on_wall(taken, 1, b"picture", SHOWN)
    wall.take_off(taken.id, 1)
    publishing.publish_on_wall(bad, 1, b"picture", REFUSED)
    for run in (taken, bad):
        with pytest.raises(Conflict):
            wall.decide(run.id, 1, WallState.SHOWN, "anna")
    for unknown in (str(uuid.uuid4()), visit().id, visit(False).id):
        with pytest.raises(NotFound):
            wall.decide(unknown, 1, WallState.SHOWN, "anna")
    assert listed("shown") == []


def test_what_is_taken_off_stays_off_also_if_moderation_comes_later():
    run = visit()
    for _ in range(2):  # the second call changes nothing
        assert wall.take_off(run.id, None).wall.keys() == {"p1", "p2", "p3", "p4", "p5"}
    assert not publishing.publish_on_wall(run, 1, b"picture", SHOWN)
    assert objects.find(keys.wall_key(run.id, 1)) is None
    assert (state_of(run), listed("shown")) == ("off", [])


def test_a_deleted_visit_leaves_the_wall_with_its_tombstone_and_its_copies_with_the_rest():
    run = visit()
    publishing.publish_on_wall(run, 1, b"picture", SHOWN)
    store.mark_deleted(run.id, due=1)
    assert listed("shown") == []
    assert not {"wall", "on_wall", "wall_at"} & set(table.get(table.key_of("run", run.id)))
    for change in (lambda: wall.decide(run.id, 1, WallState.SHOWN, "anna"), lambda: wall.take_off(run.id, 1)):
        with pytest.raises(Deleted):
            change()
    deletion.delete(store.get(run.id))
    assert objects.find(keys.wall_key(run.id, 1)) is None
    assert not publishing.publish_on_wall(run, 1, b"picture", SHOWN)
    assert objects.find(keys.wall_key(run.id, 1)) is None


def test_the_copies_of_a_deleted_visit_are_invalidated_if_there_were_any(environment):
    calls = []
    environment.setattr(cdn, "invalidate", lambda paths, reference: calls.append(paths))
    with_copy, without = visit(), visit()
    publishing.publish_on_wall(with_copy, 1, b"picture", SHOWN)
    for run in (with_copy, without):
        deletion.delete(store.get(run.id))
    assert keys.address(keys.wall_key(with_copy.id, 1)) in calls[0]
    assert keys.address(keys.wall_key(without.id, 1)) not in calls[1]


def test_a_hidden_visit_is_not_listed_and_the_end_keeps_its_copies():
    run = visit()
    publishing.publish_on_wall(run, 1, b"picture", SHOWN)
    ending.settle(store.get(run.id), "")
    assert objects.read(keys.wall_key(run.id, 1)) == b"picture"
    store.set_hidden(run.id, True)
    assert listed("shown") == []
    store.set_hidden(run.id, False)
    assert listed("shown") == [run.id]


def test_a_copy_that_was_never_listed_goes_when_no_step_can_list_it_any_more(moment):
    run = visit()
    objects.put_result(keys.wall_key(run.id, 1), b"left by an attempt that died")
    ending.settle(store.get(run.id), "")
    assert objects.find(keys.wall_key(run.id, 1)) is not None
    moment.now += limits.CLEAN_SECONDS * 1000
    ending.clean(store.get(run.id))
    assert objects.find(keys.wall_key(run.id, 1)) is None


def test_an_expired_visit_is_not_listed(moment):
    run = visit()
    publishing.publish_on_wall(run, 1, b"picture", SHOWN)
    assert listed("shown") == [run.id]
    moment.now += store.RETENTION_SECONDS * 1000 + 1000
    assert listed("shown") == []


def test_the_newest_is_listed_first_and_the_longest_waiting_by_itself(moment):
    runs = []
    for later in (3_000, 1_000, 2_000):
        moment.now = NOW + later
        runs.append(visit())
        publishing.publish_on_wall(runs[-1], 1, b"picture", WAITING)
    assert listed("waiting") == [runs[0].id, runs[2].id, runs[1].id]
    assert [each.run_id for each in wall.listed(WallState.WAITING, 1, oldest_first=True)] == [runs[1].id]


def test_five_pictures_and_staff_at_the_same_time_lose_nothing():
    run = visit()
    store_all = [f"p{number}" for number in range(1, 6)]
    pictures = {name: {"scene": "sky", "state": "DONE", "key": f"photo/{name}"} for name in store_all}
    store._update_running(run.id, "SET #pictures = :pictures", {"pictures": pictures})
    with ThreadPoolExecutor(5) as pool:
        assert all(pool.map(lambda number: wall.put(run.id, number, SHOWN), range(1, 6)))
    assert store.get(run.id).wall.keys() == set(store_all)


@pytest.mark.parametrize("taken_off", [False, True])
def test_a_further_run_of_the_photo_is_for_the_wall_unless_something_was_taken_off(taken_off):
    request_id = str(uuid.uuid4())
    run = visit()
    if taken_off:
        wall.take_off(run.id, 1)
    store._update_running(run.id, "SET #kept = :true", {"true": True})
    ending.end(store.get(run.id), "")
    further, _ = again.begin(store.get(run.id), request_id, scenes=["sky"], keep="", most=1, per_day=0)
    assert further.wall == (None if taken_off else {})


def test_a_copy_that_can_not_be_stored_is_not_listed(environment):
    run = visit()

    def fail(key, jpeg):
        raise ServiceUnavailable("S3")

    environment.setattr(objects, "put_result", fail)
    with pytest.raises(ServiceUnavailable):
        publishing.publish_on_wall(run, 1, b"picture", SHOWN)
    assert (store.get(run.id).wall, listed("shown")) == ({}, [])
