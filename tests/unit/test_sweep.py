"""Many versions of one upload, runs that fail at every look, floods: `sweep` and `purge` keep nobody else waiting."""

import json
import threading
import time
import uuid
from types import SimpleNamespace

import pytest
from werkzeug.wrappers import Request, Response

import delete_photo
import finish
import purge
import start
import sweep
from booth import clock, limits
from booth.aws import clients, objects, table
from booth.errors import ServiceUnavailable
from booth.lifecycle import deletion, ending, sweeping
from booth.log import metrics
from booth.run import Open, Status
from booth.runs import open_runs, store, uploads
from tests.support.events import upload_event
from tests.support.fakes.s3 import PAGE, FakeS3
from tests.support.serving import serving

CONTEXT = SimpleNamespace(
    function_name="sweep", memory_limit_in_mb=512, invoked_function_arn="arn:aws:lambda:sweep", aws_request_id="request"
)
MANY = 150_000


@pytest.fixture
def s3(account, environment):
    """S3 with any number of versions, in place of the account's own. A look removes one page."""
    fake = FakeS3()
    environment.setenv("AWS_ENDPOINT_URL_S3", fake.url)
    environment.setenv("BOOTH_TOKENS", "")
    environment.setattr(limits, "REMOVING_SECONDS", 0)
    environment.setattr(limits, "CONTINUE_SECONDS", 0)
    environment.setattr(sweeping, "WATCH_SECONDS", 2)
    sweeping.DescribeBackOff.until = 0
    clients.client.cache_clear()
    metrics.clear_metrics()
    yield fake
    fake.close()


@pytest.fixture
def told(s3):
    """The details of the events that were published."""
    told = []

    def note(params, **_):
        told.extend(json.loads(entry["Detail"]) for entry in params["Entries"])

    clients.client("events").meta.events.register("provide-client-params.events.PutEvents", note)
    return told


def issued(key=""):
    """An upload that waits for its photo."""
    run, key = str(uuid.uuid4()), key or f"photo/{uuid.uuid4()}.jpg"
    assert uploads.issue(run, key, picture_id=run, scenes=[], content_type="image/jpeg", consent=None)
    return store.get(run)


def ended(key=""):
    """A run that has ended, whose upload is not kept."""
    run = issued(key)
    assert store.claim(run.id, "v0")
    assert store.end(store.get(run.id), Status.FAILED, "NoFaceFound", {})
    return store.get(run.id)


def set_times(run, **times):
    """Sets times of a record, epoch ms."""
    clients.client("dynamodb").update_item(
        TableName=table.table_name(),
        Key=table.key_of("run", run.id),
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in times),
        ExpressionAttributeNames={f"#{name}": name for name in times},
        ExpressionAttributeValues={f":{name}": {"N": str(value)} for name, value in times.items()},
    )
    return store.get(run.id)


def due_now(run, earlier=0):
    return set_times(run, due=clock.now_ms() - 1000 - earlier)


def overdue():
    """A run whose time is over, due later than everything else."""
    run = issued()
    store.claim(run.id, "v0")
    now = clock.now_ms()
    return set_times(run, deadline=now, due=now - 1)


def look(run):
    """One look of `sweep` at a run, whenever that is due."""
    due = clock.now_ms() - 1000
    set_times(run, due=due)
    return sweeping.handle_due(run.id, due)


def sweep_until_gone(s3, key):
    """As many sweeps as it takes on a busy machine, at most ten: here each watches for two seconds."""
    for _ in range(10):
        if not s3.left(key):
            break
        sweep.handler({}, CONTEXT)
    assert s3.left(key) == 0


# Versions


def test_versions_are_deleted_page_by_page_and_what_is_left_the_next_time(s3):
    s3.put("photo/a.jpg", 2 * PAGE + 500)
    s3.put("photo/a.jpg.jpg", 3 * PAGE)
    assert [objects.delete_upload("photo/a.jpg") for _ in range(3)] == [False, False, True]
    assert s3.left("photo/a.jpg") == 0
    assert s3.left("photo/a.jpg.jpg") == 3 * PAGE
    # No more than a page is held, and nothing is read behind the last version.
    assert s3.most_listed == PAGE
    assert len(s3.pages) == 3


