"""Creates, updates, switches and removes the painter's SageMaker endpoint, as one CloudFormation stack.

    python -m paint_model.deploy deploy dev [--model ID_OR_FOLDER] [Parameter=value ...]
    python -m paint_model.deploy on|off|destroy dev

The stack and its endpoint are called photo-booth-paint-<environment> (endpoints/stack.py).
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from deploy.lock import LockError
from endpoints import command
from endpoints.stack import Kind
from paint_model import model, package
from paint_model.prices import HOURLY
from paint_model.upload import upload

KIND = Kind("paint", Path(__file__).resolve().parent)


def pack(name: str, instance: str) -> Callable[[str], str]:
    """Fetches and checks the model, the same for every instance type; returns its upload. Raises as package.build."""
    return partial(upload, package.build(name, model.accepted()))


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line's action; exit status 1 and the reason if that fails."""
    program = command.Program(KIND, model.DEFAULT, pack, (model.ModelError, LockError), HOURLY)
    return command.run(program, arguments)


if __name__ == "__main__":
    sys.exit(main())
