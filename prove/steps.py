"""The steps of `make prove`, in their order."""

import subprocess
import time
from functools import partial

from deploy import states
from deploy.build import ROOT
from operate import preflight
from operate.parameters import ParameterError, problems, read_parameters
from prove import money, page, stacks, visits, watch
from prove.step import ENVIRONMENTS, Context, Failure, NotTried, Step, name_of

LISTED_SECONDS, LISTED_PAUSE_SECONDS = 10 * 60, 15.0
"""Timeout and interval of the look at what is left over: AWS lists what is deleted by its tags for some minutes."""


def all_steps(test_states: bool = False) -> list[Step]:
    """Every step but the last ones. Each can be repeated: a proof goes on with what did not come as expected.

    Args:
        test_states: whether AWS is asked what it makes of each state of the state machine.
    """
    steps = [
        Step("preflight", "an image model, Rekognition and Lambda can be used", check_account),
        Step("build", "the functions and layers are built for Lambda", build),
    ]
    for environment in ENVIRONMENTS:
        name = name_of(environment)
        steps += [
            Step(
                f"deploy {environment}",
                f"{name} is CREATE_COMPLETE, or UPDATE_COMPLETE if this was repeated",
                partial(stacks.deploy, environment=environment),
            ),
            Step(f"page {environment}", "every file of web/", partial(stacks.open_page, environment=environment)),
        ]
    steps += [
        Step("a photo by the documented calls", "its picture by the CDN", visits.documented, pictures=1, photos=1),
        Step("a photo of ten faces", "all ten are kept, and its picture", visits.ten_faces, pictures=1, photos=1),
        *[
            Step(
                f"a photo without a face, in {environment}",
                "FAILED, NoFaceFound",
                partial(visits.no_face, environment=environment),
                photos=1,
            )
            for environment in ENVIRONMENTS
        ],
        Step(
            "a deletion during a run",
            "200 DELETED, then 404; no version of an object is left",
            visits.deleted_meanwhile,
            pictures=1,
            photos=1,
        ),
        Step(
            "the page in a browser",
            "camera, upload, picture, QR code, phone, deletion",
            page.visit,
            pictures=1,
            photos=1,
        ),
        Step(
            "a photo that nobody polls, in prod",
            f"S3's event starts it within {visits.EVENT_SECONDS} s, and it ends with its picture",
            visits.unpolled,
            pictures=1,
            photos=1,
        ),
        Step(
            "strangers, in prod",
            "401 BoothTokenNeeded without a token, 400 ConsentNeeded without consent",
            strangers,
        ),
        Step("alarms", "every alarm of both stacks is OK", watch.alarms),
        Step("cost", "no more than was stated", cost),
    ]
    if test_states:
        expected = "the definition is OK; each state answers as was recorded"
        steps.append(Step("state by state", expected, ask_of_states, states=states.count()))
    return steps


def last_steps() -> list[Step]:
    """What every proof ends with, and `--clean` is."""
    undo = [
        Step(
            f"destroy {environment}",
            f"{name_of(environment)} is gone",
            partial(stacks.destroy, environment=environment),
        )
        for environment in reversed(ENVIRONMENTS)
    ]
    return [*undo, Step("what is left over", "nothing", look_round)]


def parameters_of(environment: str, overrides: list[str]) -> dict[str, str]:
    """template.yaml's parameters of dev or prod. Raises Failure for what can't be right."""
    try:
        found = read_parameters(environment, overrides)
    except ParameterError as error:
        raise Failure(str(error)) from error
    if wrong := problems(found):
        raise Failure(" ".join(wrong))
    return found


def check_account(context: Context) -> str:
    """`make preflight` of both; without a SAM endpoint faces are kept by ellipses, so that is only told."""
    bad: list[str] = []
    endpoints: set[str] = set()
    for environment in ENVIRONMENTS:
        given = parameters_of(environment, context.state.overrides)
        candidates, services = preflight.check(given, environment)
        context.say(f"{environment}:\n" + "\n".join(preflight.report(candidates, services)))
        if not any(each.is_usable for each in candidates):
            bad.append(f"{environment}: no image model is usable")
        for each in services:
            if each.name.startswith("SAM endpoint"):
                context.state.with_sam[environment] = each.is_usable
                endpoints |= {given["SamEndpoint"]} if each.is_usable else set()
            elif not each.is_usable and each.name != "SageMaker":  # its instances are the SAM endpoint's
                bad.append(f"{environment}: {each.name}, {each.finding}. {each.todo}")
        endpoints |= {given["PaintEndpoint"]} - {""}
    context.state.endpoints = sorted(endpoints)
    if bad:
        raise Failure("; ".join(bad))
    with_sam = [each for each in ENVIRONMENTS if context.state.with_sam.get(each)]
    faces = (
        f"the SAM endpoint of {' and '.join(with_sam)} answers" if with_sam else "no SAM endpoint: ellipses are kept"
    )
    return f"usable; {faces}"


def build(context: Context) -> str:
    """`make build`."""
    process = subprocess.Popen(["make", "--no-print-directory", "build"], cwd=ROOT)
    try:
        status = process.wait()
    except BaseException:
        process.terminate()  # make ends what it has started
        process.wait()
        raise
    if status:
        raise Failure("make build failed for the reason above")
    return "built"


def strangers(context: Context) -> str:
    """Uploads without a token and without consent. Raises NotTried where the parameters ask for neither."""
    given = parameters_of("prod", context.state.overrides)
    if (given["Access"], given["RequireConsent"]) != ("token", "true"):
        raise NotTried("the parameters let strangers in")
    return visits.strangers(context)


def ask_of_states(context: Context) -> str:
    """ValidateStateMachineDefinition, and TestState of each state with recorded inputs. No function is called."""
    return states.check(context.stack("dev").machine, context.say)


def cost(context: Context) -> str:
    """What the runs have cost, by their own history."""
    chains = [parameters_of(each, context.state.overrides)["ImageModels"] for each in ENVIRONMENTS]
    return money.spent(context, ",".join(chains))


def look_round(context: Context) -> str:
    """Lists what is left over, until AWS lists no more what it has just deleted. Raises Failure if something is."""
    stacks.remove_shared(context)
    until, before = time.monotonic() + LISTED_SECONDS, 0
    while (listed := dict(stacks.left_by_tag(context.state))) and time.monotonic() < until:
        if len(listed) != before:
            context.say(f"AWS still lists {len(listed)} things, such as {next(iter(listed))}; waiting")
        before = len(listed)
        time.sleep(LISTED_PAUSE_SECONDS)
    left = dict(stacks.left_over(context.state)) | listed
    context.state.left = [[what, command] for what, command in left.items()]
    if left:
        raise Failure(f"{len(left)} things are left over: {', '.join(left)}")
    if context.state.endpoints:
        context.say(
            f"SageMaker endpoints that were there before stand as they did, by the hour while they are on: "
            f"{', '.join(context.state.endpoints)}. make sam-off and make paint-off switch them off."
        )
    return "nothing"
