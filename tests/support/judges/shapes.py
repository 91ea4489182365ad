"""Values as they are on the wire, held against the shapes of botocore's service models.

Each function gives plain sentences, one for each thing that is wrong; none says that all is right. botocore's own
parser drops members that it doesn't know, and its validator knows neither enums nor patterns nor longest lengths. The
formats are those of Smithy's protocols (awsJson1_0, awsJson1_1, restJson1, restXml, awsQuery).
"""

import base64
import binascii
import json
import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from xml.etree.ElementTree import Element

import regex
from botocore.model import Shape

TIMES = {
    "iso8601": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "rfc822": r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
    r"\d\d:\d\d:\d\d GMT",
}
"""date-time and http-date of Smithy's trait timestampFormat; the third, epoch-seconds, is a number."""

Problems = Iterator[str]


def name_of(shape: Shape, name: str) -> str:
    """A member's name on the wire."""
    return shape.serialization.get("name", name)


# JSON


def json_problems(shape: Shape, value: Any, where: str) -> Problems:
    """Of a value in JSON."""
    if getattr(shape, "is_document_type", False):
        return
    if value is None:
        yield f"{where} is null, which says nothing: leave it out"
    elif shape.type_name in _IN_JSON:
        yield from _IN_JSON[shape.type_name](shape, value, where)
    else:
        yield from _json_scalar(shape, value, where)


def _json_structure(shape: Shape, value: Any, where: str) -> Problems:
    if not isinstance(value, dict):
        yield f"{where} is {_kind(value)}, no structure {shape.name}"
        return
    members = {name_of(member, name): member for name, member in shape.members.items()}
    yield from (f"{where} has {name}, which {shape.name} does not" for name in value.keys() - members.keys())
    required = {name_of(shape.members[name], name) for name in shape.required_members}
    yield from (f"{where} has no {name}, which {shape.name} requires" for name in sorted(required - value.keys()))
    for name in members.keys() & value.keys():
        yield from json_problems(members[name], value[name], f"{where}.{name}")


def _json_list(shape: Shape, value: Any, where: str) -> Problems:
    if not isinstance(value, list):
        yield f"{where} is {_kind(value)}, no list"
        return
    yield from _size(shape, len(value), f"{where} has so many items")
    for number, each in enumerate(value):
        yield from json_problems(shape.member, each, f"{where}[{number}]")


def _json_map(shape: Shape, value: Any, where: str) -> Problems:
    if not isinstance(value, dict):
        yield f"{where} is {_kind(value)}, no map"
        return
    yield from _size(shape, len(value), f"{where} has so many entries")
    for key, each in value.items():
        yield from text_problems(shape.key, key, f"the key {key} of {where}")
        yield from json_problems(shape.value, each, f"{where}.{key}")


def _json_scalar(shape: Shape, value: Any, where: str) -> Problems:
    kinds = _JSON_KINDS[shape.type_name]
    if shape.type_name == "timestamp":
        kinds = (str,) if "timestampFormat" in shape.serialization else (int, float)
        kinds = (int, float) if shape.serialization.get("timestampFormat") == "unixTimestamp" else kinds
    if type(value) not in kinds:
        yield f"{where} is {_kind(value)}, no {shape.type_name}"
    elif isinstance(value, str):
        yield from text_problems(shape, value, where, time="iso8601")
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and shape.type_name != "timestamp":
        yield from _size(shape, value, f"{where} is")


_IN_JSON: dict[str, Callable[[Any, Any, str], Problems]] = {
    "structure": _json_structure,
    "list": _json_list,
    "map": _json_map,
}
_JSON_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (),
}


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


# Texts: in headers, addresses, forms and XML


