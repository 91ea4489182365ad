"""Before an event: can this AWS account paint? `make preflight`, with the operator's credentials.

Asks Bedrock about each candidate of ImageModels, the endpoint that paints, if ImageModels names it, for pictures, the
SAM endpoint for a mask, Rekognition for a face, Lambda for its concurrent executions and Service Quotas for the
endpoints' instances, and prints what was found and what to do about
it. Parameters are those of `sam deploy`: template.yaml's defaults, then those of samconfig.toml (--config-env), then
those on the command line. Bedrock generates no picture: the only calls that cost anything are one DetectFaces, one
DetectModerationLabels, two InvokeEndpoint, and two more of the endpoint that paints.

Exit status 0 if at least one candidate is usable, Rekognition finds a face, the SAM endpoint returns its mask, and what
the parameter Keep wants beside it, and the quotas suffice for one visitor and one endpoint; else 1.
"""

import argparse
import os
import sys

import boto3

from booth.painting.chain import parse_chain
from booth.scenes import DEFAULT_PICTURES
from deploy import account
from operate.image_models import CandidateCheck, check_candidate
from operate.painter import check_painter
from operate.parameters import ROOT, ParameterError, problems, read_parameters
from operate.services import ServiceCheck, check_instances, check_lambda, check_rekognition, check_sam

PHOTO = ROOT / "tests" / "photos" / "astronaut.jpg"


def report(candidates: list[CandidateCheck], services: list[ServiceCheck]) -> list[str]:
    """The lines of the report: a table of the candidates, the services, what to do, and the photos an hour."""
    lines = [f"{'candidate':58} {'state':8} {'access':8} {'requests/min':>12} {'photos/h':>8}"]
    for each in candidates:
        mark = "*" if each.is_default_quota else ""
        requests = "?" if each.requests_a_minute is None else f"{each.requests_a_minute:g}{mark}"
        row = f"{each.model}@{each.region}"
        photos = each.photos_an_hour if each.is_usable else "-"
        lines.append(f"{row:58} {each.state:8} {each.access:8} {requests:>12} {photos:>8}")
    if any(each.is_default_quota for each in candidates):
        lines.append("* AWS's documented default, for Service Quotas told nothing; new accounts may have less.")
    lines += ["", *(f"{each.name}: {'ok' if each.is_usable else 'BAD'}, {each.finding}" for each in services), ""]
    lines[-1:-1] = [f"{each.model}@{each.region}: {each.note}." for each in candidates if each.note]
    todo = [f"{each.model}@{each.region}: {text}" for each in candidates for text in each.todo]
    todo += [f"{each.name}: {each.todo}" for each in services if each.todo]
    if todo:
        lines += ["To do:", *(f"  {text}" for text in todo), ""]
    usable = [each for each in candidates if each.is_usable]
    if usable:
        first = [each for each in usable if each.model == usable[0].model]
        total = sum(each.photos_an_hour for each in first)
        where = f"{first[0].model} in {', '.join(each.region for each in first)}"
        lines.append(f"{where} paints up to {total} photos an hour, {DEFAULT_PICTURES} pictures each.")
    else:
        lines.append("No candidate is usable: no picture can be painted.")
    return lines


def check_chain(chain: str, paint_endpoint: str, paint_region: str, photo: bytes) -> list[CandidateCheck]:
    """Each candidate of ImageModels, checked; `photo` (JPEG) is painted by the endpoint, if the chain names it."""
    checked = []
    for part in (part.strip() for part in chain.split(",")):
        model, _, region = part.rpartition("@")
        if model:
            checked.append(check_candidate(model, region))
        else:
            checked.append(check_painter(parse_chain(part, paint_region)[0], paint_endpoint, photo))
    return checked


def own_region() -> str:
    """The Region of the operator's configuration."""
    return boto3.Session().region_name or ""


def check(parameters: dict[str, str], environment: str) -> tuple[list[CandidateCheck], list[ServiceCheck]]:
    """The candidates and the services, checked.

    Args:
        parameters: template.yaml's, all of them, see `read_parameters`.
        environment: of samconfig.toml; empty for none.
    """
    os.environ["SAM_ENDPOINT"], os.environ["SAM_PROTOCOL"] = parameters["SamEndpoint"], parameters["SamProtocol"]
    photo = PHOTO.read_bytes()
    paint_endpoint, paint_region = parameters["PaintEndpoint"], parameters["PaintRegion"] or own_region()
    candidates = check_chain(parameters["ImageModels"], paint_endpoint, paint_region, photo)
    moderates = parameters["WallModeration"] != "off" or float(parameters["ModerationThreshold"]) > 0
    faces, details = check_rekognition(photo, moderates)
    endpoint, arn, keep = (parameters[name] for name in ("SamEndpoint", "SamEndpointArn", "Keep"))
    services = [faces, check_sam(endpoint, arn, keep, photo, details)]
    services.append(check_lambda(int(parameters["LambdaConcurrency"])))
    if parameters["SamEndpoint"] == f"photo-booth-sam-{environment}":  # the name that make sam-deploy gives
        services.append(check_instances("sam_model", environment))
    if paint_endpoint and paint_endpoint == f"photo-booth-paint-{environment}":  # make paint-deploy's
        services.append(check_instances("paint_model", environment, paint_region))
    return candidates, services


def main(arguments: list[str] | None = None) -> int:
    """Prints the report; exit status 0 if an event can begin, else 1."""
    parser = argparse.ArgumentParser(prog="python -m operate.preflight", description="Can this AWS account paint?")
    parser.add_argument("--config-env", help="the environment of samconfig.toml that you deploy")
    parser.add_argument("overrides", nargs="*", metavar="Name=value", help="parameters of template.yaml")
    given = parser.parse_args(arguments)
    try:
        parameters = read_parameters(given.config_env, given.overrides)
    except ParameterError as error:
        print(error, file=sys.stderr)
        return 1
    if wrong := problems(parameters):
        print("\n".join(wrong), file=sys.stderr)
        return 1
    if "Region" in parameters:
        os.environ["AWS_DEFAULT_REGION"] = parameters["Region"]
    try:
        account.require()
    except account.AccountError as error:
        print(error, file=sys.stderr)
        return 1
    candidates, services = check(parameters, given.config_env or "")
    print("\n".join(report(candidates, services)))
    return 0 if any(each.is_usable for each in candidates) and all(each.is_usable for each in services) else 1


if __name__ == "__main__":
    sys.exit(main())
