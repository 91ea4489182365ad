"""cfn-lint, checkov, ruff and pyright say nothing but what they are told to be silent about; each time it is said why.

The linters are asked with all that silences them taken out. So they say what is wrong, and a silence that nothing
needs any more is found too: of ruff's comments RUF100 does it, of pyright's reportUnnecessaryTypeIgnoreComment.
"""

import json
import re
import subprocess
import tomllib

import pytest
import yaml

from tests.support.templates import ROOT, SAM, TOOLS, tool

TEMPLATES = ["template.yaml", "monitoring.yaml", "sam_model/endpoint.yaml", "paint_model/endpoint.yaml"]
CHECKOV = ".checkov.yaml"
RULE = re.compile(r"\b(?:[EWI]S?\d{4}|CKV2?_AWS_\d+)\b")
PLACES = re.compile(r"(checkov:skip=)|(ignore_checks: \[)|^\s+- (?=[EWI]S?\d{4}|CKV)", re.MULTILINE)


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def silences(text):
    """(rule, resource or "", words of the reason) of each; the reason stands behind it, or in a comment above."""
    lines, resource = text.splitlines(), ""
    for above, line in zip(["", *lines], lines, strict=False):
        if begins := re.match(r"(?:  )?(\w+):", line):
            resource = begins[1] if line.startswith("  ") else ""
        if PLACES.search(line) and (rules := RULE.findall(line)):
            said = line[line.index(rules[-1]) + len(rules[-1]) :] + (above if above.strip().startswith("#") else "")
            yield from ((rule, resource, re.findall(r"[a-z]{2,}", said.lower())) for rule in rules)


def unexplained(text):
    return [rule for rule, _, words in silences(text) if len(words) < 4]


@pytest.mark.parametrize("name", [*TEMPLATES, CHECKOV])
def test_no_linter_of_templates_is_silenced_without_a_sentence(name):
    assert not unexplained(text_of(name))
    assert not (ROOT / ".cfnlintrc").exists()


@pytest.mark.parametrize(
    ("name", "silence"),
    [
        ("template.yaml", "    # checkov:skip=CKV_AWS_18\n"),
        ("monitoring.yaml", "      ignore_checks: [E3012]\n"),
        (CHECKOV, "  - CKV_AWS_21\n"),
        ("template.yaml", "        - W3005 # no\n"),
    ],
)
def test_a_silence_without_a_sentence_is_found(name, silence):
    assert unexplained(text_of(name) + silence) == RULE.findall(silence)


# What they say when nothing silences them


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A folder with the templates, without what silences linters, and all that they refer to."""
    folder = tmp_path_factory.mktemp("plain")
    for name in TEMPLATES:
        (folder / name).parent.mkdir(exist_ok=True)
        text = re.sub(r"^ +- [EWI]S?\d{4}.*\n", "", text_of(name).replace("checkov:skip=", ""), flags=re.MULTILINE)
        (folder / name).write_text(re.sub(r"ignore_checks:.*", "ignore_checks: []", text), encoding="utf-8")
    for name in ("functions", "layers", "statemachine"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def silenced(names, kind):
    """(template, rule) or, where a resource is silenced, (template, rule, resource) of each silence."""
    found = [(name, *each[:2]) for name in names for each in silences(text_of(name)) if each[0].startswith(kind)]
    return [tuple(part for part in each if part) for each in found]


def test_cfn_lint_with_the_serverless_rules_says_what_it_is_silenced_about_and_nothing_else(plain):
    """Of the application's two templates, and of them as they are, silences included: of these it says nothing.

    It has nothing to be silent about in the others (test_schemas.py).
    """
    options = ["--append-rules", "cfn_lint_serverless.rules", "--format", "json", "--"]
    _, text = tool(SAM / "cfn-lint", *options, *(folder / name for folder in (plain, ROOT) for name in TEMPLATES[:2]))
    said = {(each["Filename"], each["Rule"]["Id"]) for each in json.loads(text)}
    known = silenced(TEMPLATES, ("E", "W", "I"))

    assert len(known) == 4
    assert said == {(str(plain / name), rule) for name, rule in known}


# checkov as its own program starts it. Looks for garbage would take a quarter of its time.
WITHOUT_GC = """
import gc, sys
gc.disable()
from checkov.main import Checkov
sys.exit(Checkov().run())
"""


def test_checkov_says_what_it_is_silenced_about_and_nothing_else(plain):
    """Those of .checkov.yaml hold for each resource; those in templates for the one beside which they stand."""
    config = yaml.safe_load(text_of(CHECKOV))
    everywhere = config.pop("skip-check")
    (plain / CHECKOV).write_text(yaml.safe_dump(config | {"output": ["json"]}), encoding="utf-8")
    # It reads this name in its folder, too.
    command = [TOOLS / "checkov" / "bin" / "python", "-c", WITHOUT_GC, "--config-file", CHECKOV]
    done = subprocess.run(command, cwd=plain, capture_output=True, text=True, check=False)
    results = json.loads(done.stdout)["results"]
    failed = {
        (each["file_path"].lstrip("/"), each["check_id"], each["resource"].rpartition(".")[2])
        for each in results["failed_checks"]
    }

    assert results["passed_checks"]
    assert config["file"] == TEMPLATES
    assert {check for _, check, _ in failed} >= set(everywhere)
    assert {each for each in failed if each[1] not in everywhere} == set(silenced(TEMPLATES, "CKV"))


# ruff and pyright


CODE = re.compile(r"# noqa(: [A-Z]+\d+(, [A-Z]+\d+)*)?|# (pyright|type): ignore(\[[\w, ]+\])?")


def unexplained_lines(text):
    """The lines of a program that silence ruff or pyright and say no more, nor does a comment in the line above."""
    lines = text.splitlines()
    for above, line in zip(["", *lines], lines, strict=False):
        said = CODE.sub("", line[line.find("#") :]) + (above if above.lstrip().startswith("#") else "")
        if CODE.search(line) and len(re.findall(r"[A-Za-z]{2,}", said)) < 2:
            yield line.strip()


def test_no_line_is_silenced_without_a_word():
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {name: found for name in listed.split() if (found := list(unexplained_lines(text_of(name))))} == {}


def test_a_line_that_is_silenced_without_a_word_is_found():
    lines = ["import a  // noqa: F401", "b = c  // pyright: ignore[reportA, reportB]", "d = e  // type: ignore"]
    lines = [line.replace("//", "#") for line in lines]  # or this file's own would be found
    explained = [f"{lines[0]}  first, so that", "# One that pyright can't know.", lines[2]]
    assert list(unexplained_lines("\n".join(lines + explained))) == lines


def test_ruff_is_silent_about_what_there_is_and_each_time_it_is_said_why():
    lines = text_of("pyproject.toml").partition("\nignore = [\n")[2].partition("\n]")[0].splitlines()
    rules = tomllib.loads(text_of("pyproject.toml"))["tool"]["ruff"]["lint"]["ignore"]
    _, text = tool(
        ROOT / ".venv" / "bin" / "ruff",
        "check",
        "--isolated",
        "--select",
        ",".join(rules),
        "--output-format",
        "json",
        ".",
    )

    assert {each["code"] for each in json.loads(text)} == set(rules)
    assert [line for line in lines if len(re.findall(r"\w+", line.partition("#")[2])) < 4] == []
    assert sum(line.count('"') for line in lines) == 2 * len(rules)