def text_problems(shape: Shape, text: str, where: str, time: str = "iso8601") -> Problems:
    """Of a scalar written as text. `time`: the protocol's format of times in that place."""
    kind = shape.type_name
    if kind in ("integer", "long", "float", "double"):
        yield from _number(shape, text, where)
    elif kind == "boolean":
        if text not in ("true", "false"):
            yield f"{where} is {text!r}, neither true nor false"
    elif kind == "timestamp":
        yield from _time(shape.serialization.get("timestampFormat", time), text, where)
    elif kind == "blob":
        yield from _blob(shape, text, where)
    elif shape.serialization.get("jsonvalue"):
        yield from _json_text(text, where)
    else:
        yield from _string(shape, text, where)


def _number(shape: Shape, text: str, where: str) -> Problems:
    try:
        value = (int if shape.type_name in ("integer", "long") else float)(text)
    except ValueError:
        yield f"{where} is {text!r}, no {shape.type_name}"
        return
    if math.isfinite(value):
        yield from _size(shape, value, f"{where} is")


def _time(form: str, text: str, where: str) -> Problems:
    if form == "unixTimestamp":
        if not regex.fullmatch(r"\d+(\.\d+)?", text):
            yield f"{where} is {text!r}, no seconds since 1970"
    elif not regex.fullmatch(TIMES[form], text):
        yield f"{where} is {text!r}, not a time in the form {form}"


def _blob(shape: Shape, text: str, where: str) -> Problems:
    try:
        yield from _size(shape, len(base64.b64decode(text, validate=True)), f"{where} has so many bytes")
    except binascii.Error:
        yield f"{where} is not in base64"


def _json_text(text: str, where: str) -> Problems:
    try:
        json.loads(base64.b64decode(text))
    except ValueError:
        yield f"{where} is no JSON in base64"


def _string(shape: Shape, text: str, where: str) -> Problems:
    yield from _size(shape, len(text), f"{where} has so many characters")
    if shape.enum and text not in shape.enum:
        yield f"{where} is {text!r}, which is not in the enum {shape.name}"
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(text):
        yield f"{where} is {text!r}, which does not match the pattern {pattern} of {shape.name}"


@cache
def _compiled(pattern: str) -> regex.Pattern:
    """AWS's patterns are Java's or ECMAScript's: `regex` knows their classes of Unicode, `re` does not."""
    return regex.compile(pattern, regex.DOTALL | regex.V0)


def _size(shape: Shape, size: float, what: str) -> Problems:
    if size < shape.metadata.get("min", -math.inf) or size > shape.metadata.get("max", math.inf):
        limits = f"{shape.metadata.get('min', '...')} to {shape.metadata.get('max', '...')}"
        yield f"{what}: {size}, outside of {limits} of {shape.name}"


# XML


def xml_problems(shape: Shape, node: Element, where: str) -> Problems:
    """Of an element that holds a value of this shape."""
    if shape.type_name == "structure":
        yield from _xml_structure(shape, node, where)
    elif shape.type_name == "list":
        yield from _xml_list(shape, list(node), where)
    elif shape.type_name == "map":
        yield from _xml_map(shape, list(node), where)
    elif len(node):
        yield f"{where} holds elements, and is no {shape.type_name}"
    else:
        yield from text_problems(shape, node.text or "", where)


def _xml_structure(shape: Shape, node: Element, where: str) -> Problems:
    children: dict[str, list[Element]] = {}
    for child in node:
        children.setdefault(tag_of(child), []).append(child)
    attributes = {tag_of(name) for name in node.attrib}
    known: dict[str, Shape] = {}
    for name, member in shape.members.items():
        if member.serialization.get("location") is None:
            known[_xml_name(member, name)] = member
            is_there = attributes if member.serialization.get("xmlAttribute") else children.keys()
            if name in shape.required_members and _xml_name(member, name) not in is_there:
                is_empty_list = member.serialization.get("flattened")  # no entry is how an empty one is written
                yield from [] if is_empty_list else [f"{where} has no {name}, which {shape.name} requires"]
    yield from (f"{where} has {name}, which {shape.name} does not" for name in children.keys() - known.keys())
    for name in known.keys() & children.keys():
        yield from _xml_member(known[name], children[name], f"{where}.{name}")


