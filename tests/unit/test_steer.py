"""event.json in the bucket: read by the back end, written by staff, one at a time."""

import json
from dataclasses import replace
from types import SimpleNamespace

import boto3
import pytest

import steer
from booth.aws import event, settings
from booth.errors import Conflict, ServiceUnavailable
from booth.event import Event
from local.emulator.services import Emulator, forget_all
from local.faults import Faults, Gate
from tests.support.credentials import FAKE_CREDENTIALS
from tests.support.events import sample_event
from tests.support.serving import serving

pytestmark = pytest.mark.starts

TOKEN = "the-token-of-the-staff"
CONTEXT = SimpleNamespace(
    function_name="steer", memory_limit_in_mb=512, invoked_function_arn="arn:aws:lambda:steer", aws_request_id="r"
)


class Bucket:
    """The operator's hand on the page's bucket, and faults on the functions' way to S3."""

    def __init__(self, url, faults, environment):
        own = {"aws_access_key_id": "AKIATESTOPERATOR0000", "aws_secret_access_key": "secret", "endpoint_url": url}
        self.s3, self.secrets = (boto3.client(name, **own) for name in ("s3", "secretsmanager"))
        self.faults, self.environment = faults, environment

    def put(self, text):
        self.s3.put_object(Bucket="page", Key="event.json", Body=text.encode())

    def stored(self):
        return self.s3.get_object(Bucket="page", Key="event.json")

    def fail(self, *kinds):
        self.faults.set([{"kind": kind, "match": "Steer s3:GetObject *"} for kind in kinds])

    def pass_by(self, seconds):
        """So much later, for what is remembered."""
        known = settings._cache.items()
        earlier = {name: replace(each, read=each.read - seconds, again=each.again - seconds) for name, each in known}
        self.environment.setattr(settings, "_cache", earlier)


@pytest.fixture
def bucket(environment):
    environment.setenv("PAGE_BUCKET", "page")
    environment.setenv("PHOTOS_PER_DAY", "1000")
    environment.setenv("STAFF_TOKENS", "staff")
    environment.setattr(settings, "_cache", {})
    faults = Faults({FAKE_CREDENTIALS["AWS_ACCESS_KEY_ID"]: "Steer"})
    with serving(Gate(Emulator({}), faults)) as url:
        environment.setenv("AWS_ENDPOINT_URL", url)
        bucket = Bucket(url, faults, environment)
        bucket.s3.create_bucket(Bucket="page")
        bucket.secrets.create_secret(Name="staff", SecretString=json.dumps({"staff": TOKEN}))
        yield bucket
    forget_all()