def test_an_upload_of_150000_versions_does_not_keep_the_others_waiting(s3, told):
    bad, good, late = ended(), ended(), overdue()
    s3.on_list = lambda _: time.sleep(0.1)  # as long as a page takes S3: the sweep's two seconds are no page's work
    s3.put(bad.key, MANY)
    s3.put(good.key)
    due_now(bad, earlier=60_000)
    due_now(good)
    sweep.handler({}, CONTEXT)
    assert 0 < s3.left(bad.key) < MANY
    assert s3.most_listed <= PAGE * sweeping.THREADS[Open.WAITING]
    assert s3.left(good.key) == 0
    assert (store.get(late.id).status, store.get(late.id).error) == (Status.FAILED, "TimedOut")
    assert {each["run"] for each in told} == {bad.id, good.id, late.id}
    # The next sweep goes on where this one stopped.
    del s3.versions[bad.key][2 * PAGE :]
    sweep_until_gone(s3, bad.key)
    assert len(told) == 3


def test_many_versions_of_one_key_are_counted(s3, capsys):
    run = ended()
    s3.put(run.key, 2 * PAGE)
    due_now(run)
    sweep.handler({}, CONTEXT)
    counts = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "VersionsOfAnUpload" in line]
    assert any(PAGE in line["VersionsOfAnUpload"] for line in counts)


def test_a_visitors_deletion_of_many_versions_is_answered_with_the_truth_and_sweep_goes_on(s3):
    run = issued()
    s3.put(run.key, 3 * PAGE)
    body = {"requestId": str(uuid.uuid4()), "bucket": "uploads", "key": run.key}
    event = {"body": json.dumps(body), "headers": {}}
    answer = delete_photo.handler(event, CONTEXT)
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (503, "StillRemoving")
    assert store.get(run.id).status == Status.DELETED
    assert s3.left(run.key) == 2 * PAGE
    sweep_until_gone(s3, run.key)
    assert delete_photo.handler(event, CONTEXT)["statusCode"] == 200


def test_finish_settles_a_run_of_many_versions_and_leaves_them_to_sweep(s3, told):
    run = issued()
    store.claim(run.id, "v0")
    s3.put(run.key, 2 * PAGE)
    error = {"Error": "NoFaceFound"}
    assert finish.handler({"run": run.id, "error": error}, CONTEXT) == {"status": "FAILED", "error": "NoFaceFound"}
    assert [each["run"] for each in told] == [run.id]
    assert s3.left(run.key) == PAGE
    sweep_until_gone(s3, run.key)
    assert len(told) == 1


# Looks that fail


def pauses(run, looks):
    """For how long each of so many looks puts the next one off, in seconds."""
    pauses = []
    for _ in range(looks):
        assert not look(run)
        pauses.append((store.get(run.id).due - clock.now_ms()) / 1000)
    return pauses


def test_a_look_that_fails_is_repeated_after_longer_and_longer_pauses(s3, told, moment):
    run = set_times(ended(), deadline=0)
    s3.put(run.key)
    s3.refused.add(run.key)
    assert pauses(run, 9) == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    s3.refused.clear()
    assert look(run)
    assert store.get(run.id).tries == 0
    assert s3.left(run.key) == 0
    assert len(told) == 1


def test_pauses_end_at_the_moment_at_which_a_run_has_to_end(account, moment):
    run = issued()
    store.claim(run.id, "v0")
    now = moment.now
    run = set_times(run, deadline=now + 20_000, tries=5, due=now)
    assert open_runs.lease(run.id, now).due == run.stop_at
    waiting = issued()
    until = now + 3000 - limits.LATE_UPLOAD_SECONDS * 1000
    set_times(waiting, upload_until=until, tries=5, due=now)
    assert open_runs.lease(waiting.id, now).due == now + 3000


def test_a_look_that_dies_is_repeated_later_and_two_sweeps_do_not_look_at_once(account):
    run = due_now(issued())
    taken = open_runs.lease(run.id, run.due)
    assert open_runs.lease(run.id, run.due) is None
    assert taken.due > clock.now_ms()
    assert open_runs.due_before(clock.now_ms(), Open.WAITING, limit=10) == []


