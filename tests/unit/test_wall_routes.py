"""The calls of the event's wall: what each answers, who may make it, what two at once and a crash leave behind."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

import decide_picture
import delete_photo
import hide_photo
import leave_wall
import photo
import staff_wall
import wall as wall_route
from booth import keys, limits
from booth.aws import cdn, clients, objects, settings, table
from booth.errors import ServiceUnavailable, Throttled
from booth.http import wall
from booth.lifecycle import ending, publishing, sweeping
from booth.run import Run
from booth.runs import figures, store, uploads
from booth.wall import Verdict, WallState
from tests.support import openapi
from tests.support.invalidations import connect_cdn
from tests.support.runs import NOW, shown

CONTEXT = SimpleNamespace(
    function_name="wall", memory_limit_in_mb=512, invoked_function_arn="arn:aws:lambda:wall", aws_request_id="r"
)
STAFF, WALL, BOOTH = "the-token-of-the-booths-staff", "the-token-of-the-booths-wall", "the-token-of-the-booth"
VERDICTS = {
    "shown": Verdict(WallState.SHOWN),
    "waiting": Verdict(WallState.WAITING, "Violence", 61.234),
    "refused": Verdict(WallState.REFUSED, "Explicit", 99.0),
}
ROUTES = {
    "GET /wall/pictures": wall_route,
    "DELETE /wall/pictures": leave_wall,
    "GET /staff/wall": staff_wall,
    "POST /staff/wall": decide_picture,
    "DELETE /staff/photo": delete_photo,
    "POST /staff/hide": hide_photo,
    "POST /photo": photo,
}


@pytest.fixture(autouse=True)
def booth(account, environment):
    """The account with a CDN and the three kinds of tokens."""
    connect_cdn(account, environment)
    for name, token in (("staff", STAFF), ("wall", WALL), ("booths", BOOTH)):
        clients.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps({name: token}))
    for name, value in {"STAFF_TOKENS": "staff", "WALL_TOKENS": "wall", "BOOTH_TOKENS": "booths"}.items():
        environment.setenv(name, value)
    environment.setenv("WALL_MODERATION", "on")
    environment.setattr(settings, "cdn", lambda: "https://cdn")
    return account


def call(route, body=None, token=""):
    """Calls a route; gives (status, answer), which the document has."""
    event = {"routeKey": route, "headers": {"authorization": f"Bearer {token}"} if token else {}}
    answer = ROUTES[route].handler(event | ({} if body is None else {"body": json.dumps(body)}), CONTEXT)
    told = json.loads(answer["body"])
    method, path = route.split()
    openapi.check(method, path, answer["statusCode"], {k.title(): v for k, v in answer["headers"].items()}, told)
    return answer["statusCode"], told


def code(answer):
    return answer[0], answer[1]["error"]["code"]


def visit(*verdicts, agrees=True, ends=True):
    """A visit with a finished picture for each of VERDICTS, or None for one that nobody has decided on. Gives its
    requestId and its run.
    """
    request_id = shown(wall=agrees)
    run = uploads.find_by_request(request_id)
    number = max(len(verdicts), 1)
    pictures = {
        f"p{n}": {"scene": "sky", "state": "DONE", "key": keys.picture_key(run.id, n)} for n in range(1, number + 1)
    }
    store._update_running(run.id, "SET #pictures = :pictures", {"pictures": pictures})
    for picture in pictures.values():
        objects.put_result(picture["key"], b"jpeg")
    for n, verdict in enumerate(verdicts, start=1):
        if verdict:
            publishing.publish_on_wall(store.get(run.id), n, b"copy", VERDICTS[verdict])
    if ends:
        ending.end(store.get(run.id), "")
    return request_id, store.get(run.id)


def copy_of(run: Run, number=1):
    return objects.find(keys.wall_key(run.id, number))


def address(run: Run, number=1):
    return keys.address(keys.wall_key(run.id, number))


def on_wall():
    status, answer = call("GET /wall/pictures", token=WALL)
    assert status == 200
    return [each["url"] for each in answer["pictures"]]


def staffs(name):
    """(run id, number) of the pictures in one of staff's lists."""
    return [(each["visit"], each["picture"]) for each in call("GET /staff/wall", token=STAFF)[1][name]]


def told(request_id):
    """How the visitor is told that the pictures stand."""
    return [each["wall"] for each in call("POST /photo", {"requestId": request_id})[1]["pictures"]]


def decide(run, state, number=1):
    return call("POST /staff/wall", {"visit": run.id, "picture": number, "state": state}, STAFF)


