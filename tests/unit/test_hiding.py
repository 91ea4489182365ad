"""Staff take a visit from view: what is asked of AWS in which order, again after a crash, and undone."""

import json
import uuid
from types import SimpleNamespace

import pytest

import delete_photo
import hide_photo
import photo
from booth import keys
from booth.aws import cdn, clients, objects, settings
from booth.errors import ServiceUnavailable, Throttled
from booth.lifecycle import ending
from booth.run import Status
from booth.runs import store, uploads
from tests.support.invalidations import connect_cdn
from tests.support.runs import shown

CONTEXT = SimpleNamespace(
    function_name="hide", memory_limit_in_mb=512, invoked_function_arn="arn:aws:lambda:hide", aws_request_id="r"
)
TOKEN = "the-token-of-the-booths-staff"


@pytest.fixture
def booth(account, environment):
    """The account with a CDN and a token of staff's."""
    connect_cdn(account, environment)
    environment.setenv("BOOTH_TOKENS", "")
    environment.setenv("STAFF_TOKENS", "staff")
    clients.client("secretsmanager").create_secret(Name="staff", SecretString=json.dumps({"staff": TOKEN}))
    environment.setattr(settings, "cdn", lambda: "https://cdn")
    return account


def visit(ends=True):
    """A run whose copy and picture are shown; gives its requestId."""
    request_id = shown()
    if ends:
        ending.end(uploads.find_by_request(request_id), "")
    return request_id


def hide(request_id, hidden=True, token=TOKEN):
    """POST /staff/hide; gives (status, code of the error)."""
    body = json.dumps({"requestId": request_id, "hidden": hidden})
    answer = hide_photo.handler({"headers": {"authorization": f"Bearer {token}"}, "body": body}, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]).get("error", {}).get("code", "")


def ask(request_id):
    """POST /photo; gives (status, code of the error)."""
    answer = photo.handler({"body": json.dumps({"requestId": request_id})}, CONTEXT)
    return answer["statusCode"], (json.loads(answer["body"])["error"] or {}).get("code", "")


def run_of(request_id):
    return uploads.find_by_request(request_id)


def tags(booth, request_id):
    """Which of the visit's objects have which tags."""
    s3 = booth.clients["s3"]
    told = [s3.get_object_tagging(Bucket="results", Key=key)["TagSet"] for key in run_of(request_id).published]
    return [{tag["Key"]: tag["Value"] for tag in each} for each in told]


def test_a_visit_is_hidden_and_shown_again(booth):
    request_id = visit()
    assert hide(request_id) == (200, "")
    assert ask(request_id) == (404, "Hidden")
    assert tags(booth, request_id) == [{"hidden": "true"}] * 2
    [paths] = booth.invalidated().values()
    assert sorted(paths) == sorted(keys.address(key) for key in run_of(request_id).published)
    assert hide(request_id, hidden=False) == (200, "")
    assert ask(request_id) == (200, "")
    assert tags(booth, request_id) == [{}] * 2
    assert len(booth.invalidated()) == 1, "there is no copy of what the CDN was denied"


def test_what_is_repeated_changes_nothing_and_what_is_hidden_anew_is_invalidated_anew(booth, moment):
    request_id = visit()
    assert [hide(request_id) for _ in range(3)] == [(200, "")] * 3
    assert len(booth.invalidated()) == 1
    assert [hide(request_id, hidden=False) for _ in range(2)] == [(200, "")] * 2
    moment.now += 1
    assert hide(request_id) == (200, "")
    assert len(booth.invalidated()) == 2


def raising(error):
    def raise_it(*_, **__):
        raise error

    return raise_it


STEPS = [(store, "set_hidden"), (objects, "set_hidden"), (cdn, "invalidate")]


@pytest.mark.parametrize("step", range(3))
@pytest.mark.parametrize("error", [Throttled("no"), ServiceUnavailable("no")])
def test_who_is_cut_off_is_told_so_and_the_next_call_does_the_rest(booth, environment, step, error):
    request_id = visit()
    with environment.context() as broken:
        broken.setattr(*STEPS[step], raising(error))
        assert hide(request_id) == (503, type(error).__name__)
    assert ask(request_id) == ((404, "Hidden") if step else (200, "")), "the link is the first to go"
    assert hide(request_id) == (200, "")
    assert ask(request_id) == (404, "Hidden")
    assert tags(booth, request_id) == [{"hidden": "true"}] * 2
    assert len(booth.invalidated()) == 1


