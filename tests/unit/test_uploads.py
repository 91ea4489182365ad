"""Uploads, ids and requestIds: each is given once, whoever else asks at the same time."""

import uuid

import pytest

from booth.aws import table
from booth.errors import Conflict
from booth.runs import store, uploads
from tests.support.runs import issue
from tests.support.threads import at_once


def test_a_key_is_given_once(dynamodb):
    runs = at_once(8, lambda _: issue("photo/same.jpg"))
    assert len([run for run in runs if run]) == 1
    assert uploads.find_by_upload("photo/same.jpg").id in runs


def test_an_id_is_given_once(dynamodb):
    assert issue("photo/1.jpg", "mine")
    with pytest.raises(Conflict):
        issue("photo/2.jpg", "mine")
    # The Key of the refused upload was not used up.
    assert issue("photo/2.jpg", "other")


def test_a_photo_without_upload_is_adopted_once(dynamodb):
    found = at_once(8, lambda number: uploads.register(f"run-{number}", "photo/foreign.jpg", f"id-{number}"))
    assert len({run.id for run in found}) == 1


def test_a_request_id_and_an_upload_are_bound_once(dynamodb):
    first, second = (store.get(issue(f"photo/{number}.jpg")) for number in range(2))
    assert uploads.bind(first, "request").request == table.hashed("request")
    assert uploads.bind(store.get(first.id), "request").id == first.id
    with pytest.raises(Conflict):
        uploads.bind(second, "request")
    with pytest.raises(Conflict):
        uploads.bind(store.get(first.id), "another")
    assert uploads.find_by_request("another") is None
    assert store.get(second.id).request == ""


def test_binding_at_the_same_instant(dynamodb):
    run = store.get(issue())

    def bind(number):
        try:
            return uploads.bind(run, f"request-{number % 2}").request
        except Conflict:
            return None

    bound = {request for request in at_once(8, bind) if request}
    assert bound == {store.get(run.id).request}


def test_a_refused_id_leaves_the_request_unbound(dynamodb):
    issue("photo/1.jpg", "taken")
    run = store.get(issue("photo/2.jpg"))
    with pytest.raises(Conflict):
        uploads.bind(run, "request", "taken")
    assert uploads.find_by_request("request") is None
    assert uploads.bind(run, "request", "free").picture_id == "free"


def ids_taken(dynamodb):
    """How many ids have been taken for good."""
    items = table.connect().scan(TableName=table.table_name())["Items"]
    return sum(item["pk"]["S"].startswith("id#") for item in items)


def test_an_upload_is_named_once_and_takes_no_further_id(dynamodb):
    run = issue()
    assert uploads.bind(store.get(run), "request", "first").picture_id == "first"
    taken = ids_taken(dynamodb)
    for name in ("second", "third"):
        with pytest.raises(Conflict):
            uploads.bind(store.get(run), "request", name)
    assert ids_taken(dynamodb) == taken
    # The same again is no other name; the others are free for somebody else.
    assert uploads.bind(store.get(run), "request", "first").picture_id == "first"
    assert issue("photo/other.jpg", "second")


def test_names_given_at_the_same_instant_are_one(dynamodb):
    run = store.get(issue())

    def name(number):
        try:
            return uploads.bind(run, "request", f"name-{number}").picture_id
        except Conflict:
            return None

    [named] = [name for name in at_once(8, name) if name]
    assert store.get(run.id).picture_id == named
    assert ids_taken(dynamodb) == 2, "the random one and the caller's"


def test_what_was_made_of_an_id_is_taken_with_it(dynamodb):
    """So who has seen a picture's name can't have it, nor its beginning; and the caller may say its id again."""
    run = str(uuid.uuid4())
    given = {"scenes": [], "content_type": "image/jpeg", "consent": None}
    assert uploads.issue(run, "photo/a.jpg", picture_id="7-random", given="7", **given)
    for seen in ("7", "7-random"):
        with pytest.raises(Conflict):
            issue("photo/b.jpg", seen)
    assert uploads.bind(store.get(run), "request", "7", "7-other").picture_id == "7-random"
    assert uploads.bind(store.get(run), "request", "8", "8-random").picture_id == "8-random"
    with pytest.raises(Conflict):
        uploads.bind(store.get(run), "request", "9", "9-random")


def test_a_record_from_before_ids_were_kept_apart_is_bound_by_its_id(dynamodb):
    run = issue(picture_id="mine")
    assert store.get(run).given == ""
    taken = ids_taken(dynamodb)
    assert uploads.bind(store.get(run), "request", "mine", "mine-random").picture_id == "mine"
    assert ids_taken(dynamodb) == taken


def test_the_id_counts_only_before_the_start(dynamodb):
    run = issue()
    store.claim(run, "v")
    assert uploads.bind(store.get(run), "request", "late").picture_id not in ("", "late")
    assert issue("photo/other.jpg", "late")


def test_an_id_that_was_made_up_is_given_once_as_well(dynamodb):
    """The id is in the pictures' URLs: whoever sees it must not get at them."""
    first = store.get(issue("photo/1.jpg"))
    foreign = uploads.register(str(uuid.uuid4()), "photo/2.jpg", str(uuid.uuid4()))
    for taken in (first.picture_id, foreign.picture_id):
        with pytest.raises(Conflict):
            issue("photo/3.jpg", taken)


def test_names_are_kept_as_hashes_where_the_record_outlives_the_data(dynamodb):
    run = issue("photo/anna.jpg", "anna-id")
    uploads.bind(store.get(run), "anna-request")
    items = table.client("dynamodb", **table._LIMITS).scan(TableName=table.table_name())["Items"]
    for item in items:
        if not item["pk"]["S"].startswith("run#"):
            assert "anna" not in str(item)
    lasting = [item for item in items if "expires" not in item]
    assert {item["pk"]["S"].partition("#")[0] for item in lasting} == {"upload", "id"}
