"""A template's text: YAML with CloudFormation's short tags."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


class TemplateError(ValueError):
    """The template holds something that is wrong or that the local mode does not know; the message names it."""


# libyaml's, where it is: ten times as fast. Which one it is pyright can't know.
class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # pyright: ignore[reportGeneralTypeIssues]
    """YAML with CloudFormation's short tags, without YAML's dates, without silent duplicates."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise TemplateError(f"{key} is given twice near line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _construct_tag(loader: Loader, suffix: str, node: yaml.Node) -> dict:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", _construct_tag)


def read(path: Path) -> dict[str, Any]:
    """A template with its short tags in their long form. Raises TemplateError: a name is given twice."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)


def default_of(path: Path, parameter: str) -> str:
    """The default of a template's parameter."""
    return read(path)["Parameters"][parameter]["Default"]


def refuse_unknown(where: str, given: Mapping, known: set[str]) -> None:
    """Raises TemplateError for the first name that is not known, naming `where` it stands."""
    for name in given:
        if name not in known:
            raise TemplateError(f"{where}: the local mode does not know {name}")
