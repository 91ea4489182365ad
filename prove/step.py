"""What a step of `make prove` is, and what it is given."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from booth.aws import table
from booth.run import Run
from booth.runs import uploads
from client.booth import Booth
from deploy import stack
from prove.state import State

ENVIRONMENTS = ("dev", "prod")


class Failure(Exception):
    """Something else came than what was expected; the text is a sentence for the report. The chain stops."""


class NotTried(Exception):
    """It can't be tried here; the text says why. The chain goes on."""


class Stopped(BaseException):
    """A signal that ends the program: SIGTERM, or SIGHUP when the terminal is gone. `number` is the signal's."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def name_of(environment: str) -> str:
    """The name of the stack that is proved: a name of its own, so that no booth is ever touched."""
    return f"photo-booth-prove-{environment}"


@dataclass(frozen=True)
class Deployed:
    """A stack that stands, by what its visits and their traces are found."""

    name: str
    url: str
    token: str
    """A booth's; empty where none is needed."""
    table: str
    machine: str
    """ARN of the state machine."""
    uploads: str
    """Name of the uploads bucket."""
    results: str
    """Name of the results bucket."""

    def booth(self, say: Callable[[str], None]) -> Booth:
        """The booth as a client sees it. A new one is asked again until its name and its CDN are known everywhere."""
        return Booth(self.url, self.token, say, retry_until=time.monotonic() + stack.OPEN_SECONDS)

    def find_run(self, key: str) -> Run | None:
        """The run of an upload's Key by the stack's table. Raises BoothError."""
        os.environ["TABLE"] = self.table
        table.table_name.cache_clear()
        return uploads.find_by_upload(key)


@cache
def deployed(name: str) -> Deployed:
    """A stack that stands. Raises StackError if it doesn't."""
    known = stack.outputs(name)
    return Deployed(
        name=name,
        url=known["BoothUrl"],
        token=stack.booth_token(name),
        table=stack.physical_id(name, "Table"),
        machine=stack.physical_id(name, "PhotoMachine"),
        uploads=known["UploadsBucketName"],
        results=stack.physical_id(name, "ResultsBucket"),
    )


@dataclass
class Context:
    """What a step is given."""

    region: str
    folder: Path
    """out/prove-<Region>."""
    state: State
    say: Callable[[str], None]
    """Shows what goes on."""
    prices: dict = field(default_factory=dict)
    """benchmarks/prices.toml."""
    pictures_left: int = 0
    """How many pictures the step that runs may still ask for."""

    def stack(self, environment: str) -> Deployed:
        """The stack of dev or prod. Raises StackError if it doesn't stand."""
        return deployed(name_of(environment))

    def ask_pictures(self, count: int) -> None:
        """Before so many pictures are asked for. Raises Failure if that is more than was stated."""
        if count > self.pictures_left:
            raise Failure(f"{count} pictures more would cost more than was stated; none was asked for")
        self.pictures_left -= count
        self.state.pictures += count
        self.state.save()


@dataclass(frozen=True)
class Step:
    """A line of the report."""

    name: str
    expected: str
    do: Callable[[Context], str]
    """Does it; gives what came in a sentence. Raises Failure, NotTried, or an error of what it calls."""
    pictures: int = 0
    """The most pictures that it may ask for."""
    photos: int = 0
    """How many photos it sends, those of which no picture comes included."""
    states: int = 0
    """How often it has Step Functions test a state."""
