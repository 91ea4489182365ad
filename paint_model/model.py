"""A model's files on this machine: those of a folder, or of a model of the hub, fetched into models/paint/.

A model of the hub is fetched at the commit and with the hashes of its lock in weights/. One that has no lock yet gets
one, with the commit that is its newest; <id>@<commit> makes one of that commit.
"""

import json
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from endpoints.progress import Progress
from paint_model import hub
from paint_model.serving.models import PIPELINES

ROOT = Path(__file__).resolve().parent.parent
DEFAULT = "black-forest-labs/FLUX.2-klein-4B"
LOCKS = ROOT / "paint_model" / "weights"
"""Commit, licence, each file's size and SHA-256, by model."""
STORE = ROOT / "models" / "paint"
INDEX = "model_index.json"
ACCEPTED = "LICENCE-ACCEPTED"
"""In the model's folder: the commit whose licence somebody has said yes to."""
LICENCE = re.compile(r"LICEN[CS]E(\.\w+)?", re.IGNORECASE)
# One kind of weights and no variants: model.safetensors, model-00001-of-00002.safetensors, not model.fp16.safetensors.
READ = re.compile(r"\w[\w-]*(\.(?!fp16|fp32|bf16|non_ema)\w[\w-]*)*\.(json|txt|jinja|model|safetensors)")


class ModelError(RuntimeError):
    """The model can't be had or isn't one to deploy; the message says why and what to do."""


def fetch(name: str, accept: bool) -> tuple[Path, list[hub.File]]:
    """The folder that has the model's files, and these. Arguments and ModelError as those of package.build."""
    if Path(name).is_dir():
        return _folder(Path(name))
    if not re.fullmatch(r"[\w.-]+/[\w.-]+(@\w+)?", name):
        raise ModelError(f"{name} is neither a folder nor an id of the hub such as {DEFAULT}.")
    owned, _, wanted = name.partition("@")
    path = LOCKS / f"{owned.replace('/', '--')}.json"
    try:
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        if known is None or (wanted and not known["revision"].startswith(wanted)):
            return _first(owned, wanted or "main", path, accept)
        return _again(owned, known, path, accept)
    except hub.HubError as problem:
        raise ModelError(str(problem)) from problem


def folder_of(name: str, revision: str) -> Path:
    """Where a model of the hub is kept at a commit."""
    return STORE / f"{name.rpartition('/')[2]}-{revision[:8]}"


def accepted() -> bool:
    """Whether ACCEPT in the environment says yes to a model's licence."""
    return os.environ.get("ACCEPT", "").lower() in ("1", "y", "yes")


def _folder(folder: Path) -> tuple[Path, list[hub.File]]:
    """As `fetch`, of a folder."""
    if not (folder / INDEX).is_file():
        raise ModelError(f"{folder / INDEX} is missing: that is no folder of a diffusers pipeline.")
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    names = _wanted((folder / INDEX).read_bytes(), found, str(folder))
    return folder, [hub.File(name, (folder / name).stat().st_size, "") for name in names]


def _again(name: str, known: dict, path: Path, accept: bool) -> tuple[Path, list[hub.File]]:
    """As `fetch`, of a model with a lock. Raises HubError, too."""
    folder = folder_of(name, known["revision"])
    files = [hub.File(each, item["size"], item["sha256"]) for each, item in known["files"].items()]
    if missing := [file for file in files if not (folder / file.path).is_file()]:
        told = hub.revision(name, known["revision"])
        _compare(files, {file.path: file for file in told.files}, path)
        _ask(name, told, files, folder, accept)
        _download(name, known["revision"], missing, folder)
    return folder, files


