"""Before an event: can this AWS account paint? `make preflight`, with the operator's credentials.

Asks Bedrock about each candidate of ImageModels, the SAM endpoint for a mask and Rekognition for a face, Lambda how
many executions it allows at once and Service Quotas for the endpoint's instances, and prints what was found and what to
do about it. Parameters are those of `sam deploy`: template.yaml's defaults, then those of
samconfig.toml (--config-env), then those on the command line. It paints nothing: the only calls that cost anything
are one DetectFaces and one InvokeEndpoint.

Exit status 0 if at least one candidate lives, the SAM endpoint and Rekognition answer, and Lambda and the instances'
quota suffice for one visitor and one endpoint; else 1.
"""

import argparse
import os
import sys

import boto3
from botocore.exceptions import BotoCoreError

from operate.image_models import PICTURES, Candidate, look_at
from operate.parameters import ROOT, SettingsError, read_settings
from operate.services import Service, look_at_instances, look_at_lambda, look_at_rekognition, look_at_sam

PHOTO = ROOT / "tests" / "photos" / "astronaut.jpg"


def report(candidates: list[Candidate], services: list[Service]) -> list[str]:
    """What the operator reads, line by line."""
    lines = [f"{'candidate':58} {'state':8} {'access':8} {'requests/min':>12} {'photos/h':>8}"]
    for each in candidates:
        requests = "?" if each.requests is None else f"{each.requests:g}{'*' if each.documented else ''}"
        row = f"{each.model}@{each.region}"
        photos = each.photos if each.lives else "-"
        lines.append(f"{row:58} {each.state:8} {each.access:8} {requests:>12} {photos:>8}")
    if any(each.documented for each in candidates):
        lines.append("* AWS's documented default, for Service Quotas told nothing; new accounts may have less.")
    lines += ["", *(f"{each.name}: {'ok' if each.answers else 'BAD'}, {each.said}" for each in services), ""]
    todo = [f"{each.model}@{each.region}: {text}" for each in candidates for text in each.todo]
    todo += [f"{each.name}: {each.todo}" for each in services if each.todo]
    if todo:
        lines += ["To do:", *(f"  {text}" for text in todo), ""]
    living = [each for each in candidates if each.lives]
    if living:
        first = [each for each in living if each.model == living[0].model]
        total = sum(each.photos for each in first)
        where = f"{first[0].model} in {', '.join(each.region for each in first)}"
        lines.append(f"{where} paints up to {total} photos an hour, {PICTURES} pictures each.")
    else:
        lines.append("No candidate lives: no picture can be painted.")
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Prints the report; 0 if an event can begin."""
    parser = argparse.ArgumentParser(prog="python -m operate.preflight", description="Can this AWS account paint?")
    parser.add_argument("--config-env", help="the environment of samconfig.toml that you deploy")
    parser.add_argument("overrides", nargs="*", metavar="Name=value", help="parameters of template.yaml")
    given = parser.parse_args(arguments)
    try:
        settings = read_settings(given.config_env, given.overrides)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    if "Region" in settings:
        os.environ["AWS_DEFAULT_REGION"] = settings["Region"]
    try:
        session = boto3.Session()
        ready = session.region_name and session.get_credentials()
    except BotoCoreError as error:  # a profile that doesn't exist, a session that has expired
        print(error, file=sys.stderr)
        ready = False
    if not ready:
        print(
            "No AWS credentials or Region: set AWS_PROFILE and AWS_DEFAULT_REGION, or run aws configure.",
            file=sys.stderr,
        )
        return 1
    os.environ["SAM_ENDPOINT"], os.environ["SAM_PROTOCOL"] = settings["SamEndpoint"], settings["SamProtocol"]
    pairs = [part.strip().rpartition("@") for part in settings["ImageModels"].split(",")]
    candidates = [look_at(model, region) for model, _, region in pairs]
    photo = PHOTO.read_bytes()
    faces, details = look_at_rekognition(photo)
    services = [faces, look_at_sam(settings["SamEndpoint"], settings["SamEndpointArn"], photo, details)]
    services.append(look_at_lambda(int(settings["LambdaConcurrency"])))
    if settings["SamEndpoint"] == f"photo-booth-sam-{given.config_env}":  # else it is none that we would deploy
        services.append(look_at_instances(given.config_env))
    print("\n".join(report(candidates, services)))
    return 0 if any(each.lives for each in candidates) and all(each.answers for each in services) else 1


if __name__ == "__main__":
    sys.exit(main())
