"""What the documents name is there: paths, modules, functions and classes, links, tests, make targets."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FOLDERS = (
    *("benchmarks", "booth", "client", "deploy", "docs", "events", "functions", "layers", "local", "operate"),
    *("endpoints", "paint_model", "prove", "sam_model", "statemachine", "tests", "tools", "web"),
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


def heads_of(document):
    """The anchors that GitHub gives a document's headings."""
    heads = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
    texts = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", head).lower() for head in heads]
    return {re.sub(r"[^\w\- ]", "", text).replace(" ", "-") for text in texts}


def is_a_place(document, link):
    """Whether a link of the document leads to a file, and to a heading in it, that there is."""
    path, _, anchor = link.partition("#")
    file = document.parent / path if path else document
    return file.exists() and (not anchor or anchor in heads_of(file))


def links_of(text):
    """The links of a text that lead to files here; code, which is indented, has none."""
    prose = re.sub(r"^(    .*|`[^`\n]*`)$", "", text, flags=re.MULTILINE)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", prose) if not link.startswith(("http:", "https:"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document):
    assert [link for link in links_of(document.read_text("utf-8")) if not is_a_place(document, link)] == []


@pytest.mark.parametrize("link", ["nowhere.md", "../README.md#nowhere", "#nowhere", "images/nowhere.svg"])
def test_a_link_to_nowhere_is_found(link):
    assert links_of(f"[here]({link})") == [link]
    assert not is_a_place(ROOT / "docs/architecture.md", link)


def names_of_tests(file):
    return set(re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE))


TESTS = {file.stem: names_of_tests(file) for file in (ROOT / "tests").rglob("test_*.py")}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_a_document_names_is_there(document):
    named = re.findall(r"`(test_\w+)::(test_\w+)`", document.read_text("utf-8"))
    assert [(file, test) for file, test in named if test not in TESTS.get(file, ())] == []


def targets():
    """The Makefile's targets; bench-... it finds in the benchmarks' first lines."""
    phony = " ".join(re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)).split()
    first = [file.read_text("utf-8").split("\n")[0] for file in (ROOT / "benchmarks").glob("*.py")]
    return {each for each in phony if not each.startswith("$")} | set(re.findall(r"`make (bench-[a-z]*)`", str(first)))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_a_document_names_is_there(document):
    text = document.read_text("utf-8")
    spans = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^    (.*)$", text, re.MULTILINE)
    named = {target for span in spans for target in re.findall(r"(?:^|\s)make ([a-z][a-z-]*)(?=\s|$)", span)}
    assert named - targets() == set()


def test_the_index_names_every_document():
    named = set(links_of((ROOT / "docs/README.md").read_text("utf-8")))
    assert {each.name for each in (ROOT / "docs").iterdir() if each.suffix in (".md", ".yaml")} - {"README.md"} <= named
