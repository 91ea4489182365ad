"""What is in view: every control of every screen, on pads, kiosks and phones, upright and on their side."""

import pytest

from tests.support.page import CODE, CannedBooth, await_phase, await_pictures, speak

PHONES = [(390, 844), (844, 390)]
KIOSKS = [(1080, 1920), (1920, 1080)]
SIZES = [(1180, 820), (820, 1180), (1024, 768), (768, 1024), *KIOSKS, *PHONES]
LONG = {"en": "Summer Festival of the Hanam Arts Centre 2026", "ko": "하남문화예술회관 2026 여름 가족 축제 한마당"}

LANGUAGES = ["ko", "en"]
CONTROLS = "button, a, input:not([type=file]), summary, #qr"
# What is wrong: controls (of the open dialog, if there is one) that are not whole in the window or lie below something
# else, at the page's start and, where it may scroll, at its end; at its start, texts of the screen that run out of the
# window's sides or below the page's head. In this language.
WRONG = """async ([controls, mayScroll, language]) => {
  await (await import("/text.js")).setLanguage(language);
  // A frame, in which the page lays itself out, has passed.
  const drawn = () => new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); });
  const isHidden = (control) => {
    const { left, top, right, bottom } = control.getBoundingClientRect();
    const isIn = left >= -1 && top >= -1 && right <= innerWidth + 1 && bottom <= innerHeight + 1;
    const met = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return !(isIn && (control.contains(met) || met?.closest("label")?.contains(control)));
  };
  const heads = [...document.querySelectorAll("#top > *")].map((each) => each.getBoundingClientRect());
  const runsOut = ({ left, top, right, bottom }) => left < -1 || right > innerWidth + 1
    || heads.some((head) => left < head.right && right > head.left && top < head.bottom && bottom > head.top);
  const textsRunOut = ({ firstChild }) => {
    const range = document.createRange();
    range.selectNodeContents(firstChild);
    return [...range.getClientRects()].some(runsOut);
  };
  const isSeen = (each) => each.checkVisibility({ visibilityProperty: true });
  const isShown = (each) => isSeen(each) && each.clientWidth !== 1; // 1: to be heard only
  const within = document.querySelector("dialog[open]") ?? document;
  const wrong = [];
  await drawn();
  for (const end of mayScroll ? [1e6, 0] : [0]) {
    if (scrollY !== end) {
      scrollTo(0, end);
      await drawn();
    }
    const all = [...within.querySelectorAll(controls)];
    wrong.push(...all.filter(isSeen).filter(isHidden).map((each) => each.id || each.outerHTML.slice(0, 80)));
  }
  const texts = within === document ? [...document.querySelectorAll("main *")].filter(isShown) : [];
  const told = texts.filter(({ firstChild }) => firstChild?.nodeType === Node.TEXT_NODE);
  wrong.push(...told.filter(textsRunOut).map(({ textContent }) => textContent));
  return document.documentElement.scrollWidth > innerWidth ? [...wrong, "the page is too wide"] : wrong;
}"""
# Texts that are too small to be read by somebody who stands before a kiosk.
SMALL = """() => [...document.querySelectorAll("body *")]
  .filter((each) => [...each.childNodes].some(({ nodeType, data }) => nodeType === Node.TEXT_NODE && data.trim()))
  .filter((each) => each.checkVisibility({ visibilityProperty: true }))
  .filter((each) => parseFloat(getComputedStyle(each).fontSize) < 17).map(({ textContent }) => textContent)"""
UNSETTLED = """addEventListener("DOMContentLoaded", () => { // the first moments of a screen take no touch
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`html .screen, html dialog[open] { animation: none !important }
    html, dialog { opacity: 0 }`); // where everything lies is asked: to draw it would be half of the work
  document.adoptedStyleSheets = [sheet];
})"""


TOPS = """["#save-all", "#side button:not(#save-all)"].map((buttons) => [...document.querySelectorAll(buttons)]
  .filter((each) => each.checkVisibility()).map((each) => each.getBoundingClientRect().top))"""


def check(page, name, kept="#share-all, #save-all", languages=LANGUAGES, lines_up=False):
    """At each size; a phone may scroll, but what `kept` names is in view before that and after.

    Args:
        lines_up: on upright pads the button to save all shares its line with another one.
    """
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        is_phone = (width, height) in PHONES
        for language in languages:
            wrong = page.evaluate(WRONG, [kept if is_phone else CONTROLS, is_phone, language])
            assert wrong == [], (name, width, height, language)
            assert (width, height) not in KIOSKS or page.evaluate(SMALL) == [], (name, width, height, language)
            if lines_up and width < height and not is_phone:
                [save_all], tops = page.evaluate(TOPS)
                assert save_all in tops, (name, width, height, language, "it stands alone")


