"""Where each AWS call is met: visits, deletions, sweeps, and what a visitor and an operator do in them."""

import fnmatch
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

from booth import limits
from tests.faults.application import redeploy
from tests.faults.calls import STEPS, Row
from tests.faults.trial import PHOTO, Trial
from tests.support.booth import HOLD
from tests.support.waiting import await_true


def a_visit(trial: Trial) -> None:
    """As documented: upload, event, pictures; nobody polls."""
    trial.arm()
    trial.upload()
    trial.await_end()


def a_visit_that_keeps_people(trial: Trial) -> None:
    """As before; of the photo whole people are kept."""
    trial.keep = "person"
    a_visit(trial)


def a_visit_at_the_endpoint(trial: Trial) -> None:
    """As before; the chain is the endpoint alone."""
    redeploy(trial.booth, ImageModels="endpoint=6000x3")
    try:
        a_visit(trial)
        trial.disarm()
    finally:
        redeploy(trial.booth)


def a_visit_for_the_wall(trial: Trial) -> None:
    """As before; its visitor agrees to the event's wall."""
    trial.wall = True
    a_visit(trial)
    trial.look_at_the_wall()


def a_deletion_during_the_score(trial: Trial) -> None:
    """A picture is scored for the wall while its visit is deleted: the copy that is stored then is taken back."""
    trial.wall, trial.pictures = True, 1
    trial.arm({"kind": "slow", "match": "ModeratePicture rekognition:*", "times": 2, "seconds": 4})
    trial.upload()
    await_true(lambda: trial.booth.app.failed()["struck"])
    trial.delete()
    trial.booth.await_idle("ModeratePicture")


def a_visit_whose_model_is_gone(trial: Trial) -> None:
    """As before; the first model is retired, so that every picture loses its turn and gets another one."""
    trial.booth.stand_in("bedrock", canned={}, faults=[{"kind": "retired", "match": "*titan*"}])
    a_visit(trial)


def a_lost_event(trial: Trial) -> None:
    """The first /photo starts the run; a later one shows the result."""
    trial.booth.app.drop_events = True
    trial.upload()
    trial.arm()
    request_id = str(uuid.uuid4())
    trial.ask(request_id)
    trial.await_end()
    trial.ask(request_id)


def a_foreign_photo(trial: Trial) -> None:
    """Another system PUTs a photo without /upload. If its event is lost, somebody asks for it."""
    trial.arm()
    trial.put_directly()
    idle_since = time.monotonic()
    while not trial.record and time.monotonic() - idle_since < 8:
        if trial.booth.app.busy("Start"):
            idle_since = time.monotonic()
        time.sleep(0.1)
    if not trial.record:
        trial.notes.append("by /photo")
        trial.ask(str(uuid.uuid4()))
    trial.await_end()


def a_used_key(trial: Trial) -> None:
    """A photo under a Key whose record has expired: it is dropped."""
    trial.put_directly()
    trial.await_end()
    trial.booth.app.drop_events = True
    trial.expire(in_seconds=-1)
    trial.booth.s3.put_object(**trial.uploaded, Body=PHOTO)
    trial.arm()
    assert trial.ask(str(uuid.uuid4())) == 404
    trial.expire(in_seconds=3600)


def no_face(trial: Trial) -> None:
    """A photo without a face: nothing of it is left."""
    trial.booth.stand_in("rekognition", canned={"faces": 0})
    trial.blamed = "NoFaceFound"
    trial.arm()
    trial.upload()
    trial.await_end()


def a_url_used_again(trial: Trial) -> None:
    """A second photo through the same URL, after the end: its event deletes it, or the last look."""
    trial.upload()
    trial.await_end()
    trial.arm()
    assert trial.booth.put(trial.uploaded, PHOTO) == 200
    if trial.fault:
        trial.await_strike()


def an_end_during(function: str, call: str) -> Callable[[Trial], None]:
    """The run's time is over while a step is at a slow call: what the step writes then, it takes back."""

    def scenario(trial: Trial) -> None:
        trial.pictures = 1
        trial.arm({"kind": "slow", "match": f"{function} {call}", "times": 2, "seconds": 7})
        trial.upload()
        await_true(lambda: trial.booth.app.failed()["struck"])
        trial.age_to_stop()
        trial.sweep()
        trial.await_end()
        trial.booth.await_idle(function)

    return scenario


