"""`make api`: writes the tables of docs/api.md, which are made of docs/openapi.yaml.

A table stands between `<!-- make api: <what> -->` and `<!-- end -->`. `<what>` is the name of a schema, with `/` and a
field for one inside it, or a call and "errors": "POST /upload errors".
"""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
DOCUMENT, PAGE = ROOT / "docs/openapi.yaml", ROOT / "docs/api.md"
_BLOCK = re.compile(r"(<!-- make api: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
_ROUTE = re.compile(r"^## `([A-Z]+ /\S*)`$", re.MULTILINE)
_CODES = re.compile(r"((?:`[A-Z]\w+`, )*`[A-Z]\w+`): (.+)", re.DOTALL)

Schema = dict[str, Any]


class Mismatch(Exception):
    """The page has no place for a part of the document, or one for a part that there is not."""


def page_of(document: dict[str, Any], page: str) -> str:
    """The page with the document's tables.

    Raises:
        Mismatch: the headings are not the document's calls, or the tables not its schemas and errors.
    """
    tables = Tables(document)
    calls = _ROUTE.findall(page)
    if sorted(calls) != sorted(tables.calls):
        raise Mismatch(f"docs/api.md has the calls {calls}, docs/openapi.yaml {list(tables.calls)}")
    made: list[str] = []

    def table(block: re.Match[str]) -> str:
        made.append(block[2])
        return f"{block[1]}\n{tables.table(block[2])}\n\n{block[3]}"

    text = _BLOCK.sub(table, page)
    if sorted(made) != sorted(tables.names):
        raise Mismatch(f"docs/api.md has the tables {sorted(made)}, docs/openapi.yaml {sorted(tables.names)}")
    return text


class Tables:
    """The tables that a document makes. `calls` has its operations by "POST /upload", `names` all tables."""

    def __init__(self, document: dict[str, Any]):
        self._document = document
        self.calls: dict[str, Schema] = {
            f"{method.upper()} {path}": operation
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        }
        schemas = document["components"]["schemas"]
        self._schemas: dict[str, Schema] = {name: each for name, each in schemas.items() if "properties" in each}
        self.names = [f"{call} errors" for call in self.calls]
        for name, schema in self._schemas.items():
            self.names += [name] * (name not in _AS_JSON) + [f"{name}/{field}" for field in self._inner(schema)]

    def table(self, name: str) -> str:
        """One table in Markdown. Raises Mismatch if there is none of this name."""
        if name not in self.names:
            raise Mismatch(f"docs/openapi.yaml has no {name}")
        if name.endswith(" errors"):
            return self._errors(self.calls[name.removesuffix(" errors")])
        schema, _, field = name.partition("/")
        whole = self._schemas[schema]
        return self._fields(self._inner(whole)[field] if field else whole, schema.endswith("Request"))

    def _inner(self, schema: Schema) -> dict[str, Schema]:
        """By field: the objects inside a schema that have a table of their own."""
        found = {}
        for name, field in schema["properties"].items():
            inside = field.get("contentSchema", field.get("items", {}))
            if "properties" in inside:
                found[name] = inside
        return found

    def _fields(self, schema: Schema, is_request: bool) -> str:
        if list(schema["properties"]) == ["code", "message"]:
            return self._codes(schema["properties"]["code"])
        heads = ["field", "needed", "type", ""] if is_request else ["field", "type", ""]
        rows = []
        for name, field in schema["properties"].items():
            needed = [self._needed(schema, name)] if is_request else []
            rows.append([f"`{name}`", *needed, self.type_of(field), _sentence(field.get("description", ""))])
        return _markdown(heads, rows)

    @staticmethod
    def _needed(schema: Schema, name: str) -> str:
        if name in schema.get("required", []):
            return "yes"
        others = schema.get("dependentRequired", {}).get(name, [])
        return " ".join(["with", *(f"`{each}`" for each in others)]) if others else ""

    @staticmethod
    def _codes(code: Schema) -> str:
        rows: dict[str, list[str]] = {}
        for each in code["oneOf"]:
            rows.setdefault(each["description"], []).append(f"`{each['const']}`")
        return _markdown(["code", ""], [[", ".join(codes), when] for when, codes in rows.items()])

    def _errors(self, operation: Schema) -> str:
        rows = [
            [status, ", ".join(f"`{code}`" for code in codes), when]
            for status, response in operation["responses"].items()
            if status >= "400"
            for codes, when in codes_of(response)
        ]
        return _markdown(["HTTP", "code", "when"], rows)

    def type_of(self, schema: Schema) -> str:
        """A schema in words."""
        if "$ref" in schema:
            return self._referred(schema["$ref"].rpartition("/")[2])
        for union in ("oneOf", "anyOf"):
            if union in schema:
                return self._union(schema[union])
        if "enum" in schema:
            return ", ".join(_literal(each) for each in schema["enum"])
        if "const" in schema:
            return _literal(schema["const"])
        kind: str | list[str] = schema["type"]
        if isinstance(kind, list):
            return " or ".join(self.type_of(schema | {"type": each}) for each in kind)
        return _WORDS.get(kind, kind) + self._limits(kind, schema)

    def _union(self, schemas: list[Schema]) -> str:
        if any("description" in each for each in schemas):
            notes = [f" ({each['description']})" if "description" in each else "" for each in schemas]
            return ", ".join(_literal(each["const"]) + note for each, note in zip(schemas, notes, strict=True))
        return " or ".join(self.type_of(each) for each in schemas)

    def _referred(self, name: str) -> str:
        schema = self._document["components"]["schemas"][name]
        return f"[`{name}`](#{_PLACES[name]})" if name in _PLACES else _NAMED.get(name) or self.type_of(schema)

    def _limits(self, kind: str, schema: Schema) -> str:
        if "contentSchema" in schema:
            return f" with JSON: {self.type_of(schema['contentSchema'])}"
        if kind == "array":
            size = _range(schema.get("minItems"), schema.get("maxItems"), " of {}")
            return (size or ("" if "properties" in schema["items"] else " of")) + self._items(schema["items"])
        if kind == "object":
            return _fields_of(schema)
        parts = [_range(schema.get("minLength"), schema.get("maxLength"), ", {} characters")]
        parts.append(_range(schema.get("minimum"), schema.get("maximum"), ", {}"))
        if schema.get("format") == "date-time":
            parts.insert(0, ", ISO 8601")
        pattern = schema.get("pattern", "^[^")
        if not pattern.startswith("^[^"):  # those only keep out slashes and control characters
            parts.append(f", `{pattern.removeprefix('^').removesuffix('$')}`")
        if "default" in schema:
            parts.append(f"; {schema['default']} by default")
        return "".join(parts)

    def _items(self, schema: Schema) -> str:
        if "properties" in schema:
            return f", each{_fields_of(schema)}"
        return f" {self.type_of(schema)}s"


_AS_JSON = ("Reason", "Error", "UploadEnvelope", "UploadErrorEnvelope")
"""Schemas that api.md shows as JSON in its text."""
_PLACES = {"Consent": "post-upload", "Failure": "why-a-run-failed", "WallPicture": "get-staffwall"}
_NAMED = {"Url": "URL", "CopyPath": "path", "Language": "language code"}
_WORDS = {"string": "text", "integer": "whole number", "array": "list", "boolean": "true or false", "object": "object"}


def codes_of(response: Schema) -> list[tuple[list[str], str]]:
    """The codes of errors that a response's description names, by line, with when they come. Raises Mismatch."""
    found = []
    for line in re.split(r"\n(?=`)", response["description"]):
        match = _CODES.fullmatch(line)
        if not match:
            raise Mismatch(f"this response names no code: {line}")
        found.append((re.findall(r"`(\w+)`", match[1]), " ".join(match[2].split())))
    return found


def _fields_of(schema: Schema) -> str:
    names = schema.get("properties") or schema.get("required", [])
    return f" with {', '.join(f'`{name}`' for name in names)}" if names else ""


def _literal(value: Any) -> str:
    return f'`"{value}"`' if value == "" else f"`{'null' if value is None else value}`"


def _range(least: Any, most: Any, words: str) -> str:
    if least is None and most is None:
        return ""
    if most is None:
        return ", not empty" if least == 1 else words.format(f"at least {least}")
    return words.format(f"at most {most}" if least is None else f"{least} to {most}")


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _markdown(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"|{'|'.join(cell if cell == '---' else f' {cell} ' for cell in line)}|" for line in lines)


def main() -> None:
    document = yaml.safe_load(DOCUMENT.read_text("utf-8"))
    PAGE.write_text(page_of(document, PAGE.read_text("utf-8")), "utf-8")
    print(PAGE.relative_to(ROOT))


if __name__ == "__main__":
    main()
