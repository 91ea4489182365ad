"""What `make prove` has done in a Region, kept in a file, so that it can go on, and knows what it has to destroy."""

import json
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

AS_EXPECTED, OTHERWISE, NOT_TRIED, STOPPED = "as expected", "OTHERWISE", "not tried", "stopped"
"""How a step may have come out."""
GONE = "gone"
"""In place of a stack's id: it was destroyed."""


@dataclass
class State:
    """One proof, from its first call to the look at what is left over. It is kept before and after whatever costs."""

    path: Path
    account: str
    """SHA-256 of the account's id and `id`: the file names no account."""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Tag of everything that is made; what doesn't have it is not touched."""
    commits: list[str] = field(default_factory=list)
    began: str = field(default_factory=lambda: now())
    overrides: list[str] = field(default_factory=list)
    """Parameters of template.yaml, "Name=value", of both stacks."""
    test_states: bool = False
    """Whether AWS is asked what it makes of each state."""
    with_sam: dict[str, bool] = field(default_factory=dict)
    """By environment: whether its SAM endpoint answered the preflight."""
    endpoints: list[str] = field(default_factory=list)
    """SageMaker endpoints that the stacks call; they are there before and after."""
    begun: dict[str, str] = field(default_factory=dict)
    """Stacks by name: the stack's id, empty as long as it is not known, or GONE."""
    made: list[str] = field(default_factory=list)
    """Ids of all stacks that were made, those that are destroyed and those nested in them included."""
    shared_was_there: bool = True
    """Whether the bucket of `sam deploy` was there before."""
    pictures: int = 0
    """How many were asked for."""
    stated: float = 0.0
    """Dollars that it was said to cost at most."""
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By step: `outcome`, `came`, `seconds`."""
    left: list[list[str]] = field(default_factory=list)
    """What the last look found left over: what, and the command that removes it."""
    is_over: bool = False
    """All is destroyed and nothing was left over: the next one begins anew."""

    def save(self) -> None:
        """Writes the file whole, or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        values = asdict(self)
        del values["path"]
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(values, indent=1), encoding="utf-8")
        fresh.replace(self.path)

    def is_done(self, step: str) -> bool:
        """Whether the step need not be done again. What could not be tried is, for a browser may be there by now."""
        return self.rows.get(step, {}).get("outcome") == AS_EXPECTED

    @property
    def standing(self) -> list[str]:
        """Names of the stacks that were begun and, by what was seen last, are not gone."""
        return [name for name, stack_id in self.begun.items() if stack_id != GONE]


def load(path: Path) -> State | None:
    """The proof that a file tells of, None if there is none. Raises ValueError if it can't be read."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return State(path=path, **values)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def now() -> str:
    """ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
