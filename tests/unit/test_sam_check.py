"""sam_model/check.py against the SageMaker stand-in, real weights included, and against wrong answers."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image
from werkzeug.wrappers import Response

from booth.aws import sam
from local.standins import sagemaker, server
from sam_model import check
from tests.support import encodings
from tests.support.serving import serving

pytestmark = pytest.mark.starts


def asked(capsys, endpoint="sam"):
    """The exit status, and what was printed to standard output and standard error."""
    status = check.main([endpoint])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_the_real_model_passes(environment, capsys):
    environment.setattr(sam, "READ_TIMEOUT_SECONDS", 300)  # this machine may be busy with other tests
    environment.setenv("SAM_ENDPOINT", "")
    service = sagemaker.SageMaker("sam")
    service.model = encodings.remembering(service.model)
    with serving(server.StandIns({"sagemaker": lambda: service}, "sam")) as url:
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
        status, out, err = asked(capsys)
    assert (status, err) == (0, "")
    assert out.startswith("sam works: ") and "; head and person, " in out


@pytest.mark.parametrize("protocol", ["extended", "classic"])
def test_it_asks_in_the_protocol_of_the_endpoint(models, environment, capsys, protocol):
    environment.setenv("SAM_PROTOCOL", protocol)
    status, out, _ = asked(capsys)
    assert status == 0
    assert ("has no matte" in out) == (protocol == "classic")


def test_an_endpoint_that_is_not_there_is_told_by_name(models, capsys):
    before = models.calls("sagemaker")
    status, out, err = asked(capsys, "nowhere")
    assert (status, out) == (1, "")
    assert "Endpoint nowhere of account" in err
    assert models.calls("sagemaker") == before + 1  # a second call would not find it either


def test_a_passing_failure_is_tried_again(models, capsys):
    models.set(
        "sagemaker", faults=[{"kind": "error", "status": 500, "type": "ModelError", "message": "hm", "times": 2}]
    )
    status, out, err = asked(capsys)
    assert status == 0
    assert "works" in out
    assert [line.split(":")[0] for line in err.splitlines()] == ["Attempt 1", "Attempt 2"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "error", "status": 500, "type": "ModelError", "message": "out of memory"}, "out of memory"),
        ({"kind": "malformed"}, "is no mask"),
        ({"kind": "reset"}, "ServiceUnavailable"),
    ],
)
def test_a_lasting_failure_is_told_with_what_was_said(models, capsys, fault, reason):
    models.set("sagemaker", faults=[fault])
    status, _, err = asked(capsys)
    assert status == 1
    assert err.splitlines()[-1].startswith("sam gave no mask. ")
    assert reason in err.splitlines()[-1]


FACE = np.zeros((512, 512), bool)
FACE[58:178, 182:271] = True
SHIFTED = np.roll(FACE, 150, axis=1)


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (FACE, None),
        (~FACE, "no mask of the face"),
        (SHIFTED, "no mask of the face: 0.0% of the face"),
        (np.ones((512, 512), bool), "100.0% of the background"),
        (np.zeros((512, 512), bool), "0.0% of the face"),
        (FACE[:256], "512x256"),
    ],
)
def test_only_a_mask_of_this_face_passes(environment, capsys, mask, reason):
    status, out, err = asked_of(environment, capsys, mask, FACE, FACE)
    assert status == (1 if reason else 0)
    assert (reason or "") in err
    assert bool(out) == (reason is None)


@pytest.mark.parametrize(
    ("head", "person", "reason"),
    [
        (FACE, ~FACE, "no person"),
        (SHIFTED, SHIFTED, "no head: 0.0% of the face"),
        (FACE[:256], FACE, "head is 512x256"),
    ],
)
def test_only_a_head_of_this_face_in_a_person_passes(environment, capsys, head, person, reason):
    status, out, err = asked_of(environment, capsys, FACE, head, person)
    assert (status, out) == (1, "")
    assert reason in err


def asked_of(environment, capsys, mask, head, person):
    """As `asked`, of an endpoint that gives these answers: bool (height, width), True where it keeps."""
    alphas = {"head": png(head), "person": png(person)}
    answer = json.dumps({"mask_image": png(~mask), "alpha_images": alphas, "heads_by_matte": 0})
    environment.setenv("SAM_ENDPOINT", "")
    with serving(Response(answer, content_type="application/json")) as url:
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
        return asked(capsys)


def png(white):
    file = io.BytesIO()
    Image.fromarray(np.where(white, np.uint8(255), np.uint8(0))).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
