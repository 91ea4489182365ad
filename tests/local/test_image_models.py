"""The chain of image models through the whole application: retired, throttled, filtered."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from client.booth import Booth
from local.app import ROOT
from tests.support.application import SIDE
from tests.support.photos import PHOTOS, photo


@pytest.fixture
def without_titan(tmp_path):
    """A booth of its own; its fault file retires Titan. URL and log's path."""
    settings = {
        "rekognition": {"canned": {"faces": 1}},
        "sagemaker": {"canned": {}},
        "bedrock": {"canned": {}, "faults": [{"kind": "retired", "match": "*titan*"}]},
    }
    faults = tmp_path / "faults.json"
    faults.write_text(json.dumps(settings), "utf-8")
    command = [sys.executable, "-m", "local", "run", "--port", "0", "--faults", str(faults)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if opened := re.search(r"open: (\S+) .*log: ([^;]+);", line):
                yield opened[1], Path(opened[2])
                break
        process.terminate()


def test_with_titan_retired_a_photo_still_gets_its_three_pictures(without_titan, tmp_path):
    url, log = without_titan
    result = Booth(url).send(PHOTOS / "astronaut.jpg", tmp_path)
    assert result["status"] == "SUCCEEDED"
    urls = json.loads(result["url_generated"])
    assert len(urls) == 3
    with log.open(encoding="utf-8") as lines:
        told = [line for line in lines if '"message":"a candidate is gone"' in line]
    candidates = {json.loads(line.split("] ", 1)[1])["candidate"] for line in told}
    assert {each.partition("@")[2] for each in candidates} == {"us-east-1", "us-west-2"}
    assert all("reached the end of its life" in line for line in told)


def test_a_picture_is_a_true_jpeg_under_the_contracts_name(quick):
    uploaded, result = quick.process(photo())
    for number, url in enumerate(json.loads(result["url_generated"]), start=1):
        assert url.endswith(f"/photo/photo_{quick.record(uploaded)['picture_id']}_{number}.jpeg")
        with quick.picture(url) as picture:
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (SIDE, SIDE * 3 // 4))
            assert picture.info["progressive"]
            assert picture.quantization[0] == quality_95()[0]
            assert picture.layer[0][1:3] == picture.layer[1][1:3], "full colour resolution"
            assert "icc_profile" not in picture.info, "without a profile a JPEG is sRGB"


def quality_95():
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=95)
    return Image.open(file).quantization


def test_titan_throttled_everywhere_leaves_the_pictures_to_stability(quick):
    quick.stand_in("bedrock", canned={}, faults=[{"kind": "throttled", "match": "*titan*"}])
    _, result = quick.process(photo())
    assert result["status"] == "SUCCEEDED"
    assert len(json.loads(result["url_generated"])) == 3


@pytest.mark.parametrize("kind", ["unheard-of", "no-picture"])
def test_what_titan_says_in_words_that_nobody_knows_leaves_the_pictures_to_stability(quick, kind):
    quick.stand_in("bedrock", canned={}, faults=[{"kind": kind, "match": "*titan*"}])
    before = quick.calls_at_rest("bedrock")
    _, result = quick.process(photo())
    assert result["status"] == "SUCCEEDED"
    assert quick.calls("bedrock") - before == 3 * 3, "two Regions of Titan, then Stability"
    quick.stand_in("bedrock", canned={})
    before = quick.calls_at_rest("bedrock")
    _, result = quick.process(photo())
    assert quick.calls("bedrock") - before == 3, "the next photo's first candidate is Titan again"


def test_a_filtered_result_is_painted_once_more(quick):
    quick.stand_in("bedrock", canned={}, faults=[{"kind": "filtered-output", "times": 3}])
    before = quick.calls_at_rest("bedrock")
    _, result = quick.process(photo())
    assert quick.calls("bedrock") - before == 6
    assert result["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("kind", "code", "calls"),
    [
        ("filtered-output", "OutputBlocked", 2),
        ("filtered-exception", "OutputBlocked", 2),
        ("filtered-prompt", "ContentBlocked", 1),
        ("filtered-input", "ContentBlocked", 1),
    ],
)
def test_what_the_filters_refuse_for_good_has_a_reason_that_a_visitor_can_read(quick, kind, code, calls):
    quick.stand_in("bedrock", canned={}, faults=[{"kind": kind}])
    before = quick.calls_at_rest("bedrock")
    _, result = quick.process(photo())
    assert quick.calls("bedrock") - before == 3 * calls
    assert (result["status"], result["error"]["code"]) == ("FAILED", code)
    assert "image service" in result["error"]["message"]