def an_event_that_sweep_makes_up_for(trial: Trial) -> None:
    """The event is lost and nobody polls."""
    trial.booth.app.drop_events = True
    trial.upload()
    trial.booth.age(trial.uploaded, limits.FIRST_CHECK_SECONDS)
    trial.arm()
    trial.sweep_with_fault()
    trial.await_end()


def a_slow_run(trial: Trial) -> None:
    """Sweep asks whether the execution is alive."""
    trial.booth.stand_in("bedrock", canned={}, latency=HOLD)
    trial.upload()
    trial.await_step("generate")
    trial.booth.age(trial.uploaded, limits.CHECK_SECONDS)
    trial.arm()
    trial.sweep_with_fault()
    called = lambda: {**trial.calls, **trial.booth.app.failed()["calls"]}
    await_true(lambda: any(call.startswith("Sweep states:DescribeExecution ") for call in called()))
    trial.booth.stand_in("bedrock", canned={})
    trial.await_end()


def an_overdue_run(trial: Trial) -> None:
    """Sweep settles the run and stops its execution."""
    trial.booth.stand_in("bedrock", canned={}, latency=HOLD)
    trial.upload()
    trial.await_step("generate")
    trial.arm()
    trial.age_to_stop()
    trial.sweep_with_fault()
    trial.await_end()
    trial.booth.stand_in("bedrock", canned={})
    trial.booth.await_idle("GenerateImage")


def a_photo_kept_for_another_try(trial: Trial) -> None:
    """An hour after a run that failed, sweep deletes its upload."""
    trial.booth.app.fail({"kind": "denied", "match": "DetectFaces rekognition:*"})
    trial.upload()
    trial.await_end()
    trial.arm()
    trial.age_to("ended", limits.TRY_AGAIN_SECONDS)
    trial.sweep_with_fault()


def a_further_run(trial: Trial) -> None:
    """Of a photo that is kept, in another scene; then its visitor leaves."""
    trial.kept, request_id = True, str(uuid.uuid4())
    trial.upload()
    first = trial.uploaded
    trial.ask(request_id)
    trial.await_end()
    trial.arm()
    trial.begin_again(request_id)
    trial.await_end()
    trial.leave(request_id)
    await_true(lambda: not trial.booth.versions(first))


def staff_steer(trial: Trial) -> None:
    """Staff set something else than before, and a visit comes after it."""
    trial.steer()
    trial.arm()
    trial.steer()
    trial.upload()
    trial.await_end()
    trial.steer_no_more()


def when_staff_steer(scenario: Callable[[Trial], None]) -> Callable[[Trial], None]:
    """Staff have set something, which has to be read."""

    def steered(trial: Trial) -> None:
        trial.steer()
        scenario(trial)
        trial.steer_no_more()

    return steered


def a_deletion(trial: Trial) -> None:
    """After the end."""
    trial.upload()
    trial.await_end()
    trial.arm()
    trial.delete()


def a_deletion_at_work(trial: Trial) -> None:
    """While pictures are painted."""
    trial.booth.stand_in("bedrock", canned={}, latency=HOLD)
    trial.upload()
    trial.await_step("generate")
    trial.arm()
    trial.delete()
    trial.booth.stand_in("bedrock", canned={})
    trial.booth.await_idle("GenerateImage")


def a_deletion_of_a_foreign_photo(trial: Trial) -> None:
    """One that was put without /upload and that nobody knows yet."""
    trial.booth.app.drop_events = True
    trial.put_directly()
    trial.arm()
    trial.delete()


def a_deletion_that_broke_off(trial: Trial) -> None:
    """DeletePhoto was killed; sweep goes on."""
    trial.upload()
    trial.await_end()
    trial.booth.app.fail({"kind": "killed before", "match": "DeletePhoto s3:ListBucketVersions *", "times": 1})
    place = {"bucket": trial.uploaded["Bucket"], "key": trial.uploaded["Key"]}
    assert trial.booth.delete(str(uuid.uuid4()), **place)[0] == 500
    trial.arm()
    trial.booth.age(trial.uploaded, limits.DELETE_SECONDS)
    trial.sweep_with_fault()


