"""Holds the API's answers against docs/openapi.yaml. OpenAPI 3.1's schemas are JSON Schema, draft 2020-12."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tools.api_tables import codes_of

_HERE = "urn:openapi"
_GATEWAY = {404, 413, 429, 500, 503}  # API Gateway answers these by itself too, as {"message"}


@cache
def document() -> dict[str, Any]:
    """The document, as it is."""
    return yaml.load((Path(__file__).parents[2] / "docs/openapi.yaml").read_text("utf-8"), yaml.CSafeLoader)


@cache
def _registry() -> Registry:
    return Registry().with_resource(_HERE, Resource.from_contents(document(), DRAFT202012))


def _find(reference: str) -> dict[str, Any]:
    found = document()
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def _whole(part: dict[str, Any]) -> dict[str, Any]:
    return _find(part["$ref"]) if "$ref" in part else part


def _here(schema: Any) -> Any:
    """The schema with its references made absolute."""
    if isinstance(schema, list):
        return [_here(item) for item in schema]
    if isinstance(schema, dict):
        return {key: _HERE + value if key == "$ref" else _here(value) for key, value in schema.items()}
    return schema


def faults(schema: dict[str, Any], value: Any) -> Iterator[str]:
    """What is wrong with a value; JSON inside a text is looked at as well."""
    validator = Draft202012Validator(_here(schema), registry=_registry())
    yield from (f"{error.json_path}: {error.message}" for error in validator.iter_errors(value))
    yield from _faults_inside(schema, value)


def _faults_inside(schema: dict[str, Any], value: Any) -> Iterator[str]:
    schema = _whole(schema)
    if "contentSchema" in schema and isinstance(value, str):
        yield from faults(schema["contentSchema"], json.loads(value))
    for part in schema.get("allOf", []):
        yield from _faults_inside(part, value)
    if isinstance(value, dict):
        for name, part in schema.get("properties", {}).items():
            if name in value:
                yield from _faults_inside(part, value[name])


def check(method: str, path: str, status: int, headers: Any, answer: Any) -> None:
    """Raises AssertionError for an answer that the document does not have; other hosts' paths pass."""
    operation = document()["paths"].get(path.partition("?")[0], {}).get(method.lower())
    if operation is None or (status in _GATEWAY and set(answer) == {"message"}):
        return
    assert str(status) in operation["responses"], f"{method} {path} answered {status}, which is not documented"
    response = _whole(operation["responses"][str(status)])
    for name, header in response.get("headers", {}).items():
        if name not in headers and not _whole(header).get("required"):
            continue
        wrong = list(faults(_whole(header)["schema"], headers.get(name)))
        assert not wrong, f"{method} {path} {status}, header {name}: {wrong}"
    wrong = list(faults(response["content"]["application/json"]["schema"], answer))
    assert not wrong, f"{method} {path} {status}: {wrong}"
    if status >= 400:
        named = [code for codes, _ in codes_of(operation["responses"][str(status)]) for code in codes]
        code = (json.loads(answer["body"]) if "body" in answer else answer)["error"]["code"]
        assert code in named, f"{method} {path} {status} answers {code}, which the document does not name there"
