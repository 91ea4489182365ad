"""The parameters that `sam deploy` would give a stack: template.yaml's defaults, samconfig.toml, the command line."""

import shlex
import tomllib
from collections.abc import Iterable
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent


class SettingsError(Exception):
    """The parameters can't be read; the text says why."""


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags, whose values don't matter here."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def read_settings(config_env: str | None, overrides: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """The stack's parameters, and `Region` if samconfig.toml has one. Raises SettingsError."""
    template = yaml.load((root / "template.yaml").read_text(encoding="utf-8"), Loader=Loader)
    settings = {name: str(value.get("Default", "")) for name, value in template["Parameters"].items()}
    given = list(overrides)
    if config_env:
        config = tomllib.loads((root / "samconfig.toml").read_text(encoding="utf-8"))
        environments = [name for name, value in config.items() if isinstance(value, dict)]
        if config_env not in environments:
            raise SettingsError(f"samconfig.toml has no environment {config_env}; it has {', '.join(environments)}.")
        deploy = config[config_env].get("deploy", {}).get("parameters", {})
        pairs = deploy.get("parameter_overrides", [])
        given = (shlex.split(pairs) if isinstance(pairs, str) else pairs) + given
        if "region" in deploy:
            settings["Region"] = deploy["region"]
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or name not in template["Parameters"]:
            raise SettingsError(f"{pair} is no Name=value of a parameter of template.yaml.")
        settings[name] = value
    return settings