def _first(name: str, revision: str, path: Path, accept: bool) -> tuple[Path, list[hub.File]]:
    """As `fetch`, of a model without a lock, which is written. Raises HubError, too."""
    told = hub.revision(name, revision)
    folder = folder_of(name, told.commit)
    index = [file for file in told.files if file.path == INDEX]
    if not index:
        raise ModelError(f"{name} has no {INDEX}: that is no model for diffusers.")
    _download(name, told.commit, index, folder)
    names = _wanted((folder / INDEX).read_bytes(), [file.path for file in told.files], name)
    files = [file for file in told.files if file.path in names]
    _ask(name, told, files, folder, accept)
    _download(name, told.commit, files, folder)
    sums = {file.path: {"size": file.size, "sha256": hub.check(folder / file.path, file)} for file in files}
    text = {"model": name, "revision": told.commit, "license": told.licence, "files": sums}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")
    print(f"{path} is {name}'s lock from now on: this commit, these hashes.")
    return folder, [hub.File(each, item["size"], item["sha256"]) for each, item in sums.items()]


def _wanted(index: bytes, names: Iterable[str], model: str) -> list[str]:
    """Of a repository's files those that the pipeline reads, and the licence.

    Raises ModelError for a pipeline that the serving code doesn't paint with.
    """
    try:
        parts = json.loads(index)
        kind = parts["_class_name"]
        parts = {key for key, value in parts.items() if isinstance(value, list) and value[1]}
        if odd := [part for part in parts if not part.isidentifier()]:
            raise ValueError(f"{odd[0]} is no part's name")  # it would be a folder outside the model's
    except (ValueError, LookupError, AttributeError, TypeError) as problem:
        raise ModelError(f"{INDEX} of {model} is none of diffusers: {problem!r}") from problem
    if kind not in PIPELINES:
        raise ModelError(f"{model} is a {kind}; the painter takes {', '.join(PIPELINES)}.")
    chosen = [INDEX]
    for name in sorted(names):
        folder, _, file = name.rpartition("/")
        if (folder in parts and READ.fullmatch(file)) or LICENCE.fullmatch(name):
            chosen.append(name)
    if bare := parts - {name.rpartition("/")[0] for name in chosen}:
        raise ModelError(f"{model} has no files of {', '.join(sorted(bare))} that the painter could load.")
    return chosen


def _compare(files: list[hub.File], told: dict[str, hub.File], path: Path) -> None:
    """Raises ModelError if the hub tells other files than the lock, before gigabytes of them have come."""
    for file in files:
        now = told.get(file.path)
        if now is None or now.size != file.size or (now.sha256 and now.sha256 != file.sha256):
            there = f"{now.sha256 or 'git ' + now.blob}, {now.size} bytes" if now else "no such file"
            raise ModelError(
                f"{file.path} is not what {path.name} says ({file.sha256}, {file.size} bytes): the hub has {there}."
            )


def _ask(name: str, told: hub.Revision, files: list[hub.File], folder: Path, accept: bool) -> None:
    """Shows the licence and asks for a yes, once for a commit. Raises ModelError without one, and HubError."""
    mark = folder / ACCEPTED
    if mark.is_file() and mark.read_text(encoding="utf-8").strip() == told.commit:
        return
    texts = [file for file in files if LICENCE.fullmatch(file.path)]
    _download(name, told.commit, texts, folder)
    for text in texts:
        print((folder / text.path).read_text(encoding="utf-8", errors="replace"))
    print(f"{name} comes under the licence {told.licence or 'that its page names'}: {hub.page(name)}", flush=True)
    if not accept:
        try:
            accept = input("Do you accept it? yes or no: ").strip().lower() in ("y", "yes")
        except EOFError:
            accept = False
    if not accept:
        raise ModelError("Without a yes to its licence the model is not fetched. In a script: ACCEPT=yes.")
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(told.commit + "\n", encoding="utf-8")


def _download(name: str, commit: str, files: list[hub.File], folder: Path) -> None:
    """Fetches what is missing of these files. Raises HubError, and ModelError if the disk has no room for it."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = 0
    for file in files:
        part = folder / f"{file.path}.part"
        if not (folder / file.path).is_file():
            missing += file.size - min(file.size, part.stat().st_size if part.is_file() else 0)
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise ModelError(
            f"{name} takes {missing / 1e9:.1f} GB more, and {folder} has {free / 1e9:.1f} GB: make room, or make "
            "models/paint a link to another disk."
        )
    progress = Progress(name, missing)
    for file in files:
        hub.download(name, commit, file, folder, progress)
