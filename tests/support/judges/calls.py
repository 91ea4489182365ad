"""The AWS operations that a function's code can call: those in whatever its module reaches by names.

What is referred to counts as called, and of a class all of it; a module's own statements run when something of it is
imported. So no call is overlooked that a name leads to, and some are found that a function never makes.
"""

import ast
from collections.abc import Iterator
from functools import cache

from botocore import xform_name
from botocore.loaders import Loader

from tests.support.templates import ROOT

FUNCTIONS = ROOT / "functions"
_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


@cache
def _modules() -> dict[str, ast.Module]:
    """Every module by its name, as "booth.aws.table"."""
    found = {}
    for file in sorted(FUNCTIONS.rglob("*.py")):
        parts = file.relative_to(FUNCTIONS).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        found[name] = ast.parse(file.read_text(encoding="utf-8"))
    return found


@cache
def _parts() -> dict[str, list[ast.stmt]]:
    """The statements of each function and class, by its whole name, and of each module those beside them."""
    found: dict[str, list[ast.stmt]] = {}
    for module, tree in _modules().items():
        found[module] = [node for node in tree.body if not isinstance(node, _DEFINITIONS)]
        found |= {f"{module}.{node.name}": [node] for node in tree.body if isinstance(node, _DEFINITIONS)}
    return found


@cache
def _module_of(part: str) -> str:
    return part if part in _modules() else part.rpartition(".")[0]


@cache
def _names_in(module: str) -> dict[str, str]:
    """What the names mean that a module defines or imports: whole names."""
    known = {part.rpartition(".")[2]: part for part in _parts() if part != module and _module_of(part) == module}
    for node in ast.walk(_modules()[module]):
        if isinstance(node, ast.ImportFrom):
            known |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
        elif isinstance(node, ast.Import):
            known |= {each.asname or each.name: each.name for each in node.names}
    return known


def _nodes(part: str) -> Iterator[ast.AST]:
    return (node for statement in _parts()[part] for node in ast.walk(statement))


@cache
def _referred_to(part: str) -> frozenset[str]:
    return frozenset(_references(part))


def _references(part: str) -> Iterator[str]:
    known = _names_in(_module_of(part))
    for node in _nodes(part):
        if isinstance(node, ast.Name | ast.Attribute):
            head, _, rest = ast.unparse(node).partition(".")
            yield f"{known.get(head, head)}.{rest}".rstrip(".")
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}{name}" for name in ("", *(f".{each.name}" for each in node.names)))
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


@cache
def reached(module: str) -> frozenset[str]:
    """The functions, classes and modules that a function's module leads to."""
    found: set[str] = set()
    ahead = [part for part in _parts() if _module_of(part) == module]
    while ahead:
        part = ahead.pop()
        if part in _parts() and part not in found:
            found.add(part)
            ahead += [_module_of(part), *_referred_to(part)]
    return frozenset(found)


@cache
def _methods() -> dict[str, tuple[str, str]]:
    """(service, operation) by the method of boto3's client, of the services of which the source makes a client."""
    made = [node for tree in _modules().values() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [node for node in made if ast.unparse(node.func).endswith("client") and node.args]
    services = sorted({node.args[0].value for node in made if isinstance(node.args[0], ast.Constant)})
    models = {service: Loader().load_service_model(service, "service-2") for service in services}
    return {xform_name(name): (service, name) for service in services for name in models[service]["operations"]}


def operations(module: str) -> set[tuple[str, str]]:
    """(service, operation) of each call that a function's module leads to.

    It is a method of a client that is made by a call, or the method's name as text: of pagers, presigned URLs, writes.
    """
    return {each for part in reached(module) for each in _called_in(part)}


@cache
def _called_in(part: str) -> frozenset[tuple[str, str]]:
    methods, found = _methods(), set()
    services = {service for service, _ in methods.values()}
    for node in _nodes(part):
        if isinstance(node, ast.Attribute) and node.attr in methods:
            made_here = isinstance(node.value, ast.Call) or ast.unparse(node.value) == "runtime"
            found |= {methods[node.attr]} if made_here else set()
        elif isinstance(node, ast.Constant) and node.value in methods and node.value not in services:
            found.add(methods[node.value])
    return frozenset(found)
