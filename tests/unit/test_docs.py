"""What the documents name in backticks is in the tree: paths, modules, functions and classes."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/decisions").glob("*.md"))]
FOLDERS = (
    *("benchmarks", "booth", "client", "deploy", "docs", "events", "functions", "layers", "local", "operate"),
    *("sam_model", "statemachine", "tests", "tools", "web"),
)
PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*")
FILE_TYPES = "com|gz|html|in|js|json|onnx|py|toml|txt|yaml"
NAME = re.compile(rf"[a-z]\w*(\.(?!(?:{FILE_TYPES})$)\w+)+")
OTHERS = re.compile(r"image_uris\..+|ml\..+|privacy\..+|web/event/.+")
"""Names of SageMaker's SDK and its instances, of the page's settings, and files that an operator may add."""


def names_in_modules():
    """By module's name, without its packages: what it defines at the top."""
    found = defaultdict(set)
    for file in (ROOT / "functions").rglob("*.py"):
        for node in ast.parse(file.read_text("utf-8")).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
            found[file.stem] |= {getattr(each, "name", None) or getattr(each, "id", None) for each in targets}
    return found


NAMES = names_in_modules()


def is_in_the_tree(word):
    """Whether a word names something in the tree; True for a word that is no path and no dotted name."""
    if OTHERS.fullmatch(word) or not (PATH.fullmatch(word) or NAME.fullmatch(word)):
        return True
    if "/" in word:
        return (ROOT / re.sub("^booth/", "functions/booth/", word)).exists()
    *_, module, name = word.split(".")
    places = [root / word.replace(".", "/") for root in (ROOT, ROOT / "functions")]
    return name in NAMES.get(module, ()) or any(each.is_dir() or each.with_suffix(".py").exists() for each in places)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_names_is_in_the_tree(document):
    spans = re.findall(r"`([^`\n]+)`", document.read_text("utf-8"))
    assert [word for span in spans for word in span.split() if not is_in_the_tree(word)] == []


@pytest.mark.parametrize("name", ["store.take", "doors.admit", "booth.doors", "booth/store.py", "booth.aws.tables.get"])
def test_a_name_that_is_not_in_the_tree_is_found(name):
    assert not is_in_the_tree(name)
