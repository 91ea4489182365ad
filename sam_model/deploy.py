"""Creates, updates, switches and removes the SageMaker endpoint of endpoint.yaml, as one CloudFormation stack.

    python -m sam_model.deploy deploy dev [--model FOLDER] [Parameter=value ...]
    python -m sam_model.deploy on|off|destroy dev

The stack and its endpoint are called photo-booth-sam-<environment> (endpoints/stack.py).
"""

import argparse
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from endpoints.stack import DeployError, Stack, sdk, settings
from sam_model import package


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line's action; exit status 1 and the reason if that fails."""
    parser = argparse.ArgumentParser(prog="python -m sam_model.deploy")
    parser.add_argument("action", choices=["deploy", "on", "off", "destroy"])
    parser.add_argument("environment", help="a table of endpoint.toml, such as dev or prod")
    parser.add_argument("overrides", nargs="*", metavar="Parameter=value", help="parameters of endpoint.yaml")
    parser.add_argument("--model", type=Path, default=package.DEFAULT_MODEL, help="folder of the weights to deploy")
    options = parser.parse_intermixed_args(arguments)
    if options.action != "deploy" and (options.overrides or options.model != package.DEFAULT_MODEL):
        parser.error("parameters and --model are for deploy")
    try:
        parameters = settings(options.environment, options.overrides)
        stack = Stack(f"photo-booth-sam-{options.environment}")
        if options.action == "deploy":
            for schedule in ("StartSchedule", "StopSchedule"):
                if parameters.get(schedule):
                    print(f"{stack.name}: {schedule} is {parameters[schedule]}, time zone {parameters['TimeZone']}")
            instance = parameters["InstanceType"]
            if not parameters.get("ImageUri"):
                parameters["ImageUri"] = sdk("image", stack.region, instance)
            package.build(options.model, package.DEFAULT_ARCHIVE, gpu=instance.startswith("ml.g"))
            stack.deploy(parameters, package.DEFAULT_ARCHIVE)
        elif options.action == "destroy":
            stack.destroy()
        else:
            stack.switch(options.action == "on")
        if options.action in ("deploy", "on"):
            stack.wait()
    except (DeployError, package.PackageError, BotoCoreError, ClientError, OSError) as error:  # OSError: a full disk
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
