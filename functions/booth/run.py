"""A run: one photo's way through the pipeline, as the table holds it. Pure: nothing here calls AWS."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from booth import limits

MAX_PICTURES = 5


class Status(StrEnum):
    """How a run stands, as `POST /photo` tells it."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    DELETED = "DELETED"


ENDED = (Status.SUCCEEDED, Status.PARTIAL, Status.FAILED, Status.DELETED)


class Step(StrEnum):
    """What is being done for a run now."""

    UPLOAD = "upload"
    """Its photo has not come."""
    QUEUE = "queue"
    """It is claimed, and its execution starts."""
    DETECT = "detect"
    CROP = "crop"
    SEGMENT = "segment"
    MERGE = "merge"
    WAIT = "wait"
    """For its pictures' turns at the image models."""
    GENERATE = "generate"
    FINISH = "finish"


class Open(StrEnum):
    """Why `sweep` looks after a run; the hash key of the index `open`."""

    ACTIVE = "1"
    """It is claimed and has not ended: it has a deadline."""
    WAITING = "2"
    """It waits for its photo, or to be cleaned up."""


@dataclass(frozen=True)
class Turn:
    """When a picture may be asked for, and of whom."""

    candidate: str
    """`model@region`."""
    slot: int
    """Number of the slot among the candidate's, from 0."""
    at: int
    """Epoch milliseconds."""


@dataclass(frozen=True)
class Run:
    """The record of a run."""

    id: str
    """Random UUID; also the name of the Step Functions execution."""
    status: Status
    step: Step
    created: int
    key: str = ""
    """Key of the upload in the uploads bucket; empty once a deleted visit is forgotten."""
    scenes: tuple[str, ...] = ()
    """Scene ids, one per picture; empty: the catalogue's default ones."""
    version: str = ""
    """S3 version of the photo, pinned by the claim; empty as long as nobody claimed it."""
    picture_id: str = ""
    """The id in the pictures' names: `id` of the contract, or what was made of it, or a random one."""
    given: str = ""
    """Hash of the `id` that the caller gave, in /upload or /photo, if any."""
    named: bool = False
    """Whether /photo has given an `id`: for each one that is taken a record stays for good, so it may do that once."""
    request: str = ""
    """Hash of the requestId that is bound to this upload, if any."""
    content_type: str = ""
    upload_until: int = 0
    """When the presigned URL expires; 0 for a photo that came without /upload."""
    claimed: int = 0
    deadline: int = 0
    ended: int = 0
    original: str = ""
    """Key of the published upright copy of the photo."""
    faces: int = 0
    pictures: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By number ("p1", "p2", ...): scene, state (WAITING, DONE, FAILED), and key or error. Until the run ends also what
    is painted: prompt, negative, seed."""
    turns: dict[int, Turn] = field(default_factory=dict)
    """By picture number; empty before the run is admitted to painting."""
    error: str = ""
    """Name of the error class of a failed run."""
    open: str = ""
    due: int = 0
    tries: int = 0
    """How many looks of `sweep` in a row have come to no end."""
    told: int = 0
    """When `PhotoFinished` was published; 0 if it has not been."""
    erased: bool = False
    """Of a deleted run: all that was there has been removed once, and the CDN told. Its last looks are to come."""

    @property
    def is_ended(self) -> bool:
        return self.status in ENDED

    @property
    def stops(self) -> int:
        """When `sweep` stops the execution, epoch ms."""
        return self.deadline - (limits.RUN_SECONDS - limits.STOP_SECONDS) * 1000

    @property
    def published(self) -> set[str]:
        """Keys in the results bucket that visitors have been shown."""
        keys = {picture.get("key", "") for picture in self.pictures.values()} | {self.original}
        return keys - {""}

    @property
    def is_waiting_for_photo(self) -> bool:
        return not self.version and not self.is_ended