def test_an_undo_that_is_cut_off_shows_no_picture(booth, environment):
    request_id = visit()
    hide(request_id)
    with environment.context() as broken:
        broken.setattr(objects, "set_hidden", raising(ServiceUnavailable("no")))
        assert hide(request_id, hidden=False) == (503, "ServiceUnavailable")
    assert tags(booth, request_id) == [{"hidden": "true"}] * 2
    assert hide(request_id, hidden=False) == (200, "")
    assert tags(booth, request_id) == [{}] * 2


def test_of_two_at_the_same_time_the_later_write_of_the_record_wins(booth, environment):
    """One shows the visit again, another one hides it when the first is about to take the tags away."""
    request_id = visit()
    hide(request_id)
    tagged, others = objects.set_hidden, []

    def meanwhile(key, hidden):
        if not hidden and not others:
            others.append(store.set_hidden(run_of(request_id).id, True))
        tagged(key, hidden)

    environment.setattr(objects, "set_hidden", meanwhile)
    assert hide(request_id, hidden=False) == (200, "")
    assert ask(request_id) == (404, "Hidden")
    assert tags(booth, request_id) == [{"hidden": "true"}] * 2


def test_only_what_has_ended_can_be_hidden(booth):
    running = visit(ends=False)
    assert hide(running) == (409, "Conflict")
    assert (ask(running)[0], run_of(running).hidden, tags(booth, running)) == (202, 0, [{}] * 2)
    assert hide(str(uuid.uuid4())) == (404, "NotFound")


def test_a_hidden_visit_is_deleted_as_any(booth):
    request_id = visit()
    hide(request_id)
    run = run_of(request_id)
    answer = delete_photo.handler({"body": json.dumps({"requestId": request_id})}, CONTEXT)
    assert answer["statusCode"] == 200
    assert booth.clients["s3"].list_objects_v2(Bucket="results").get("Contents", []) == []
    assert (store.get(run.id).status, store.get(run.id).hidden) == (Status.DELETED, 0)
    assert ask(request_id) == (404, "Deleted")
    for hidden in (True, False):
        assert hide(request_id, hidden) == (404, "Deleted")


def test_a_visit_that_is_deleted_while_it_is_being_hidden_is_deleted(booth, environment):
    request_id = visit()
    tagged = objects.set_hidden

    def meanwhile(key, hidden):
        delete_photo.handler({"body": json.dumps({"requestId": request_id})}, CONTEXT)
        tagged(key, hidden)

    environment.setattr(objects, "set_hidden", meanwhile)
    assert hide(request_id) == (404, "Deleted")
    assert store.get(run_of(request_id).id).hidden == 0


def test_a_record_of_an_older_release_can_be_hidden(booth):
    """It has no `hidden`."""
    request_id = visit()
    assert run_of(request_id).hidden == 0
    assert hide(request_id, hidden=False) == (200, "")
    assert ask(request_id) == (200, "")


@pytest.mark.parametrize("token", ["", "the-token-of-the-booths-staf", f"{TOKEN}x"])
def test_only_staff_hide(booth, token):
    request_id = visit()
    assert hide(request_id, token=token) == (401, "StaffTokenNeeded")
    assert hide("x", token=token) == (401, "StaffTokenNeeded"), "before anything is read"
    assert ask(request_id) == (200, "")


@pytest.mark.parametrize("fields", [{}, {"hidden": "true"}, {"hidden": 1}, {"hidden": None}, {"requestId": "a b"}])
def test_a_request_that_is_malformed(booth, fields):
    body = json.dumps({"requestId": str(uuid.uuid4())} | fields | ({"hidden": True} if "requestId" in fields else {}))
    event = {"headers": {"authorization": f"Bearer {TOKEN}"}, "body": body}
    assert hide_photo.handler(event, CONTEXT)["statusCode"] == 400