def test_a_record_that_can_not_be_read_is_put_off_and_the_others_are_looked_at(s3):
    bad, late = issued(), overdue()
    clients.client("dynamodb").update_item(
        TableName=table.table_name(),
        Key=table.key_of("run", bad.id),
        UpdateExpression="SET scenes = :none, #open = :goes_on, due = :due",
        ExpressionAttributeNames={"#open": "open"},
        ExpressionAttributeValues={":none": {"N": "1"}, ":goes_on": {"S": Open.ACTIVE}, ":due": {"N": "1"}},
    )
    sweep.handler({}, CONTEXT)
    assert store.get(late.id).error == "TimedOut"
    due = table.number(table.get(table.key_of("run", bad.id)), "due")
    assert due > clock.now_ms()


def test_an_expired_record_is_closed(account, moment):
    run = set_times(due_now(issued()), expires=moment.now // 1000 + 1)
    moment.now += 5000
    assert open_runs.lease(run.id, run.due) is None
    assert open_runs.due_before(moment.now, Open.WAITING, limit=10) == []


# Floods


def test_uploads_that_wait_for_photos_do_not_keep_a_deadline_waiting(s3):
    """S3 answers for none of them before the run that is due last has ended."""
    late_ended, was_late = threading.Event(), []
    waiting = [due_now(issued(), earlier=60_000) for _ in range(20)]
    late = overdue()

    def hold(key):
        if not late_ended.wait(5):
            was_late.append(key)

    s3.on_head = hold
    thread = threading.Thread(target=sweep.handler, args=({}, CONTEXT))
    thread.start()
    while thread.is_alive() and not store.get(late.id).is_ended:
        thread.join(0.05)
    late_ended.set()
    thread.join()
    assert not was_late
    now = clock.now_ms()
    assert all(store.get(run.id).due > now for run in waiting)


def test_the_index_is_read_a_bounded_part_at_a_time(s3, environment):
    environment.setattr(sweeping, "RUNS_READ", 5)
    waiting = [due_now(issued()) for _ in range(12)]
    assert len(open_runs.due_before(clock.now_ms(), Open.WAITING, sweeping.RUNS_READ)) == 5
    sweep.handler({}, CONTEXT)
    now = clock.now_ms()
    assert all(store.get(run.id).due > now for run in waiting)


@pytest.fixture
def throttling(environment):
    """Step Functions that throttles DescribeExecution as AWS words it, and does nothing else. Gives the calls."""
    calls = []

    @Request.application
    def answer(request):
        calls.append(request.headers["X-Amz-Target"].partition(".")[2])
        is_describe = calls[-1] == "DescribeExecution"
        error = {"__type": "com.amazon.coral.availability#ThrottlingException", "message": "Rate exceeded"}
        answer = Response(json.dumps(error if is_describe else {"stopDate": 1}), 400 if is_describe else 200)
        answer.content_type = "application/x-amz-json-1.0"
        return answer

    with serving(answer) as url:
        environment.setenv("AWS_ENDPOINT_URL_SFN", url)
        yield calls


def test_a_step_functions_that_throttles_is_left_in_peace_and_deadlines_are_kept(account, throttling, s3, environment):
    running = [issued() for _ in range(20)]
    for run in running:
        store.claim(run.id, "v0")
        due_now(run, earlier=60_000)
    late = overdue()
    environment.setattr(sweeping, "WATCH_SECONDS", 6)  # the SDK's own pauses come first: up to 3 s
    sweep.handler({}, CONTEXT)
    assert store.get(late.id).error == "TimedOut"
    tries = 3  # the SDK's
    assert throttling.count("DescribeExecution") <= tries * sweeping.THREADS[Open.ACTIVE]
    assert throttling.count("StopExecution") == 1
    now = clock.now_ms()
    assert all(store.get(run.id).due > now for run in running)


# Records of before


def test_runs_that_the_last_deployment_left_open_are_looked_after(s3, told):
    """They are all of one kind, and know neither `tries` nor `told`."""
    waiting, done, late = due_now(issued()), due_now(ended()), overdue()
    s3.put(done.key, 3)
    for run in (waiting, done, late):
        clients.client("dynamodb").update_item(
            TableName=table.table_name(),
            Key=table.key_of("run", run.id),
            UpdateExpression="SET #open = :one",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues={":one": {"S": "1"}},
        )
    sweep.handler({}, CONTEXT)
    assert store.get(waiting.id).due > clock.now_ms()
    assert s3.left(done.key) == 0
    assert store.get(late.id).is_ended
    assert {each["run"] for each in told} == {done.id, late.id}


# The world


def test_a_deletion_that_comes_while_the_run_is_cleaned_is_not_followed_by_the_event(s3, told):
    run = ended()
    s3.put(run.key, 3)
    moments = []

    def come(_):
        if not moments:
            moments.append(len(told))
            deletion.delete(store.get(run.id))

    s3.on_list = come
    ending.clean(run)
    assert (moments, len(told)) == ([1], 1)
    assert store.get(run.id).status == Status.DELETED


def test_the_event_that_can_not_be_published_does_not_keep_the_photo_and_comes_later(s3, environment):
    run = ended()
    s3.put(run.key)
    environment.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", "http://127.0.0.1:9")  # nobody listens there
    clients.client.cache_clear()
    assert not look(run)
    assert s3.left(run.key) == 0
    assert not store.get(run.id).told
    # Even when nothing else is left to be done, it is still open.
    set_times(run, ended=clock.now_ms() - limits.CLEAN_SECONDS * 1000)
    assert not look(run)
    environment.delenv("AWS_ENDPOINT_URL_EVENTBRIDGE")
    clients.client.cache_clear()
    assert look(run)
    assert store.get(run.id).told
    assert not store.get(run.id).open


# A deletion that was forgotten


def forgotten():
    run = issued()
    store.mark_deleted(run.id, due=0)
    store.forget(run.id)
    return run.key


def test_a_photo_that_comes_after_its_deletion_was_forgotten_is_deleted_at_once(s3):
    key = forgotten()
    s3.put(key)
    start.handler(upload_event(key, "v0"), CONTEXT)
    assert s3.left(key) == 0
    # Its event comes again.
    start.handler(upload_event(key, "v0"), CONTEXT)
    assert key not in str(clients.client("dynamodb").scan(TableName=table.table_name())["Items"])


def test_a_deletion_that_was_forgotten_is_repeated_where_a_photo_has_come_since(s3):
    run, request_id = issued(), str(uuid.uuid4())
    uploads.bind(run, request_id)
    store.mark_deleted(run.id, due=0)
    store.forget(run.id)
    s3.put(run.key, 2)
    for place in ({"bucket": "uploads", "key": run.key}, {}):
        event = {"body": json.dumps({"requestId": request_id, **place}), "headers": {}}
        assert delete_photo.handler(event, CONTEXT)["statusCode"] == 200
    assert s3.left(run.key) == 0


# Purge


def test_purge_deletes_page_by_page_and_a_key_of_many_versions_has_its_turns(s3, environment):
    """The others are through before it is, though it comes first."""
    s3.put("photo/a.jpg", 4 * PAGE)
    s3.put("photo/b.jpg", 3)
    s3.put("photo/new.jpg", 2, new=True)
    purge.handler({}, CONTEXT)
    assert list(s3.versions) == ["photo/new.jpg"]
    assert s3.most_listed == PAGE
    keys = [set(page) for page in s3.pages]
    assert keys.index({"photo/b.jpg", "photo/new.jpg"}) == 1


def test_purge_that_comes_to_no_end_says_so_and_the_next_one_goes_on(s3, environment):
    s3.put("photo/a.jpg", 3 * PAGE)
    environment.setattr(limits, "PURGE_SECONDS", 0)
    with pytest.raises(ServiceUnavailable):
        purge.handler({}, CONTEXT)
    environment.setattr(limits, "PURGE_SECONDS", 60)
    purge.handler({}, CONTEXT)
    assert s3.versions == {}


def test_what_purge_can_not_delete_does_not_keep_the_rest(s3):
    s3.put("photo/a.jpg", 2 * PAGE)
    s3.put("photo/b.jpg", 3)
    s3.refused.add("photo/a.jpg")
    with pytest.raises(ServiceUnavailable):
        purge.handler({}, CONTEXT)
    assert s3.versions.keys() == {"photo/a.jpg"}