def an_old_upload(trial: Trial) -> None:
    """A photo that the application was never told of is a day old."""
    from moto.s3.models import s3_backends

    trial.booth.app.drop_events = True
    trial.put_directly()
    bucket, key = trial.uploaded.values()
    for version in s3_backends["123456789012"]["aws"].buckets[bucket].keys.getlist(key):
        version.last_modified -= timedelta(seconds=limits.UPLOAD_SECONDS + 1)
    trial.arm()
    trial.booth.app.invoke("Purge", {})
    if trial.fault:
        trial.await_strike()
        trial.booth.app.invoke("Purge", {})
    await_true(lambda: not trial.booth.versions(trial.uploaded))


def a_look_at_the_day(trial: Trial) -> None:
    """Staff look at how the booth is doing."""
    trial.upload()
    trial.await_end()
    trial.arm()
    assert trial.staffs("GET", "/staff/today")["visits"]


def a_visit_is_hidden(trial: Trial) -> None:
    """Staff take a visit from view; nothing of it is shown once they are told so."""
    request_id = an_ended_visit(trial)
    for hidden in (True, False):  # once before, so that what the function keeps while it is warm is always kept
        trial.staffs("POST", "/staff/hide", {"requestId": request_id, "hidden": hidden})
    trial.arm()
    trial.staffs("POST", "/staff/hide", {"requestId": request_id, "hidden": True})
    assert not trial.is_shown(request_id)


def a_visit_is_shown_again(trial: Trial) -> None:
    """Staff undo it: all of the visit is back."""
    request_id = an_ended_visit(trial)
    trial.staffs("POST", "/staff/hide", {"requestId": request_id, "hidden": True})
    trial.arm()
    trial.staffs("POST", "/staff/hide", {"requestId": request_id, "hidden": False})
    assert trial.is_shown(request_id)


def a_look_at_the_wall(trial: Trial) -> None:
    """The wall asks, and shows the picture."""
    on_the_wall(trial)
    trial.arm()
    assert trial.copy() in [each["url"] for each in trial.wall_shows()]


def a_look_at_what_is_for_the_wall(trial: Trial) -> None:
    """Staff's list has the picture."""
    on_the_wall(trial)
    trial.arm()
    assert trial.copy() in [each["url"] for each in trial.staffs("GET", "/staff/wall")["shown"]]


def a_decision(trial: Trial) -> None:
    """Staff hide a picture on the wall."""
    on_the_wall(trial)
    trial.arm()
    trial.staffs("POST", "/staff/wall", {"visit": trial.run, "picture": 1, "state": "hidden"})
    assert trial.copy() not in [each["url"] for each in trial.wall_shows()]


def a_picture_is_taken_off(trial: Trial) -> None:
    """Its visitor takes it off the wall, at the booth; the copy is gone."""
    request_id = on_the_wall(trial)
    trial.booth.app.restart("LeaveWall")  # it reads what it keeps while it is warm, always
    trial.arm()
    trial.take_off(request_id)
    assert trial.copy() not in [each["url"] for each in trial.wall_shows()]
    assert trial.booth.http("GET", trial.booth.url + trial.copy())[0] == 403


def on_the_wall(trial: Trial) -> str:
    """An ended visit whose picture is shown on the wall; its requestId."""
    trial.wall = True
    request_id = an_ended_visit(trial)
    await_true(lambda: trial.record["wall"])
    return request_id


def an_ended_visit(trial: Trial) -> str:
    """A visit with one picture; its requestId."""
    trial.pictures, request_id = 1, str(uuid.uuid4())
    trial.upload()
    trial.ask(request_id)
    trial.await_end()
    return request_id


LATE = {
    "DetectFaces": an_end_during("DetectFaces", "s3:PutObject */work/*"),
    "CropFaces": an_end_during("CropFaces", "s3:PutObject *"),
    "SegmentCrop": an_end_during("SegmentCrop", "sagemaker:*"),
    "MergeMasks": an_end_during("MergeMasks", "s3:PutObject *"),
    "GenerateImage": an_end_during("GenerateImage", "bedrock:*"),
}