def _xml_member(shape: Shape, nodes: list[Element], where: str) -> Problems:
    if shape.serialization.get("flattened"):
        inside = _xml_flat_list if shape.type_name == "list" else _xml_map
        yield from inside(shape, nodes, where)
    elif len(nodes) > 1:
        yield f"{where} is there {len(nodes)} times"
    else:
        yield from xml_problems(shape, nodes[0], where)


def _xml_name(shape: Shape, name: str) -> str:
    """A member's tag; of a flattened list the tag of its items, as botocore's parser reads it."""
    if shape.serialization.get("flattened") and shape.type_name == "list":
        name = shape.member.serialization.get("name", name)
    return name_of(shape, name).rpartition(":")[2]


def _xml_list(shape: Shape, nodes: list[Element], where: str) -> Problems:
    item = shape.member.serialization.get("name", "member")
    strange = {tag_of(node) for node in nodes} - {item}
    yield from (f"{where} has {name}, and its items are called {item}" for name in strange)
    yield from _xml_flat_list(shape, nodes, where)


def _xml_flat_list(shape: Shape, nodes: list[Element], where: str) -> Problems:
    yield from _size(shape, len(nodes), f"{where} has so many items")
    for number, node in enumerate(nodes):
        yield from xml_problems(shape.member, node, f"{where}[{number}]")


def _xml_map(shape: Shape, nodes: list[Element], where: str) -> Problems:
    for node in nodes:
        parts = {tag_of(part): part for part in node}
        key, value = (name_of(each, name) for each, name in ((shape.key, "key"), (shape.value, "value")))
        if parts.keys() != {key, value}:
            yield f"{where} has an entry of {', '.join(sorted(parts))} in place of {key} and {value}"
            continue
        yield from xml_problems(shape.key, parts[key], f"a key of {where}")
        yield from xml_problems(shape.value, parts[value], f"{where}.{parts[key].text}")


def tag_of(node: Element | str) -> str:
    """A name without its namespace."""
    return (node if isinstance(node, str) else node.tag).rpartition("}")[2]


# Forms (awsQuery)


def form_problems(shape: Shape, tree: Any, where: str) -> Problems:
    """Of a form's fields, as `tree_of` gives them."""
    if shape.type_name == "structure":
        yield from _form_structure(shape, tree, where)
    elif shape.type_name == "list":
        yield from _form_list(shape, tree, where)
    elif isinstance(tree, dict):
        yield f"{where} has parts, and is no {shape.type_name}"
    else:
        yield from text_problems(shape, tree, where)


def tree_of(fields: list[tuple[str, str]]) -> dict[str, Any]:
    """A form's fields by the parts of their names between dots."""
    tree: dict[str, Any] = {}
    for name, value in fields:
        *parts, last = name.split(".")
        inner = tree
        for part in parts:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return tree


def _form_structure(shape: Shape, tree: Any, where: str) -> Problems:
    if not isinstance(tree, dict):
        yield f"{where} is a text, no structure {shape.name}"
        return
    members = {name_of(member, name): member for name, member in shape.members.items()}
    required = {name_of(shape.members[name], name) for name in shape.required_members}
    yield from (f"{where} has {name}, which {shape.name} does not" for name in tree.keys() - members.keys())
    yield from (f"{where} has no {name}, which {shape.name} requires" for name in sorted(required - tree.keys()))
    for name in members.keys() & tree.keys():
        yield from form_problems(members[name], tree[name], f"{where}.{name}")


def _form_list(shape: Shape, tree: Any, where: str) -> Problems:
    if tree == "":  # how botocore writes an empty list
        return
    if not shape.serialization.get("flattened"):
        tree = tree.get(shape.member.serialization.get("name", "member"), {}) if isinstance(tree, dict) else tree
    if not isinstance(tree, dict) or sorted(map(str, range(1, len(tree) + 1))) != sorted(tree):
        yield f"{where} is no list of items that are numbered from 1"
        return
    yield from _size(shape, len(tree), f"{where} has so many items")
    for number, each in tree.items():
        yield from form_problems(shape.member, each, f"{where}[{number}]")
