"""`make run LAN=1`: the whole booth, for another device of the network; and how it ends."""

import contextlib
import http.client
import io
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import zxingcpp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from PIL import Image
from playwright.sync_api import expect

from local import lan
from local.app import ROOT
from tests.support.page import ONE_PICTURE, CannedBooth, await_phase, await_pictures, take_photo
from tests.web.conftest import SETTINGS, SIZES

WITHOUT_TITAN = {
    "rekognition": {"canned": {"faces": 1}},
    "sagemaker": {"canned": {}},
    "bedrock": {"canned": {}, "faults": [{"kind": "retired", "match": "*titan*"}]},
}


def address():
    """This machine's in its network; where there is none, one that is not the page's usual one."""
    try:
        return lan.own_address()
    except OSError:
        return "127.0.0.2"


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A booth of its own with canned answers; its fault file retires Titan. Gives its process, its address and what it
    has said, line by line."""
    folder = tmp_path_factory.mktemp("lan")
    (folder / "faults.json").write_text(json.dumps(WITHOUT_TITAN))
    command = ["env", "--default-signal=INT", sys.executable, "-m", "local", "run", "--port", "0", "--lan", address()]
    command += ["--faults", str(folder / "faults.json")]
    with (
        (folder / "errors").open("w") as errors,
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        ) as process,
    ):
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("Photos and pictures"):
                break
        yield process, re.search(r"open: (\S+)", "".join(said))[1], "".join(said), folder / "errors"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def device(browser, opened):
    """A device that goes on in spite of the certificate: a function of SIZES' name and the fragment."""
    contexts = []

    def device(size, fragment=""):
        context = browser.new_context(
            viewport=SIZES[size],
            base_url=opened[1],
            locale="en-US",
            ignore_https_errors=True,
            service_workers="block",
            permissions=["camera"],
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.route("**/settings.json", lambda route: route.fulfill(json=SETTINGS | ONE_PICTURE))
        page = context.new_page()
        page.goto(f"/{fragment}")
        return page

    yield device
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def pad(device):
    """A tablet at the start."""
    return device("pad")


def test_with_titan_retired_a_tablet_takes_a_photo_and_a_phone_opens_its_code(opened, device, pad):
    _, url, said, _ = opened
    assert pad.evaluate("isSecureContext")
    take_photo(pad)
    pad.click("#use")
    await_phase(pad, "ended")
    await_pictures(pad, 1)
    expect(pad.locator("#phone-card")).to_contain_text("Scan this code")
    [code] = zxingcpp.read_barcodes(Image.open(io.BytesIO(pad.locator("#phone-card").screenshot())))
    assert code.text.startswith(f"{url}/#visit=")
    phone = device("phone", code.text.partition(url)[2].lstrip("/"))
    await_phase(phone, "ended")
    await_pictures(phone, 1)
    pad.click("#done")
    assert "Everybody in the network of" in said
    with_titan_retired_the_pictures_came_all_the_same(Path(re.search(r"log: ([^;]+);", said)[1]))


def with_titan_retired_the_pictures_came_all_the_same(log):
    told = [line for line in log.read_text("utf-8").splitlines() if '"message":"a candidate is gone"' in line]
    candidates = {json.loads(line.split("] ", 1)[1])["candidate"] for line in told}
    assert {each.partition("@")[2] for each in candidates} == {"us-east-1", "us-west-2"}
    assert all("reached the end of its life" in line for line in told)


def test_without_it_the_code_says_that_no_phone_can_open_it(quick, open_page):
    pad = open_page()
    CannedBooth(pad).choose_photo(pad)
    pad.click("#use")
    expect(pad.locator("#phone-card")).to_contain_text("a phone can't open")
    pad.get_by_role("button", name="한국어").click()
    expect(pad.locator("#phone-card")).to_contain_text("휴대폰으로 코드를 열 수 없습니다")
    expect(pad.locator("#phone-card")).to_contain_text("make run LAN=1")


def test_the_certificate_is_for_this_address_and_its_fingerprint_is_told(opened):
    _, url, said, _ = opened
    place = urlsplit(url)
    found = x509.load_pem_x509_certificate(ssl.get_server_certificate((place.hostname, place.port)).encode())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == [place.hostname]
    assert found.fingerprint(hashes.SHA256()).hex(":").upper() in said


def test_who_forgets_the_s_of_https_is_sent_there(opened):
    place = urlsplit(opened[1])
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (308, f"{opened[1]}/")


def test_nothing_of_s3_but_presigned_uploads_is_opened(opened):
    """Not even to who knows the operator's access key. A client that never shakes hands keeps nobody waiting."""
    place = urlsplit(opened[1])
    trusting = ssl._create_unverified_context()
    key = "Credential=AKIALOCALPHOTOBOOTH0/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"

    def ask(method, path, headers):
        connection = http.client.HTTPSConnection(place.hostname, place.port, timeout=20, context=trusting)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    with socket.create_connection((place.hostname, place.port)):
        upload = {"type": "photo", "filename": "a.jpg", "contentType": "image/jpeg"}
        connection = http.client.HTTPSConnection(place.hostname, place.port, timeout=20, context=trusting)
        connection.request("POST", "/upload", json.dumps(upload), {"Content-Type": "application/json"})
        issued = json.loads(json.load(connection.getresponse())["body"])
    assert issued["UploadURL"].startswith(f"{opened[1]}/{issued['Bucket']}/")
    presigned = issued["UploadURL"].removeprefix(opened[1])
    path, query = presigned.split("?")
    signed = {"Authorization": f"AWS4-HMAC-SHA256 {key}"}
    for method, status in (("GET", 404), ("PUT", 403), ("DELETE", 403)):  # what the CDN says of such a path
        assert ask(method, path, signed)[0] == status
        assert ask(method, f"/{issued['Bucket']}", signed)[0] == status
        assert ask(method, presigned, signed)[0] == status
    assert ask("GET", presigned, {})[0] == 404
    assert ask("PUT", f"{path}x?{query}", {})[0] == 403


def test_ctrl_c_in_the_middle_of_a_photo_closes_it_with_one_line(opened, pad):
    process, url, _, errors = opened
    take_photo(pad)
    pad.click("#use")
    pad.wait_for_selector("#visit[data-phase=working], #visit[data-phase=ended]")
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(30) == 130
    assert errors.read_text().splitlines()[-1] == "Stopped."
    assert "Traceback" not in errors.read_text()
    place = urlsplit(url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((place.hostname, place.port))
