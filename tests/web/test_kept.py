"""What stays of the visitor: offered on the choice of scenes, sent with the photo, kept in the pictures."""

from playwright.sync_api import expect

from tests.support.page import ONE_PICTURE, CannedBooth, await_phase, request_id

FORGET_WHAT_IS_KEPT = """() => new Promise((done) => {
  const opening = indexedDB.open("photo-booth", 1);
  opening.onsuccess = () => {
    const transaction = opening.result.transaction("visits", "readwrite");
    const visits = transaction.objectStore("visits");
    visits.getAll().onsuccess = ({ target }) => target.result.forEach(({ keep, ...record }) => visits.put(record));
    transaction.oncomplete = () => { opening.result.close(); done(); };
  };
})"""

KEPT = """async ([keep, ofScenes, tapped, own]) => {
  const { Session } = await import("/screens/session.js");
  const session = new Session({ keep, scenes: [], offered: [], mostScenes: 3 }, false);
  const scenes = ofScenes.map((each, number) => ({ id: `${number}`, keep: each, ownKeep: own === number }));
  session.useCatalogue({ scenes, default: scenes.map(({ id }) => id) });
  session.tapped = tapped;
  return session.keep;
}"""


def uploads(page):
    """The bodies of the page's POST /upload, which fill as it goes on."""
    bodies = []
    page.on("request", lambda each: bodies.append(each.post_data_json) if each.url.endswith("/upload") else None)
    return bodies


def go_to_scenes(page):
    page.click("#begin")
    page.click("#agree")
    page.wait_for_selector(".scene")


def use_photo(page):
    page.click("#to-camera")
    page.click("#shoot:not(:disabled)")
    page.click("#use")


def ticked(page):
    """What the visitor reads of the choice that is ticked."""
    return page.locator("#keep-choice label:has(:checked) b").all_inner_texts()


def test_what_is_ticked_is_sent_after_a_reload_too_and_is_what_the_pictures_keep(quick, open_page):
    """By the keyboard; one more photo keeps it; the next visitor begins with the operator's choice."""
    pad = open_page(settings=ONE_PICTURE)
    bodies = uploads(pad)
    go_to_scenes(pad)
    assert ticked(pad) == ["My head and hair"]
    pad.get_by_role("radio", name="My head and hair New clothes").focus()
    pad.keyboard.press("ArrowRight")
    assert ticked(pad) == ["All of me"]
    pad.route("**/upload", lambda route: route.abort())
    use_photo(pad)
    expect(pad.locator("#status")).to_have_text("Your photo is safe on this device")
    pad.reload()
    expect(pad.locator("#status")).to_have_text("Your photo is safe on this device")
    pad.unroute("**/upload")
    await_phase(pad, "ended")
    assert {body["keep"] for body in bodies} == {"person"}
    answer = quick.post("/photo", {"requestId": request_id(pad)})[2]
    assert [picture["keep"] for picture in answer["pictures"]] == ["person"]
    refusal = {"error": {"code": "BadRequest", "message": ""}}
    pad.route("**/upload", lambda route: route.fulfill(status=400, json=refusal))
    for _ in range(2):  # one more photo: after the reload, and with the choice in memory
        pad.click("#another")
        pad.click("#camera .back")
        assert ticked(pad) == ["All of me"]
        use_photo(pad)
        await_phase(pad, "failed")
    assert {body["keep"] for body in bodies} == {"person"}
    pad.click("#done")
    go_to_scenes(pad)
    assert ticked(pad) == ["My head and hair"]


def test_a_booth_without_the_choice_sends_the_operators(quick, open_page):
    """And a photo that a page of the release before has kept, which knew no such thing, is sent without it."""
    pad = open_page(settings={"keepChoice": False, "keep": "face"})
    CannedBooth(pad)
    abort = lambda route: route.abort()
    pad.route("**/upload", abort)
    go_to_scenes(pad)
    assert not pad.locator("#keep-choice").is_visible()
    with pad.expect_request("**/upload") as upload:
        use_photo(pad)
    assert upload.value.post_data_json["keep"] == "face"
    expect(pad.locator("#status")).to_have_text("Your photo is safe on this device")
    pad.evaluate(FORGET_WHAT_IS_KEPT)
    pad.unroute("**/upload", abort)
    with pad.expect_request("**/upload") as upload:
        pad.reload()
    assert "keep" not in upload.value.post_data_json


def test_the_operators_choice_does_not_overrule_a_scenes_own(quick, open_page):
    """Nothing is ticked where the chosen scenes keep different things; the visitor's tap counts for all of them.

    A booth of the release before doesn't say what its scenes keep: there is nothing to choose.
    """
    pad = open_page(settings={"scenes": ["sky", "reef"]}, go=False)
    catalogue = quick.http("GET", f"{quick.url}/scenes")[2]
    for scene in catalogue["scenes"]:
        own = {"reef": "person", "building": "face"}.get(scene["id"])
        scene |= {"keep": own or "face", "ownKeep": own is not None}
    pad.route("**/scenes", lambda route: route.fulfill(json=catalogue))
    pad.goto("/")
    go_to_scenes(pad)
    assert (ticked(pad), pad.inner_text("#keep-title")) == ([], "What stays depends on the scene")
    pad.get_by_role("checkbox", name="Underwater reef").uncheck()
    assert (ticked(pad), pad.inner_text("#keep-title")) == (["My head and hair"], "What stays as it is?")
    pad.get_by_role("checkbox", name="In the city").check()  # its own is the face
    assert ticked(pad) == ["Only my face"]
    pad.get_by_role("checkbox", name="In the city").uncheck()
    pad.get_by_role("radio", name="My head and hair").click()  # ticked already: now it is the visitor's own
    pad.get_by_role("checkbox", name="Underwater reef").check()
    assert ticked(pad) == ["My head and hair"]
    for operators, of_scenes, tapped, own, kept in [
        ("head", ["face", "face"], "", None, "head"),
        ("", ["face", "face"], "", None, ""),
        ("head", ["face", "face"], "", 1, "face"),  # the second scene says so itself
        ("head", ["face", "face"], "person", 1, "person"),
        ("head", ["face", "person"], "", 1, ""),
        ("head", ["face", "person"], "face", 1, "face"),
        ("face", ["person", "person"], "", None, "person"),
        ("head", [None, None], "", None, ""),
    ]:
        assert pad.evaluate(KEPT, [operators, of_scenes, tapped, own]) == kept
    for scene in catalogue["scenes"]:
        del scene["keep"]
    pad.goto("/?anew")
    go_to_scenes(pad)
    assert not pad.locator("#keep-choice").is_visible()
