"""The process that paints and who asks it: queue, time limits, the end of either. It paints without a model here."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from paint_model.serving import client
from paint_model.serving.protocol import Busy, Request, Unavailable
from tests.support.waiting import PATIENCE, await_true

pytestmark = pytest.mark.starts


class Painter(client.Painter):
    module = "tests.support.made_painting"


@pytest.fixture
def start(tmp_path, monkeypatch):
    """A function that makes a painter of a folder with this name; all of them are ended after the test."""
    monkeypatch.setattr(client, "AGAIN_SECONDS", 0)
    monkeypatch.setattr(client.tempfile, "tempdir", str(tmp_path))
    painters = []

    def start(name="model", ready=True, log=None):
        (tmp_path / name).mkdir(exist_ok=True)
        painters.append(Painter(tmp_path / name, log=log))
        if ready:
            painters[-1].wait(PATIENCE)
        return painters[-1]

    yield start
    for painter in painters:
        painter.end()


def request(prompt="a beach", side=256):
    return Request(np.zeros((side, side, 3), np.uint8), np.ones((side, side), bool), prompt, 7)


def paints(painter):
    try:
        pixels, _ = painter.paint(request())
    except Unavailable:
        return False
    return pixels.shape == (256, 256, 3) and bool((pixels == 7).all())


def process_of(painter):
    return painter._process.pid


def gone(pid):
    """Whether a process of this one's has ended; who waits for it takes its place in the list."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def test_a_request_is_refused_until_a_first_picture_was_painted(start, tmp_path):
    painter = start("slow", ready=False)
    with pytest.raises(Unavailable, match="being started"):
        painter.paint(request())
    with pytest.raises(Unavailable, match="not ready after 0 s"):
        painter.wait(0)
    (tmp_path / "slow" / "go").touch()
    painter.wait(PATIENCE)
    assert painter.device == "cpu" and paints(painter)


def test_one_is_painted_two_wait_and_further_ones_are_refused_at_once(start, tmp_path):
    painter, go = start(), tmp_path / "go"
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(painter.paint, request(f"until {go}")) for _ in range(6)]
        await_true(lambda: sum(each.done() for each in asked) == 3)
        refused = [each for each in asked if each.done()]
        go.touch()
        painted = [each.result() for each in asked if each not in refused]
    assert all(isinstance(each.exception(), Busy) for each in refused)
    assert len(painted) == 3 and all(seconds < PATIENCE for _, seconds in painted)
    assert paints(painter)


def test_what_would_be_answered_too_late_is_refused_at_once(start, tmp_path, monkeypatch):
    monkeypatch.setenv("WARM_UP_SECONDS", "2")  # for 256 x 256 pixels: 64 for two pictures of 1024 x 1024
    patient, go = start(), tmp_path / "go"
    monkeypatch.setenv("PAINT_SECONDS", "30")
    hasty = start()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(patient.paint, request(f"until {go}", side=1024))
        await_true(lambda: (tmp_path / "go.begun").exists())
        with pytest.raises(Busy, match="too late"):
            hasty.paint(request(side=1024))
        go.touch()
        first.result()


def test_a_picture_that_takes_too_long_is_given_up_and_the_next_is_painted(start, tmp_path, monkeypatch):
    patient = start()
    monkeypatch.setenv("PAINT_SECONDS", "0.3")
    with pytest.raises(Unavailable, match=r"not be painted in time|not painted within"):
        start().paint(request(f"until {tmp_path / 'never'}"))
    before = process_of(patient)
    assert paints(patient) and process_of(patient) == before


def test_a_step_that_never_ends_ends_the_process_and_another_one_paints(start, tmp_path, monkeypatch):
    patient = start()
    before = process_of(patient)
    monkeypatch.setenv("PAINT_SECONDS", "0.3")
    hasty = start()
    while not (tmp_path / "step.begun").exists():
        with pytest.raises(Unavailable, match=r"not be painted in time|not painted within"):
            hasty.paint(request(f"hang {tmp_path / 'step'}"))
    await_true(lambda: paints(patient))
    assert process_of(patient) != before


def test_a_process_that_is_killed_is_started_again(start, tmp_path):
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "go").touch()
    painter = start("slow")
    before = process_of(painter)
    (tmp_path / "slow" / "go").unlink()
    os.kill(before, signal.SIGKILL)
    painter._process.wait()
    with pytest.raises(Unavailable, match="being started"):
        painter.paint(request())
    (tmp_path / "slow" / "go").touch()
    await_true(lambda: paints(painter))
    assert process_of(painter) != before


def test_killed_while_it_paints_all_who_wait_are_told_and_it_is_started_again(start, tmp_path):
    painter = start()
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(painter.paint, request(f"until {tmp_path / 'never'}")) for _ in range(3)]
        await_true(lambda: (tmp_path / "never.begun").exists())
        os.kill(process_of(painter), signal.SIGKILL)
        assert all(isinstance(each.exception(), Unavailable) for each in asked)
    await_true(lambda: paints(painter))


def test_too_little_memory_for_one_picture_leaves_the_process(start):
    painter = start()
    before = process_of(painter)
    with pytest.raises(Unavailable, match="too little memory"):
        painter.paint(request("memory"))
    assert paints(painter) and process_of(painter) == before


@pytest.mark.parametrize(("prompt", "stays"), [("fail quietly", True), ("break quietly", False)])
def test_a_defect_is_told_without_its_text_and_a_broken_card_has_the_process_started_anew(
    start, tmp_path, prompt, stays
):
    with (tmp_path / "log").open("w") as log:
        painter = start(log=log)
        before = process_of(painter)
        with pytest.raises(RuntimeError, match="The painter failed"):
            painter.paint(request(prompt))
        await_true(lambda: paints(painter))
    assert (process_of(painter) == before) == stays
    text = (tmp_path / "log").read_text()
    assert "ValueError" in text and "made_painting.py" in text and "quietly" not in text


def test_all_users_of_a_folder_share_one_process_that_ends_with_the_last(start, monkeypatch):
    monkeypatch.setenv("ALONE_SECONDS", "0.2")
    first, second = start(), start()
    assert second._process is None and paints(first) and paints(second)
    pid = process_of(first)
    first.close()
    assert paints(second) and not gone(pid)
    second.close()
    await_true(lambda: gone(pid))


def test_why_it_could_not_be_started_is_told(start, tmp_path):
    with pytest.raises(Unavailable, match="packages are missing or don't fit: No module named 'torch'"):
        start("no-packages")
    with pytest.raises(Unavailable, match="can't be started: No such file"):
        client.Painter(tmp_path, tmp_path / "python").wait(PATIENCE)


def test_nobody_elses_folder_is_used_for_the_socket(start, tmp_path):
    for home in tmp_path.glob("painter-*"):
        home.rmdir()
    (tmp_path / "model").mkdir()
    home = client._home(tmp_path / "model")
    home.chmod(0o777)
    with pytest.raises(PermissionError, match="this user's alone"):
        start()