def put(value, token=TOKEN):
    """(status, body) of PUT /staff/settings."""
    asked = sample_event("Steer")
    asked = asked | {"headers": {"authorization": f"Bearer {token}"}, "body": json.dumps(value)}
    answer = steer.handler(asked, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def test_where_staff_have_set_nothing_all_is_as_deployed(bucket):
    assert event.current() == Event()


def test_what_staff_set_is_known_within_ten_seconds(bucket):
    assert event.current().photos_per_day == 0
    bucket.put('{"version": 1, "photosPerDay": 7}')
    bucket.pass_by(9)
    assert event.current().photos_per_day == 0
    bucket.pass_by(2)
    assert event.current().photos_per_day == 7
    bucket.s3.delete_object(Bucket="page", Key="event.json")
    bucket.pass_by(11)
    assert event.current() == Event()


def test_what_can_not_be_read_anew_is_believed_for_ten_minutes(bucket):
    bucket.put('{"version": 1, "photosPerDay": 7}')
    event.current()
    bucket.fail("throttled")
    bucket.pass_by(300)
    assert event.current().photos_per_day == 7
    bucket.pass_by(301)
    with pytest.raises(ServiceUnavailable):
        event.current()


def test_what_somebody_else_wrote_and_nobody_can_read_counts_for_nothing_and_is_not_quoted(bucket, caplog):
    bucket.put("Ann's wedding")
    assert event.current() == Event()
    [record] = caplog.records
    assert "can't be used" in record.message
    assert "Ann" not in json.dumps(record.__dict__, default=str)


def test_staff_write_version_after_version_and_it_is_served_uncached(bucket, caplog):
    first = {"version": 0, "title": {"en": "Ann & Bob"}, "paused": {"until": 0, "reason": {"en": "Lunch of Bob"}}}
    assert put(first) == (200, {"version": 1})
    assert put({"version": 1, "copies": 0}) == (200, {"version": 2})
    stored = bucket.stored()
    assert json.load(stored["Body"]) == {"version": 2, "copies": 0}
    assert (stored["ContentType"], stored["CacheControl"]) == ("application/json", "no-cache")
    told = [record for record in caplog.records if record.message == "the event is steered"]
    assert [(record.version, record.fields) for record in told] == [(1, ["paused", "title"]), (2, ["copies"])]
    assert "Bob" not in json.dumps([record.__dict__ for record in told], default=str)


@pytest.mark.parametrize("base", [0, 1, 3])
def test_who_looked_at_another_version_is_told_and_changes_nothing(bucket, base):
    assert put({"version": 0, "copies": 1}) == (200, {"version": 1})
    assert put({"version": 1, "copies": 2}) == (200, {"version": 2})
    status, body = put({"version": base, "copies": 9})
    assert (status, body["error"]["code"]) == (409, "Conflict")
    assert json.load(bucket.stored()["Body"])["copies"] == 2


def test_one_based_on_a_version_that_was_deleted_is_told(bucket):
    assert put({"version": 4})[0] == 409


@pytest.mark.parametrize("before", [None, '{"version": 1}'])
def test_of_two_who_write_at_the_same_moment_one_is_told(bucket, environment, before):
    """Both have found the same, and the other one has written in between."""
    if before:
        bucket.put(before)
    find = event.find

    def found_and_overtaken():
        found = find()
        bucket.put('{"version": 1, "copies": 1}')
        return found

    environment.setattr(steer.stored, "find", found_and_overtaken)
    status, body = put({"version": 1 if before else 0, "copies": 9})
    assert (status, body["error"]["code"]) == (409, "Conflict")
    assert json.load(bucket.stored()["Body"])["copies"] == 1


REFUSALS = [(404, "NoSuchKey"), (409, "ConditionalRequestConflict"), (412, "PreconditionFailed")]
"""Deleted, two at once, another one: "Conditional write behavior" in S3's user guide."""


@pytest.mark.parametrize(("status", "code"), REFUSALS)
def test_each_answer_by_which_s3_refuses_a_conditional_write_is_a_conflict(bucket, status, code):
    refusal = {"kind": "error", "status": status, "type": code, "message": "Refused."}
    bucket.faults.set([refusal | {"match": "Steer s3:PutObject *"}])
    with pytest.raises(Conflict):
        event.write("{}", None)


def test_an_answer_that_was_lost_makes_no_conflict_of_what_was_written(bucket):
    bucket.faults.set([{"kind": "reset", "times": 1, "match": "Steer s3:PutObject *"}])
    assert put({"version": 0, "copies": 1}) == (200, {"version": 1})


def test_one_that_can_not_be_read_is_replaced_as_if_there_were_none(bucket):
    bucket.put("nonsense")
    assert put({"version": 0, "copies": 1}) == (200, {"version": 1})


def test_a_wrong_setting_is_told_by_its_field_and_nothing_is_written(bucket):
    status, body = put({"version": 0, "title": {"en": "Photo Booth", "ko": ""}})
    assert (status, body["error"]["code"], body["error"]["field"]) == (400, "WrongSetting", "title.ko")
    assert body["error"]["message"] == "title.ko: must be one line of 1 to 120 characters"
    assert put({"version": 0, "photosPerDay": 1001})[1]["error"]["field"] == "photosPerDay"
    assert put([])[1]["error"]["code"] == "BadRequest"
    assert put({"version": 0, "logo": "A" * 1_000_000})[1]["error"]["code"] == "BadRequest"
    assert "Contents" not in bucket.s3.list_objects_v2(Bucket="page")


@pytest.mark.parametrize("token", ["", "the-token-of-the-booth", TOKEN + "x"])
def test_without_staffs_token_nothing_is_written(bucket, token):
    status, body = put({"version": 0}, token)
    assert (status, body["error"]["code"]) == (401, "StaffTokenNeeded")
    assert "Contents" not in bucket.s3.list_objects_v2(Bucket="page")