def take_off(request_id, number=None):
    return call("DELETE /wall/pictures", {"requestId": request_id} | ({"picture": number} if number else {}))


# What is on the wall


def test_the_wall_shows_what_is_shown_newest_first_and_tells_nothing_else(moment):
    visits = []
    for verdicts in (("shown", "waiting"), ("refused",), ("waiting",), ("shown", "shown")):
        moment.now += 1000
        visits.append(visit(*verdicts)[1])
    status, answer = call("GET /wall/pictures", token=WALL)
    assert status == 200
    first, _, _, last = visits
    assert answer["pictures"][2] == {"url": address(first), "since": (NOW + 1000) // 1000}
    assert {each["url"] for each in answer["pictures"][:2]} == {address(last), address(last, 2)}
    assert len(answer["pictures"]) == 3
    text = json.dumps(answer)
    assert not [run for run in visits for word in (run.id, run.key, run.picture_id) if word in text]


def test_it_shows_sixty_at_most_the_newest(moment, environment):
    assert wall.MOST_SHOWN == 60
    environment.setattr(wall, "MOST_SHOWN", 10)
    for _ in range(3):
        moment.now += 1000
        _, run = visit(*["shown"] * 4)
    urls = on_wall()
    assert len(urls) == len(set(urls)) == 10
    assert urls[0].startswith("/photo/photo_")
    assert {*urls[:4]} == {address(run, number) for number in range(1, 5)}


def test_a_picture_that_staff_let_on_is_new_when_they_do(moment):
    _, doubtful = visit("waiting")
    moment.now += 60_000
    _, clear = visit("shown")
    moment.now += 60_000
    decide(doubtful, "shown")
    assert on_wall() == [address(doubtful), address(clear)]


def test_what_a_visitor_is_told_of_each_state(moment):
    request_id, run = visit("shown", "waiting", "refused", None, "shown")
    decide(run, "hidden", 5)
    assert told(request_id) == ["shown", "waiting", "off", "checking", "off"]
    moment.now += limits.CLEAN_SECONDS * 1000
    assert told(request_id)[3] is None, "nothing decides any more"
    take_off(request_id, 1)
    assert told(request_id)[0] == "off"


@pytest.mark.parametrize("agrees", [False, None])
def test_a_visitor_who_does_not_agree_is_told_nothing_of_the_wall_and_may_take_off_nothing(agrees):
    request_id, run = visit(None, agrees=agrees)
    assert told(request_id) == [None]
    assert take_off(request_id) == (200, {"requestId": request_id, "pictures": [{"picture": 1, "wall": None}]})
    assert store.get(run.id).wall is None, "as a record of an older release, which has no `wall`"
    assert code(decide(run, "shown")) == (404, "NotFound")


def test_a_picture_that_failed_is_not_for_the_wall():
    request_id, run = visit(None, ends=False)
    store._update_running(run.id, "SET #pictures.#p1 = :p", {"p": {"scene": "sky", "state": "WAITING"}})
    assert told(request_id) == ["checking"]
    ending.end(store.get(run.id), "")
    assert told(request_id) == [None]


# Staff


def test_staffs_lists(moment):
    _, first = visit("waiting", "shown")
    moment.now += 2000
    _, second = visit("shown", "waiting")
    moment.now += 2000
    decide(second, "hidden")
    status, answer = call("GET /staff/wall", token=STAFF)
    assert (status, answer["moderation"], answer["count"]) == (200, "on", 2)
    assert (answer["oldest"], answer["now"]) == (NOW // 1000, (NOW + 4000) // 1000)
    assert answer["waiting"] == [
        {
            "visit": run.id,
            "picture": number,
            "url": address(run, number),
            "since": since // 1000,
            "label": "Violence",
            "score": 61.2,
            "decided": None,
        }
        for run, number, since in ((second, 2, NOW + 2000), (first, 1, NOW))
    ]
    assert staffs("shown") == [(first.id, 2)]
    [hidden] = answer["hidden"]
    assert (hidden["visit"], hidden["decided"], hidden["label"]) == (second.id, (NOW + 4000) // 1000, "")


def test_the_longest_waiting_is_told_however_many_wait(moment, environment):
    environment.setattr(wall, "MOST_WAITING", 3)
    environment.setattr(staff_wall, "_OLDEST", 3)
    visits = []
    for _ in range(8):
        moment.now += 1000
        visits.append(visit("waiting")[1])
    answer = call("GET /staff/wall", token=STAFF)[1]
    assert [each["visit"] for each in answer["waiting"]] == [run.id for run in reversed(visits[-3:])]
    assert answer["oldest"] == (NOW + 1000) // 1000
    hide(visits[0])
    assert call("GET /staff/wall", token=STAFF)[1]["oldest"] == (NOW + 2000) // 1000


def hide(run, hidden=True):
    return call("POST /staff/hide", {"visit": run.id, "hidden": hidden}, STAFF)


def test_nothing_is_told_where_nothing_is():
    answer = call("GET /staff/wall", token=STAFF)[1]
    lists = {name: answer[name] for name in ("waiting", "shown", "hidden", "count", "oldest")}
    assert lists == {"waiting": [], "shown": [], "hidden": [], "count": 0, "oldest": None}
    assert on_wall() == []


STATES = ("shown", "hidden", "waiting")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("former", STATES)
def test_staff_decide_and_undo_by_the_former_state(former, state):
    _, run = visit("waiting")
    decide(run, former)
    assert decide(run, state) == (200, {"visit": run.id, "picture": 1, "state": state})
    assert {name: staffs(name) for name in STATES} == {name: [(run.id, 1)] * (name == state) for name in STATES}
    assert on_wall() == ([address(run)] if state == "shown" else [])
    assert copy_of(run) == b"copy", "staff see what they have hidden"
    assert [each["by"] for each in store.get(run.id).wall["p1"]["decisions"]] == ["staff"] * 2


def test_decisions_are_counted():
    _, run = visit("waiting")
    for state in ("shown", "hidden", "waiting", "shown"):
        decide(run, state)
    assert figures.read(figures.today()).wall == {"approved": 2, "hidden": 1}


@pytest.mark.parametrize("state", STATES)
def test_staff_can_not_show_what_was_refused_or_taken_off(state):
    request_id, run = visit("refused", "shown")
    take_off(request_id, 2)
    assert [code(decide(run, state, number)) for number in (1, 2)] == [(409, "Conflict")] * 2
    assert on_wall() == []


def test_staff_are_told_what_there_is_not():
    _, run = visit("shown")
    assert code(decide(run, "hidden", 2)) == (404, "NotFound")
    assert code(decide(SimpleNamespace(id=str(uuid.uuid4())), "hidden")) == (404, "NotFound")
    store.mark_deleted(run.id, due=1)
    assert code(decide(run, "hidden")) == (404, "Deleted")


WRONG = [{"picture": 0}, {"picture": 6}, {"picture": 1.5}, {"picture": "1"}, {"picture": True}, {"picture": [1]}]


@pytest.mark.parametrize(
    "wrong", [*WRONG, {"picture": None}, {"state": "off"}, {"state": None}, {"state": ["shown"]}, {"visit": "a b"}]
)
def test_a_decision_that_is_malformed(wrong):
    _, run = visit("shown")
    body = {"visit": run.id, "picture": 1, "state": "hidden"} | wrong
    assert code(call("POST /staff/wall", body, STAFF)) == (400, "BadRequest")
    assert on_wall() == [address(run)]


def test_a_whole_visit_is_hidden_shown_again_and_deleted_by_its_name_on_the_wall(booth):
    request_id, run = visit("shown", "waiting")
    other = visit("shown")[1]
    assert hide(run) == (200, {"visit": run.id, "hidden": True})
    assert (on_wall(), staffs("waiting")) == ([address(other)], [])
    tags = booth.clients["s3"].get_object_tagging(Bucket="results", Key=keys.wall_key(run.id, 1))["TagSet"]
    assert tags == [{"Key": "hidden", "Value": "true"}]
    [paths] = booth.invalidated().values()
    assert {address(run), address(run, 2)} <= {*paths}
    assert hide(run, hidden=False) == (200, {"visit": run.id, "hidden": False})
    assert ({*on_wall()}, staffs("waiting")) == ({address(run), address(other)}, [(run.id, 2)])
    hide(run)
    for _ in range(2):
        answer = call("DELETE /staff/photo", {"visit": run.id}, STAFF)
        assert answer == (200, {"visit": run.id, "status": "DELETED"})
    assert (copy_of(run), copy_of(run, 2), on_wall()) == (None, None, [address(other)])
    assert code(hide(run)) == (404, "Deleted")
    assert code(call("POST /photo", {"requestId": request_id})) == (404, "Deleted")


def test_a_visit_is_hidden_of_which_its_visitor_takes_a_picture_off_the_wall_meanwhile(environment):
    request_id, run = visit("shown", "shown")
    tagged, others = objects.set_hidden, []

    def meanwhile(key, hidden):
        if not others:
            others.append(take_off(request_id, 1))
        tagged(key, hidden)

    environment.setattr(objects, "set_hidden", meanwhile)
    assert hide(run)[0] == 200
    assert code(call("POST /photo", {"requestId": request_id})) == (404, "Hidden")


def test_staff_delete_by_the_visitors_request_id_as_well():
    request_id, run = visit("shown")
    answer = call("DELETE /staff/photo", {"requestId": request_id}, STAFF)
    assert answer == (200, {"requestId": request_id, "status": "DELETED"})
    assert (copy_of(run), on_wall()) == (None, [])


@pytest.mark.parametrize("named", [{}, {"visit": "a", "requestId": "b"}, {"visit": "a b"}, {"requestId": 7}])
@pytest.mark.parametrize("route", ["POST /staff/hide", "DELETE /staff/photo"])
def test_staff_name_a_visit_in_one_way(route, named):
    assert code(call(route, named | ({"hidden": True} if "hide" in route else {}), STAFF)) == (400, "BadRequest")


@pytest.mark.parametrize("named", ["visit", "requestId"])
@pytest.mark.parametrize("route", ["POST /staff/hide", "DELETE /staff/photo"])
def test_a_visit_that_nobody_knows(route, named):
    body = {named: str(uuid.uuid4())} | ({"hidden": True} if "hide" in route else {})
    assert code(call(route, body, STAFF)) == (404, "NotFound")


# Its visitor


def test_a_visitor_takes_one_picture_off_and_then_all_and_what_is_repeated_changes_nothing(booth):
    request_id, run = visit("shown", "shown", "waiting")
    for _ in range(2):
        status, answer = take_off(request_id, 1)
        assert (status, [each["wall"] for each in answer["pictures"]]) == (200, ["off", "shown", "waiting"])
    assert (on_wall(), copy_of(run), copy_of(run, 2)) == ([address(run, 2)], None, b"copy")
    assert list(booth.invalidated().values()) == [[address(run)]]
    for _ in range(2):
        status, answer = take_off(request_id)
        assert (status, [each["wall"] for each in answer["pictures"]]) == (200, ["off"] * 3)
    assert (on_wall(), staffs("waiting"), copy_of(run, 2), copy_of(run, 3)) == ([], [], None, None)
    assert len(booth.invalidated()) == 2
    assert call("POST /photo", {"requestId": request_id})[1]["status"] == "SUCCEEDED", "the visit stays"


def test_what_is_taken_off_while_it_is_painted_never_comes(booth):
    request_id, run = visit(None, ends=False)
    assert take_off(request_id)[1]["pictures"] == [{"picture": 1, "wall": "off"}]
    assert not publishing.publish_on_wall(store.get(run.id), 1, b"copy", VERDICTS["shown"])
    assert (copy_of(run), on_wall(), booth.invalidated()) == (None, [], {})


def test_a_short_request_id_needs_bucket_key_and_a_booths_token():
    request_id, run = visit("shown")
    place = {"requestId": request_id, "bucket": objects.uploads_bucket(), "key": run.key}
    for token in ("", STAFF, WALL, request_id):
        assert code(call("DELETE /wall/pictures", place, token)) == (401, "BoothTokenNeeded")
    short = {"requestId": "b123456abc"}
    assert code(call("DELETE /wall/pictures", short)) == (400, "BadRequest")
    assert code(call("DELETE /wall/pictures", place | short, BOOTH)) == (404, "NotFound")
    assert code(call("DELETE /wall/pictures", place | {"key": "photo/none.jpg"}, BOOTH)) == (404, "NotFound")
    assert code(call("DELETE /wall/pictures", place | {"bucket": "another"}, BOOTH)) == (403, "ForeignBucket")
    assert on_wall() == [address(run)]
    assert call("DELETE /wall/pictures", place, BOOTH)[0] == 200
    assert on_wall() == []


@pytest.mark.parametrize("wrong", [*WRONG, {"picture": None}, {"requestId": None}])
def test_a_request_to_take_off_that_is_malformed(wrong):
    request_id, run = visit("shown")
    body = {"requestId": request_id, "picture": 1} | wrong
    assert code(call("DELETE /wall/pictures", body)) == (400, "BadRequest")
    assert on_wall() == [address(run)]


def test_of_a_visit_that_is_unknown_or_deleted_nothing_is_taken_off():
    request_id, run = visit("shown")
    assert code(take_off(str(uuid.uuid4()))) == (404, "NotFound")
    store.mark_deleted(run.id, due=1)
    assert code(take_off(request_id)) == (404, "Deleted")


def test_an_expired_visit_is_on_no_wall(moment):
    request_id, run = visit("shown", "waiting")
    moment.now += store.RETENTION_SECONDS * 1000 + 1000
    assert (on_wall(), staffs("waiting"), staffs("shown")) == ([], [], [])
    assert code(take_off(request_id)) == (404, "NotFound")
    assert code(decide(run, "hidden")) == (404, "NotFound")


# Two at once, and what breaks off


def test_whoever_else_decides_at_the_same_time_what_its_visitor_takes_off_is_off():
    request_id, run = visit("shown", "waiting", "shown")
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(take_off, request_id)]
        calls += [pool.submit(decide, run, state, number) for number in (1, 2, 3) for state in ("hidden", "shown")]
    assert {each.result()[0] for each in calls} <= {200, 409}
    assert told(request_id) == ["off"] * 3
    assert [copy_of(run, number) for number in (1, 2, 3)] == [None] * 3
    assert on_wall() == []


def raising(error):
    def raise_it(*_, **__):
        raise error

    return raise_it


@pytest.mark.parametrize("error", [Throttled("no"), ServiceUnavailable("no")])
def test_who_is_cut_off_before_the_copy_is_deleted_is_told_so_and_another_call_goes_on(booth, environment, error):
    request_id, run = visit("shown")
    with environment.context() as broken:
        broken.setattr(objects, "delete_results", raising(error))
        assert code(take_off(request_id)) == (503, type(error).__name__)
    assert (on_wall(), copy_of(run)) == ([], b"copy"), "no wall is told of it"
    assert take_off(request_id)[0] == 200
    assert copy_of(run) is None
    assert list(booth.invalidated().values()) == [[address(run, number) for number in range(1, 6)]]


def test_sweep_deletes_a_copy_that_was_left_and_nothing_else(environment, moment):
    request_id, run = visit("shown", "shown")
    ending.clean(run)
    moment.now += limits.CLEAN_SECONDS * 1000
    ending.clean(store.get(run.id))
    assert not store.get(run.id).open
    with environment.context() as broken:
        broken.setattr(objects, "delete_results", raising(ServiceUnavailable("killed")))
        take_off(request_id, 1)
    moment.now += limits.DELETE_SECONDS * 1000
    assert sweeping.handle_due(run.id, store.get(run.id).due)
    assert (copy_of(run), copy_of(run, 2), on_wall()) == (None, b"copy", [address(run, 2)])
    assert objects.find(keys.picture_key(run.id, 1)) == b"jpeg", "the visit's own"
    assert not store.get(run.id).open


@pytest.mark.parametrize("error", [Throttled("no"), ServiceUnavailable("no")])
def test_a_cdn_that_takes_no_invalidation_keeps_nobody_from_the_answer(environment, error):
    request_id, run = visit("shown")
    environment.setattr(cdn, "invalidate", raising(error))
    assert take_off(request_id)[0] == 200
    assert (on_wall(), copy_of(run)) == ([], None)


@pytest.mark.parametrize(
    ("route", "body", "token"),
    [
        ("GET /wall/pictures", None, WALL),
        ("GET /staff/wall", None, STAFF),
        ("POST /staff/wall", {"visit": "v", "picture": 1, "state": "shown"}, STAFF),
        ("DELETE /wall/pictures", {"requestId": "r" * 22}, ""),
    ],
)
@pytest.mark.parametrize("error", [Throttled("no"), ServiceUnavailable("no")])
def test_a_table_that_does_not_answer_is_told_as_passing(environment, route, body, token, error):
    environment.setattr(table, "connect", raising(error))
    assert code(call(route, body, token)) == (503, type(error).__name__)


# Tokens


@pytest.mark.parametrize("route", ["GET /wall/pictures", "GET /staff/wall", "POST /staff/wall", "DELETE /staff/photo"])
def test_no_other_token_opens_it_and_nothing_is_read_before(environment, route):
    request_id, run = visit("shown")
    environment.setattr(table, "connect", raising(AssertionError("read")))
    own, needed = (WALL, "WallTokenNeeded") if route.endswith("pictures") else (STAFF, "StaffTokenNeeded")
    for token in {"", WALL, STAFF, BOOTH, request_id, run.id, own[:-1], own + "x", "é"} - {own}:
        assert code(call(route, {"no": "request"}, token)) == (401, needed)
