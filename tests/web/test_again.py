"""The same photo in other scenes, at the pad: both visits have their link, and with the visitor goes the photo."""

import io
import json

import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from tests.support.page import CannedBooth, await_phase, await_pictures, request_id, take_photo
from tests.support.waiting import await_true


def uploads(booth):
    found = booth.s3.list_object_versions(Bucket=booth.app.uploads_bucket)
    return [each["Key"] for each in found.get("Versions", [])]


def codes_in(locator):
    picture = Image.open(io.BytesIO(locator.screenshot()))
    return {code.text.split("#visit=")[1] for code in zxingcpp.read_barcodes(picture)}


def test_a_visitor_takes_other_scenes_of_the_same_photo_and_leaves_nothing(quick, open_page):
    before = uploads(quick)
    pad = open_page(settings={"scenes": ["sky"], "again": 2})
    pad.click("#begin")
    expect(pad.locator("#consent-again")).to_contain_text("an hour at most")
    pad.click("#refuse")
    take_photo(pad)
    with pad.expect_request("**/upload") as asked:
        pad.click("#use")
    assert asked.value.post_data_json["again"] is True
    await_phase(pad, "ended")
    first = request_id(pad)
    quick.await_idle("Finish")
    assert len(uploads(quick)) == len(before) + 1, "it is kept"

    pad.click("#other-scenes")
    expect(pad.locator("#to-camera")).to_be_disabled()
    pad.click("#scenes .back")
    await_phase(pad, "ended")
    pad.click("#other-scenes")
    for scene in ("neon", "reef"):
        pad.check(f"#scene-list input[value={scene}]")
    pad.click("#to-camera")
    await_phase(pad, "ended")
    await_pictures(pad, 2)
    second = request_id(pad)
    assert second != first
    pad.click("#former")
    assert codes_in(pad.locator("#by-hand")) == {first}
    pad.click("#close-by-hand")

    phone = open_page("phone", f"#visit={second}")
    await_pictures(phone, 2)
    expect(phone.locator("#other-scenes")).to_be_hidden()
    assert len(quick.post("/photo", {"requestId": first})[2]["pictures"]) == 1
    quick.await_idle("Finish")
    assert len(uploads(quick)) == len(before) + 1, "the copy is gone, the photo is there"
    pad.click("#other-scenes")
    pad.check("#scene-list input[value=beach]")
    pad.click("#to-camera")
    await_phase(pad, "ended")
    expect(pad.locator("#other-scenes")).to_be_hidden()  # two is what the operator allows
    pad.click("#former")
    assert codes_in(pad.locator("#by-hand")) == {first, second}
    pad.click("#close-by-hand")

    with pad.expect_response("**/again") as told:
        pad.click("#done")
    assert told.value.request.post_data_json == {"requestId": first, "done": True}
    expect(pad.locator("#start")).to_be_visible()
    await_true(lambda: sorted(uploads(quick)) == sorted(before))


def test_where_the_operator_allows_none_nothing_is_kept_and_nothing_is_said_of_it(quick, open_page):
    pad = open_page(settings={"scenes": ["sky"], "again": 0})
    booth = CannedBooth(pad)
    pad.click("#begin")
    expect(pad.locator("#consent-again")).to_be_hidden()
    pad.click("#refuse")
    with pad.expect_request("**/upload") as asked:
        booth.show(pad, "D")
    assert json.loads(asked.value.post_data)["again"] is False
    await_phase(pad, "ended")
    expect(pad.locator("#other-scenes")).to_be_hidden()


def test_a_visitor_who_deletes_deletes_all_pictures_of_the_photo(quick, open_page):
    pad = open_page(settings={"scenes": ["sky"], "again": 1})
    booth, deleted = CannedBooth(pad), []
    booth.answer = (200, booth.told("D"))

    def delete(route):
        if route.request.method == "DELETE":
            deleted.append(route.request.post_data_json["requestId"])
            route.fulfill(json={"status": "DELETED"})
        else:
            route.fallback()

    pad.route("**/photo", delete)
    pad.route("**/again", lambda route: route.fulfill(json={"left": 0}))
    booth.choose_photo(pad)
    pad.click("#use")
    await_phase(pad, "ended")
    links = [request_id(pad)]
    pad.click("#other-scenes")
    pad.check("#scene-list input[value=neon]")
    with pad.expect_request("**/again") as asked:
        pad.click("#to-camera")
    links.append(asked.value.post_data_json["newRequestId"])
    await_phase(pad, "ended")
    pad.click("#delete")
    pad.click("#ask-yes")
    expect(pad.locator("#start")).to_be_visible()
    assert deleted == links
