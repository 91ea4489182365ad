"""The report of a proof: a line for each step, with what was expected and what came. It names no account."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence

import botocore

from deploy.build import ROOT
from prove.state import AS_EXPECTED, State, now
from prove.step import Context, Step

NAME, NOT_REACHED = "report.md", "not reached"
HIDDEN = {
    r"(?<!\d)\d{12}(?!\d)": "<account>",
    r"\bphoto/[^\s\"'`,)]+": "photo/<key>",
    r"#(visit|pair)=[^\s\"'`,)]+": r"#\1=<token>",
    r"\?X-Amz-[^\s\"'`,)]+": "?<signature>",
}
"""What no report has, and what stands in its place: accounts, keys of objects, links that open a visit or pair a pad,
signatures."""


def write(context: Context, steps: Sequence[Step]) -> None:
    """Writes the report as far as it is."""
    (context.folder / NAME).write_text(text(context, steps), encoding="utf-8")


def text(context: Context, steps: Sequence[Step]) -> str:
    """The report in Markdown."""
    state = context.state
    lines = [f"# make prove in {context.region}", "", _outcome(state, steps), ""]
    lines += [
        f"Begun {state.began}, written {now()}. Commit {', '.join(state.commits)}; {versions()}.",
        f"Parameters beside samconfig.toml's: {', '.join(each.split('=')[0] for each in state.overrides) or 'none'}.",
        f"Stated at most: ${state.stated:.2f}. Pictures asked for: {state.pictures}.",
        "",
        "| step | expected | came | | seconds |",
        "|---|---|---|---|---|",
    ]
    for step in steps:
        row = state.rows.get(step.name, {"came": "", "outcome": NOT_REACHED, "seconds": ""})
        cells = [step.name, step.expected, row["came"], row["outcome"], str(row["seconds"])]
        lines.append("| " + " | ".join(_cell(each) for each in cells) + " |")
    lines += ["", "## Left over", ""]
    if state.left:
        lines += [f"* {scrubbed(what)}: `{scrubbed(command)}`" for what, command in state.left]
    else:
        lines.append("Nothing." if state.is_over or not state.begun else "Not looked at yet.")
    if state.standing:
        lines += ["", f"These may stand: {', '.join(state.standing)}. `make prove ARGS=--clean` destroys them."]
    return "\n".join(lines) + "\n"


def _outcome(state: State, steps: Sequence[Step]) -> str:
    """What came of all of it, in a sentence or two."""
    came = {step.name: state.rows.get(step.name, {}).get("outcome", NOT_REACHED) for step in steps}
    others = {kind: [name for name, each in came.items() if each == kind] for kind in came.values()}
    others.pop(AS_EXPECTED, None)
    if not others:
        return "**All came as expected.**"
    count = len(others.pop(NOT_REACHED, []))
    told = [f"**{kind}: {', '.join(names)}.**" for kind, names in others.items()]
    return " ".join([*told, f"{count} steps were not reached."] if count else told)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def scrubbed(text: str) -> str:
    """Without the numbers of accounts, which AWS's sentences have, and without what opens a visitor's pictures."""
    for pattern, instead in HIDDEN.items():
        text = re.sub(pattern, instead, text)
    return text


def versions() -> str:
    """Of what has been at work here."""
    [sam] = re.findall(r"aws-sam-cli==(\S+)", (ROOT / "tools" / "sam.txt").read_text("utf-8"))
    return f"Python {sys.version.split()[0]}, botocore {botocore.__version__}, sam {sam}"


def commit() -> str:
    """Of this checkout, with a mark if it has changes; "unknown" where there is no git, or no repository."""
    if shutil.which("git") is None:
        return "unknown"
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"
