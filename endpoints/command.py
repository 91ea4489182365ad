"""The command line with which an endpoint is deployed: deploy, on, off, destroy."""

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from endpoints.stack import DeployError, Kind, Stack, sdk, settings

AWS = (BotoCoreError, ClientError, Boto3Error)  # the last: a failed upload


@dataclass(frozen=True)
class Program:
    """What one endpoint's command line has of its own."""

    kind: Kind
    model: str
    """The model that is deployed unless another is named."""
    pack: Callable[[str, str], Callable[[str], str]]
    """Makes what is uploaded of a model, for an instance type; returns what Stack.deploy calls."""
    errors: tuple[type[Exception], ...]
    """What `pack` and the upload raise; the messages say why and what to do."""
    hourly: Mapping[str, float] = field(default_factory=dict)
    """US dollars an hour by instance type, to be told before a deployment."""


def run(program: Program, arguments: list[str] | None) -> int:
    """Runs the command line's action; exit status 1 and the reason if that fails."""
    folder = program.kind.folder.name
    parser = argparse.ArgumentParser(prog=f"python -m {folder}.deploy")
    parser.add_argument("action", choices=["deploy", "on", "off", "destroy"])
    parser.add_argument("environment", help="a table of endpoint.toml, such as dev or prod")
    parser.add_argument("overrides", nargs="*", metavar="Parameter=value", help="parameters of endpoint.yaml")
    parser.add_argument("--model", default=program.model, help=f"what python -m {folder}.package takes")
    options = parser.parse_intermixed_args(arguments)
    if options.action != "deploy" and (options.overrides or options.model != program.model):
        parser.error("parameters and --model are for deploy")
    try:
        parameters = settings(program.kind, options.environment, options.overrides)
        stack = Stack(program.kind, options.environment)
        if options.action == "deploy":
            _deploy(program, stack, parameters, options.model)
        elif options.action == "destroy":
            stack.destroy()
        else:
            stack.switch(options.action == "on")
        if options.action in ("deploy", "on"):
            stack.wait()
    except (DeployError, *program.errors, *AWS, OSError) as error:  # OSError: a full disk
        print(error, file=sys.stderr)
        return 1
    return 0


def _deploy(program: Program, stack: Stack, parameters: dict[str, str], model: str) -> None:
    """Tells what costs and when it ends, finds the image, packs the model and deploys it. Raises as `run` catches."""
    for schedule in ("StartSchedule", "StopSchedule"):
        if parameters.get(schedule):
            print(f"{stack.name}: {schedule} is {parameters[schedule]}, time zone {parameters['TimeZone']}")
    instance = parameters["InstanceType"]
    if price := program.hourly.get(instance):
        print(
            f"{stack.name}: each {instance} costs about ${price:.2f} an hour in us-east-1, until "
            f"make {program.kind.name}-off",
            flush=True,
        )
    if not parameters.get("ImageUri"):
        parameters["ImageUri"] = sdk("image", stack.region, instance, program.kind.name)
    stack.deploy(parameters, program.pack(model, instance))