def test_every_screen_of_a_pad_is_in_view(quick, open_page):
    pad = open_page(settings={"title": LONG, "wall": True, "idleSeconds": 3600}, go=False)
    booth = CannedBooth(pad)
    pad.add_init_script(UNSETTLED)
    pad.goto("/")
    pad.wait_for_selector("#drift img")
    check(pad, "start")
    pad.click("#begin")
    check(pad, "consent", kept="#agree, #refuse")
    for language in LANGUAGES:
        speak(pad, language)
        pad.click("#privacy-link")
        check(pad, "privacy", languages=[language])
        pad.click("#close-privacy")
    pad.click("#agree")
    check(pad, "scenes")
    pad.click("#to-camera")
    pad.wait_for_selector("#shoot:not(:disabled)")
    check(pad, "camera")
    pad.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error()); }")
    pad.click("#camera .back")
    for language in LANGUAGES:
        speak(pad, language)
        pad.click("#to-camera")
        pad.wait_for_selector("#camera-ways:visible")
        check(pad, "no camera", languages=[language])
        pad.click("#camera .back")
    pad.click("#scenes .back")
    booth.choose_photo(pad)
    booth.is_open = False
    pad.click("#use")
    pad.wait_for_selector("#visit[data-phase=sending]")
    check(pad, "sending")
    for language in LANGUAGES:
        speak(pad, language)
        pad.click("#delete")
        check(pad, "deletion", languages=[language])
        pad.click("#ask-no")
    pad.click("#done")
    booth.is_open = True
    for code in ("NoFaceFound", "ServiceUnavailable"):
        booth.answer = (422, {"error": {"code": code, "message": ""}})
        booth.choose_photo(pad)
        pad.click("#use")
        pad.wait_for_selector("#visit[data-phase=failed]")
        check(pad, code)
        pad.click("#done")
    pad.goto("/#pair")
    pad.wait_for_selector("#token")
    check(pad, "pairing")


def test_a_visit_on_a_pad_is_in_view(quick, open_page):
    """With a photo of each shape, one to five pictures, and one that failed among them, in both languages."""
    pad = open_page(settings={"title": LONG, "mostScenes": 5}, go=False)
    pad.add_init_script(UNSETTLED)
    pad.goto("/")
    for aspect, others in {"1:1": "D", "4:3": "DDDDD", "3:4": "DD", "2:1": "DDDD"}.items():
        booth = CannedBooth(pad, aspect)
        for number, states in enumerate(("DFD", others)):
            booth.choose_photo(pad)
            if number == 0:
                check(pad, f"review {aspect}", kept="#use, #retake", languages=["en"])
            pad.click("#use")
            booth.say(pad, states.replace("D", "W"), status=202)
            pad.wait_for_selector("#visit[data-phase=working]")
            if number == 0:
                check(pad, f"working {aspect}", languages=["en"])
            booth.say(pad, states, wall=["waiting"] * 5 if number else ())
            await_phase(pad, "ended")
            await_pictures(pad, states.count("D"))
            check(pad, f"{states} {aspect}", languages=["en"] if number else LANGUAGES, lines_up=True)
            if number == 0:
                speak(pad, "ko")
                pad.click(".tile.loaded .enlarge >> nth=0")
                check(pad, f"viewer {aspect}", kept=CONTROLS, languages=["ko"])
                pad.click("#close-viewer")
            pad.click("#done")


@pytest.mark.parametrize("aspect", ["1:1", "4:3", "3:4", "2:1"])
def test_a_phone_keeps_share_and_save_in_view(quick, open_page, aspect):
    """Below each picture, too; the viewer is whole in view. The device's share sheet is a stub."""
    phone = open_page("phone", f"#visit={CODE}", has_touch=True, go=False)
    phone.add_init_script("navigator.canShare = () => true")
    phone.add_init_script(UNSETTLED)
    booth = CannedBooth(phone, aspect)
    phone.goto(f"/#visit={CODE}")
    booth.say(phone, "DFWW", status=202)
    await_pictures(phone, 1)
    assert phone.locator("#keep button:visible").all_inner_texts() == ["Share all", "Save all"]
    booth.say(phone, "DFDD", wall=["waiting"] * 4)
    await_phase(phone, "ended")
    await_pictures(phone, 3)
    check(phone, "ended")
    speak(phone, "ko")
    assert phone.locator(".tile.loaded .below > button:visible").all_inner_texts() == ["공유", "저장"] * 3
    phone.click(".tile.loaded .enlarge >> nth=0")
    check(phone, "viewer", kept=CONTROLS, languages=["ko"])
