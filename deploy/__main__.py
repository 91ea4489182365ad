"""`python -m deploy COMMAND`: what `make build`, `make deploy` and `make destroy` call beside `sam`."""

import argparse
import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

from client.booth import Paused
from deploy import account, lock, stack
from deploy.build import LIMIT_MB, ROOT, BuildError, build, sizes


def build_all(arguments: argparse.Namespace) -> None:
    """Builds into .aws-sam/build, from where `sam deploy` uploads, and prints the sizes."""
    out = ROOT / ".aws-sam" / "build"
    build(ROOT, out)
    for name, size in sizes(out).items():
        print(f"{name:16} {size:6.1f} MB unpacked (Lambda's limit with layers: {LIMIT_MB} MB)")


def check_account(arguments: argparse.Namespace) -> None:
    """Fails if there are no AWS credentials or there is no Region."""
    account.require()


def lock_all(arguments: argparse.Namespace) -> None:
    """Locks the packages that ship: their versions, and the hashes of their wheels."""
    for folder in lock.TARGETS:
        lock.lock(ROOT, folder)


def sam(arguments: argparse.Namespace) -> None:
    """Deploys the stack of an environment of samconfig.toml."""
    stack.deploy(arguments.environment, arguments.overrides)


def page(arguments: argparse.Namespace) -> None:
    """Uploads the page, once the stack is ready for visitors."""
    count = stack.upload_page(arguments.stack, _show)
    print(f"The page: {count} files at {stack.outputs(arguments.stack)['BoothUrl']}")


def smoke(arguments: argparse.Namespace) -> None:
    """Smoke test: a photo is sent as a visitor sends it, and one that only S3's event starts, paused or not."""
    photo = ROOT / "tests" / "photos" / "astronaut.jpg"
    out = ROOT / "out" / arguments.stack
    known = stack.outputs(arguments.stack)
    try:
        stack.smoke(known["BoothUrl"], stack.booth_token(arguments.stack), photo, out, _show)
        print(f"All pictures: {out}")
    except Paused as pause:
        again = f".venv/bin/python -m deploy smoke {arguments.stack}"
        _show(f"A visitor's photo was not tried: {pause}\nAfterwards `{again}` tries it.")
    stack.smoke_event(known["UploadsBucketName"], stack.physical_id(arguments.stack, "Table"), photo, _show)
    print("A photo that nobody asked for was painted as well: S3's events arrive.")


def pair(arguments: argparse.Namespace) -> None:
    """Shows each booth's pairing link as a QR code."""
    for booth, code in stack.pairing_codes(arguments.stack).items():
        print(f"{code}\nPairs a pad as {booth}: scan it with the pad's camera app, and let nobody else see it.")


def staff(arguments: argparse.Namespace) -> None:
    """Shows the link of the staff page as a QR code."""
    for name, (link, code) in stack.page_codes(arguments.stack, "staff").items():
        print(f"{code}\nThe staff page, for {name}: {link}\nScan it with a phone, and let nobody else see it.")


def wall(arguments: argparse.Namespace) -> None:
    """Shows the link of the event's wall, and the same as a QR code."""
    for name, (link, code) in stack.page_codes(arguments.stack, "wall").items():
        print(f"{code}\nThe wall, {name}: {link}\nOpen it on the projector or TV, and let nobody else see it.")


def destroy(arguments: argparse.Namespace) -> None:
    """Deletes the stack and its data, after a confirmation: the stack's name, typed or in CONFIRM."""
    print(f"This deletes {arguments.stack}: every photo, picture, log and function of it.")
    try:
        typed = os.environ.get("CONFIRM") or input("Type its name to go on: ")
    except EOFError:
        typed = ""
    if typed != arguments.stack:
        raise stack.StackError("That is not its name; nothing was deleted.")
    stack.destroy(arguments.stack, _show)
    print(f"{arguments.stack} is gone.")


def _show(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    commands = parser.add_subparsers(required=True)
    commands.add_parser("build", help=build_all.__doc__).set_defaults(do=build_all)
    commands.add_parser("account", help=check_account.__doc__).set_defaults(do=check_account)
    commands.add_parser("lock", help=lock_all.__doc__).set_defaults(do=lock_all)
    command = commands.add_parser("sam", help=sam.__doc__)
    command.add_argument("environment")
    command.add_argument("overrides", nargs="*", metavar="Name=value", help="parameters of template.yaml")
    command.set_defaults(do=sam)
    for do in (page, smoke, pair, staff, wall, destroy):
        command = commands.add_parser(do.__name__, help=do.__doc__)
        command.add_argument("stack")
        command.set_defaults(do=do)
    arguments = parser.parse_args()
    try:
        arguments.do(arguments)
    except (
        *(account.AccountError, BuildError, lock.LockError, stack.StackError, BotoCoreError, ClientError),
        OSError,  # the disk is full, or a folder can't be written
    ) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
