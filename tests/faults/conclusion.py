"""What a visit leaves, looked at after its end."""

import contextlib
import io
import time

from PIL import Image

from booth import limits
from booth.errors import PhotoError, kind_of
from booth.keys import wall_key
from booth.run import MAX_PICTURES, Status
from booth.wall import QUEUES
from tests.faults.trial import Trial


def conclude(trial: Trial) -> str:
    """Looks at everything that a visit leaves, now and after the last look of sweep; gives the outcome.

    Raises AssertionError.
    """
    booth, record = trial.booth, trial.record
    if not record:
        assert not booth.versions(trial.uploaded), "an upload is left"
        return ", ".join([*trial.notes, "gone"])
    status, error = record["status"], record.get("error", "")
    pictures = record.get("pictures", {}).values()
    done = {each["key"] for each in pictures if each["state"] == "DONE"}
    shown = done | {record["original"]} if record.get("original") else done
    if status != Status.DELETED:
        assert record["ended"] <= record["deadline"], f"{record['ended'] - record['deadline']} ms late"
        assert (status == "SUCCEEDED") == (len(done) == len(pictures) > 0), record
        assert error == trial.blamed or not issubclass(kind_of(error), PhotoError), f"the visitor is blamed: {error}"
    if status == "FAILED" and error != trial.blamed and time.time() < int(record["ended"]) / 1000 + 3000:
        assert booth.versions(trial.uploaded), "the photo is lost"
    take_last_look(trial)
    assert not booth.versions(trial.uploaded), "an upload is left"
    assert not booth.results(f"work/{trial.run}/"), "work files are left"
    shown |= {
        wall_key(trial.run, int(name[1:])) for name, each in record.get("wall", {}).items() if each["state"] in QUEUES
    }
    copies = {wall_key(trial.run, number) for number in range(1, MAX_PICTURES + 1)}
    lies_there = {*booth.results(trial.uploaded["Key"]), *booth.results(f"photo/photo_{record['picture_id']}_")}
    lies_there |= {copy for copy in copies if booth.results(copy)}
    assert lies_there == shown, f"published {shown}, there {lies_there}"
    for key in shown:
        data = booth.s3.get_object(Bucket=booth.app.results_bucket, Key=key)["Body"].read()
        Image.open(io.BytesIO(data)).load()
    outcome = f"{status} {error}".strip() + (" by ellipse" if record.get("faces_by_ellipse") else "")
    outcome += " by face" if record.get("not_kept") else ""
    return ", ".join([*trial.notes, outcome])


def take_last_look(trial: Trial) -> None:
    """An hour later sweep closes the run."""
    for _ in range(6):
        with contextlib.suppress(trial.booth.table.exceptions.ClientError, KeyError):  # it may be closed in between
            trial.age_to("ended", limits.TRY_AGAIN_SECONDS)
            trial.age_to("due", 0)
        trial.sweep()
        until = time.monotonic() + 10
        while time.monotonic() < until:
            if "open" not in trial.record:
                return
            time.sleep(0.1)
    raise AssertionError("sweep does not close the run")
