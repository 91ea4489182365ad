"""A run: one photo's way through the pipeline, as its record in the table has it. Nothing here calls AWS."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from booth import keys, limits
from booth.keep import MORE, Keep
from booth.wall import QUEUES

MAX_PICTURES = 5


class Status(StrEnum):
    """Status of a run, as `POST /photo` answers it."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    DELETED = "DELETED"


ENDED = (Status.SUCCEEDED, Status.PARTIAL, Status.FAILED, Status.DELETED)


class Step(StrEnum):
    """What a run is at."""

    UPLOAD = "upload"
    """It waits for its photo."""
    QUEUE = "queue"
    """It is claimed, and its execution has not begun its first step."""
    DETECT = "detect"
    CROP = "crop"
    SEGMENT = "segment"
    MERGE = "merge"
    WAIT = "wait"
    """It waits for its pictures' turns at the image models."""
    GENERATE = "generate"
    FINISH = "finish"


class Open(StrEnum):
    """Kind of an open run, one that `sweep` has to handle; partition key of the sparse index `open`."""

    ACTIVE = "1"
    """Claimed and not ended: it has a deadline."""
    WAITING = "2"
    """Waits for its photo, to be cleaned up, or to be erased."""


WINDOW_MS = 62_000
"""Shortest time between two calls at a slot of Bedrock's: a minute, and 2 s by which one call may take longer to
arrive."""


@dataclass(frozen=True)
class Turn:
    """A picture's turn: from when which candidate may be called for it."""

    candidate: str
    """`model@region`."""
    slot: int
    """The candidate's slot, from 0; see `booth.painting.admission`."""
    at: int
    """Epoch ms."""
    window: int = WINDOW_MS
    """Shortest time between two calls at this slot, ms."""


@dataclass(frozen=True)
class Run:
    """The record of a run. Times are epoch ms, 0 for what has not happened. Fields are the record's attributes."""

    id: str
    """Random UUID; also the name of the Step Functions execution."""
    status: Status
    step: Step
    created: int
    key: str = ""
    """Key of the upload in the uploads bucket; empty once `store.forget` has removed it."""
    scenes: tuple[str, ...] = ()
    """Scene ids that the visitor chose, one per picture; empty: the catalogue's default ones."""
    keep: str = ""
    """What the visitor chose that the pictures keep, a value of `Keep`; empty for nothing."""
    version: str = ""
    """S3 version id of the photo, pinned by the claim; empty before that."""
    picture_id: str = ""
    """The id in the pictures' names, see `keys.picture_id`."""
    given: str = ""
    """SHA-256 of the `id` that the caller gave in /upload or /photo; empty for none."""
    named: bool = False
    """Whether /photo has given an `id`. It may do so once, for the record of each id that is taken is never deleted."""
    request: str = ""
    """SHA-256 of the requestId that is bound to this upload; empty for none."""
    per_day: int = 0
    """The day's budget of photos that staff had set when the upload was issued; 0 for none."""
    content_type: str = ""
    kept: bool | None = None
    """Whether its visitor wants the photo kept for further runs; False once they have left, and of a further run, whose
    first one has the photo. None: nobody asked, as in records of an older release."""
    again: int = 0
    """Further runs of its photo that were begun, see `booth.runs.again`."""
    first: str = ""
    """Of a further run: id of the run whose photo it has."""
    upload_until: int = 0
    """When the presigned URL expires; 0 for a photo that was put without /upload."""
    claimed: int = 0
    deadline: int = 0
    ended: int = 0
    original: str = ""
    """Key of the upright copy of the photo, once it is published."""
    faces: int = 0
    pictures: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By number ("p1", "p2", ...): scene, state (WAITING, DONE, FAILED), key or error, and `keep` if it is to keep more
    than the face. Until the run ends also what is painted: prompt, negative, seed (see `scenes.prompt_of`),
    `passed_over`, and of a finished one when that was (`at`, epoch ms) and by which candidate (`by`)."""
    not_kept: tuple[str, ...] = ()
    """The values of `Keep` of which there is no alpha: pictures that were to keep so much keep the face alone."""
    turns: dict[int, Turn] = field(default_factory=dict)
    """By picture number, from 1; empty before admission and after `admission.release_turns`."""
    error: str = ""
    """Name of the error class of a failed run."""
    open: str = ""
    """A value of `Open`; empty once the run is closed."""
    due: int = 0
    """When `sweep` checks an open run; sort key of the index `open`."""
    tries: int = 0
    """Leases of `sweep` in a row that have not come to an end, see `open_runs.lease`."""
    told: int = 0
    """When the event PhotoFinished was published."""
    hidden: int = 0
    """Since when staff have taken its pictures from view, see `booth.lifecycle.hiding`; 0 if they have not."""
    wall: dict[str, dict[str, Any]] | None = None
    """What is on the event's wall; None: its visitor doesn't agree. By number as in `pictures`: `state` (a value of
    `WallState`), since when (`at`, epoch ms), `label` and `score` (percent) if moderation has found something, and
    staff's `decisions`, each with `state`, `at` and `by`. A picture that isn't in it is not decided yet."""
    wall_copies: bool = False
    """Whether copies for the wall were ever listed."""
    erased: bool = False
    """Of a deleted run: everything was removed once, and the CDN invalidated. `sweep` will check again."""

    @property
    def is_ended(self) -> bool:
        """Whether the status is a final one."""
        return self.status in ENDED

    @property
    def stop_at(self) -> int:
        """When `sweep` ends the run and stops its execution, epoch ms; STOP_SECONDS explains it."""
        return self.deadline - (limits.RUN_SECONDS - limits.STOP_SECONDS) * 1000

    @property
    def published(self) -> set[str]:
        """Keys in the results bucket that `POST /photo` shows."""
        keys = {picture.get("key", "") for picture in self.pictures.values()} | {self.original}
        return keys - {""}

    @property
    def stored(self) -> set[str]:
        """Keys in the results bucket that stay after the run's end: what is published, and copies for the wall."""
        shown = [int(name[1:]) for name, picture in (self.wall or {}).items() if picture["state"] in QUEUES]
        return self.published | {keys.wall_key(self.id, number) for number in shown}

    @property
    def more(self) -> list[Keep]:
        """What its pictures are to keep that is more than the face, each once, the least first."""
        asked = {picture.get("keep") for picture in self.pictures.values()}
        return [keep for keep in MORE if keep in asked]

    def kept_in(self, number: int) -> Keep:
        """What a picture (from 1) keeps; before the masks are merged, what it is to keep."""
        asked = self.pictures[f"p{number}"].get("keep", Keep.FACE)
        return Keep.FACE if asked in self.not_kept else Keep(asked)

    def passed_over(self, number: int) -> set[str]:
        """The candidates, `model@region`, that gave a picture (from 1) an answer that is not known."""
        return set(self.pictures.get(f"p{number}", {}).get("passed_over", ()))

    @property
    def is_waiting_for_photo(self) -> bool:
        """Whether the run can still be claimed."""
        return not self.version and not self.is_ended