def an_execution_that_outlives_its_run(trial: Trial) -> None:
    """The run's time is over and its execution can't be stopped: MergeMasks learns from the table that it is late."""
    trial.pictures = 1
    slow = {"kind": "slow", "match": "SegmentCrop sagemaker:*", "times": 2, "seconds": 7}
    trial.arm(slow, {"kind": "denied", "match": "Sweep states:StopExecution *"})
    trial.upload()
    await_true(lambda: trial.booth.app.failed()["struck"])
    trial.age_to_stop()
    trial.sweep()
    trial.await_end()


AFTER_THE_END = (*LATE.values(), an_execution_that_outlives_its_run)
SCENARIOS: list[tuple[str, Callable[[Trial], None]]] = [
    ("Upload s3:GetObject page/*", when_staff_steer(a_visit)),
    ("Upload *", a_visit),
    ("PaintAgain s3:GetObject page/*", when_staff_steer(a_further_run)),
    ("PaintAgain *", a_further_run),
    ("Steer *", staff_steer),
    ("Start dynamodb:PutItem *", a_foreign_photo),
    ("Start s3:DeleteObjectVersion *", a_url_used_again),
    ("Start *", a_visit),
    *((f"{step} s3:DeleteObject *", scenario) for step, scenario in LATE.items()),
    *((f"{step} s3:ListBucket *", scenario) for step, scenario in LATE.items()),
    ("CropFaces dynamodb:GetItem *", LATE["CropFaces"]),
    ("MergeMasks dynamodb:GetItem *", an_execution_that_outlives_its_run),
    ("SegmentCrop sagemaker:InvokeEndpoint keep", a_visit_that_keeps_people),
    ("GenerateImage sagemaker:InvokeEndpoint *", a_visit_at_the_endpoint),
    ("ModeratePicture s3:DeleteObject *", a_deletion_during_the_score),
    ("ModeratePicture *", a_visit_for_the_wall),
    ("PhotoMachine lambda:InvokeFunction *moderatepicture", a_visit_for_the_wall),
    ("Admit *", a_visit_whose_model_is_gone),
    *((f"{step} *", a_visit) for step in STEPS),
    ("Finish s3:DeleteObject results/photo", no_face),
    ("Finish *", a_visit),
    ("PhotoMachine *", a_visit),
    ("Photo s3:DeleteObjectVersion *", a_used_key),
    ("Photo *", a_lost_event),
    ("DeletePhoto s3:GetObject *", a_deletion_of_a_foreign_photo),
    ("DeletePhoto s3:DeleteObjectVersion *", a_deletion_at_work),
    ("DeletePhoto s3:DeleteObject results/work", a_deletion_at_work),
    ("DeletePhoto states:*", a_deletion_at_work),
    ("DeletePhoto *", a_deletion),
    ("Staff *", a_look_at_the_day),
    ("HidePhoto s3:DeleteObjectTagging *", a_visit_is_shown_again),
    ("HidePhoto *", a_visit_is_hidden),
    ("Wall *", a_look_at_the_wall),
    ("LeaveWall *", a_picture_is_taken_off),
    ("StaffWall *", a_look_at_what_is_for_the_wall),
    ("DecidePicture *", a_decision),
    ("Sweep s3:GetObject *", an_event_that_sweep_makes_up_for),
    ("Sweep states:StartExecution *", an_event_that_sweep_makes_up_for),
    ("Sweep states:DescribeExecution *", a_slow_run),
    ("Sweep s3:DeleteObjectVersion *", a_photo_kept_for_another_try),
    ("Sweep s3:ListBucketVersions *", a_photo_kept_for_another_try),
    ("Sweep ssm:*", a_deletion_that_broke_off),
    ("Sweep cloudfront:*", a_deletion_that_broke_off),
    ("Sweep *", an_overdue_run),
    ("Purge *", an_old_upload),
]
"""Where each call is met, by "function action where"; the first that matches."""


def scenario_of(row: Row) -> Callable[[Trial], None]:
    """Raises LookupError for a call that nobody thought of."""
    for pattern, scenario in SCENARIOS:
        if fnmatch.fnmatchcase(f"{row.function} {row.action} {row.where}", pattern):
            return scenario
    raise LookupError(f"no scenario in which {row} is called")
