"""The chain of image models through the whole application: throttled, filtered. (tests/web/test_lan.py: retired.)"""

import io
import json

import pytest
from PIL import Image

from tests.support.application import SIDE
from tests.support.photos import photo


def test_a_picture_is_a_true_jpeg_under_the_contracts_name(quick):
    uploaded, result = quick.process(photo(), scenes=["sky", "forest"])
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
    _, result = quick.process(photo(), scenes=["sky"])
    assert result["status"] == "SUCCEEDED"
    assert len(json.loads(result["url_generated"])) == 1


@pytest.mark.parametrize("kind", ["unheard-of", "no-picture"])
def test_what_titan_says_in_words_that_nobody_knows_leaves_the_pictures_to_stability(quick, kind):
    quick.stand_in("bedrock", canned={}, faults=[{"kind": kind, "match": "*titan*"}])
    before = quick.calls_at_rest("bedrock")
    _, result = quick.process(photo(), scenes=["sky"])
    assert result["status"] == "SUCCEEDED"
    assert quick.calls("bedrock") - before == 3, "two Regions of Titan, then Stability"
    quick.stand_in("bedrock", canned={})
    before = quick.calls_at_rest("bedrock")
    _, result = quick.process(photo(), scenes=["sky"])
    assert quick.calls("bedrock") - before == 1, "the next photo's first candidate is Titan again"


def test_a_filtered_result_is_painted_once_more(quick):
    quick.stand_in("bedrock", canned={}, faults=[{"kind": "filtered-output", "times": 1}])
    before = quick.calls_at_rest("bedrock")
    _, result = quick.process(photo(), scenes=["sky"])
    assert quick.calls("bedrock") - before == 2
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
    _, result = quick.process(photo(), scenes=["sky"])
    assert quick.calls("bedrock") - before == calls
    assert (result["status"], result["error"]["code"]) == ("FAILED", code)
    assert "image service" in result["error"]["message"]
