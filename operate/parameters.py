"""The parameters that `sam deploy` would give a stack: template.yaml's defaults, samconfig.toml, the command line."""

import shlex
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent


class ParameterError(Exception):
    """The parameters can't be read; the text says why."""


# libyaml's, where it is. Which one it is pyright can't know.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # pyright: ignore[reportGeneralTypeIssues]
    """Loads a CloudFormation template; its short forms (!Ref, !Sub, ...) become None."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def default_parameters(template: Path) -> dict[str, Any]:
    """The Default of every parameter of a CloudFormation template; None where there is none."""
    parameters = yaml.load(template.read_text(encoding="utf-8"), Loader=_Loader)["Parameters"]
    return {name: each.get("Default") for name, each in parameters.items()}


def problems(parameters: dict[str, str]) -> list[str]:
    """Why a stack with these parameters can't be right, in sentences: what no AllowedPattern can say."""
    named = any(part.strip().partition("=")[0] == "endpoint" for part in parameters["ImageModels"].split(","))
    if named and not parameters["PaintEndpoint"]:
        return ["ImageModels names endpoint, but PaintEndpoint is empty: set PaintEndpoint=<the endpoint's name>."]
    if parameters["PaintEndpoint"] and not named:
        return [
            f"PaintEndpoint is {parameters['PaintEndpoint']}, but ImageModels does not name it: put the word endpoint "
            "where it belongs in the order, or leave PaintEndpoint empty."
        ]
    return []


def read_parameters(config_env: str | None, overrides: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """The stack's parameters, and `Region` if samconfig.toml has one.

    Args:
        config_env: the environment of samconfig.toml; None for the template's defaults alone.
        overrides: of the form Name=value.

    Raises:
        ParameterError: there is no such environment, or no such parameter.
    """
    defaults = default_parameters(root / "template.yaml")
    parameters = {name: "" if value is None else str(value) for name, value in defaults.items()}
    given = list(overrides)
    if config_env:
        config = tomllib.loads((root / "samconfig.toml").read_text(encoding="utf-8"))
        environments = [name for name, value in config.items() if isinstance(value, dict)]
        if config_env not in environments:
            raise ParameterError(f"samconfig.toml has no environment {config_env}; it has {', '.join(environments)}.")
        deploy = config[config_env].get("deploy", {}).get("parameters", {})
        pairs = deploy.get("parameter_overrides", [])
        given = (shlex.split(pairs) if isinstance(pairs, str) else pairs) + given
        if "region" in deploy:
            parameters["Region"] = deploy["region"]
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or name not in defaults:
            raise ParameterError(f"{pair} is no Name=value of a parameter of template.yaml.")
        parameters[name] = value
    return parameters
