"""`python -m local run` starts the booth on this machine; `python -m local photo FILE...` sends photos through it."""

import argparse
import ipaddress
import json
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from booth.keep import Keep
from client.booth import Booth, NoAnswer, VisitError, shortfall
from local.app import App, StartError

if TYPE_CHECKING:
    from local.painter import Own

HERE = "http://127.0.0.1:8000"
"""Where `python -m local run` opens the booth unless it is told otherwise."""


def run(arguments: argparse.Namespace) -> int:
    """Starts the application and waits for Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, _end)
    lan = "" if arguments.lan is None else _address_of(arguments.lan or _own_address())
    if lan:
        print(
            f"Everybody in the network of {lan} will be able to use this booth: take photos, and see and delete those "
            "that they have the link of. Nothing else of it can be reached from there.",
            flush=True,
        )
    painter = _painter(arguments.painter) if arguments.painter else None
    print("Starting the booth ...", flush=True)
    with App(_port(arguments.port), lan=lan, painter=painter) as app:
        if arguments.faults:
            _set_faults(app.standins_url, arguments.faults)
        print(f"The booth is open: {app.url}   (the functions' log: {app.log_path}; Ctrl-C closes it)", flush=True)
        print(f"For its staff: {app.url}/staff#token={app.staff_token}", flush=True)
        print(f"For its wall, on a projector or TV: {app.url}/wall#token={app.wall_token}", flush=True)
        if lan:
            print(
                "Each device asks once about the certificate, which nobody but this machine has signed. SHA-256 "
                f"fingerprint: {app.fingerprint}",
                flush=True,
            )
        print(f"Stand-ins for the models: {app.standins_url}/standins/bedrock and its like (GET, PUT)", flush=True)
        print("Photos and pictures are kept in memory: they are gone when you close it.", flush=True)
        threading.Event().wait()
    raise AssertionError("the wait ends by Ctrl-C or SIGTERM")


def _painter(folder: Path) -> "Callable[[IO[str]], Own]":
    """What loads the model in a folder. Raises StartError if it can't be painted with here."""
    from local import painter  # brings numpy and Pillow

    model = painter.check(folder)
    return lambda log: painter.start(model, lambda text: print(text, flush=True), log)


def _end(number: int, _frame: object) -> None:
    print("Stopped.", file=sys.stderr, flush=True)
    sys.exit(128 + number)


def _port(text: str) -> int:
    """Raises StartError; whether it can be had is seen when it is taken."""
    try:
        return int(text)
    except ValueError:
        raise StartError(f"{text!r} is no port: 1 to 65535.") from None


def _address_of(text: str) -> str:
    """Raises StartError for what is no address; whether it is this machine's is seen when it is taken."""
    try:
        if ipaddress.IPv4Address(text).is_unspecified:
            raise ValueError
    except ValueError:
        raise StartError(f"{text!r} is no IPv4 address of this machine's, such as 192.168.1.20: LAN=.") from None
    return text


def _own_address() -> str:
    """This machine's address in its network. Raises StartError."""
    from local import lan

    try:
        return lan.own_address()
    except OSError:
        raise StartError("This machine is in no network; name the address that devices use: LAN=<address>.") from None


def _set_faults(url: str, file: Path) -> None:
    """Tells the stand-ins at `url` how to behave, by a JSON file. Raises StartError."""
    try:
        for service, settings in json.loads(file.read_text("utf-8")).items():
            request = urllib.request.Request(f"{url}/standins/{service}", json.dumps(settings).encode(), method="PUT")
            try:
                urllib.request.urlopen(request).close()
            except urllib.error.HTTPError as error:
                raise StartError(f"{file}, {service}: {error.read().decode()}") from error
    except (OSError, ValueError, AttributeError) as error:
        raise StartError(f"{file}: {error}") from error


def photo(arguments: argparse.Namespace) -> int:
    """Sends photos through the booth at --url, or one that runs here, or one started for the purpose.

    1 unless every photo got every picture that was asked for.
    """
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"{arguments.out}: {error.strerror}") from error
    if arguments.url:
        return _send_all(arguments, arguments.url.rstrip("/"))
    try:
        Booth(HERE).catalogue()
    except NoAnswer as error:
        print(f"{error}; starting a booth ...", file=sys.stderr, flush=True)
        with App(port=0) as app:
            return _send_all(arguments, app.url)
    return _send_all(arguments, HERE)


def _send_all(arguments: argparse.Namespace, url: str) -> int:
    """Sends each photo and prints the results; 1 if a picture is missing."""
    booth = Booth(url, arguments.token, show=_show)
    fields: dict[str, Any] = {"scenes": arguments.scenes} if arguments.scenes else {}
    if arguments.keep:
        fields["keep"] = arguments.keep
    if arguments.consent:
        now = datetime.now(UTC).isoformat()
        fields["consent"] = {"policy": arguments.consent, "language": "en", "time": now, "wall": False}
    try:
        usual = booth.catalogue()["default"]
    except VisitError as error:
        raise StartError(str(error)) from error
    wanted = len(arguments.scenes or usual)
    results, good = [], True
    for file in arguments.files:
        try:
            results.append(booth.send(file, arguments.out, **fields))
            problem = shortfall(results[-1], wanted, arguments.keep)
        except (VisitError, OSError) as error:
            problem = str(error)
            results.append({"status": "FAILED", "error": {"code": "VisitError", "message": problem}})
        if problem:
            print(f"{file}: {problem}", file=sys.stderr)
            good = False
    print(json.dumps(results[0] if len(results) == 1 else results, indent=2))
    return 0 if good else 1


def _address(text: str) -> str:
    """A booth's address as it was given. Raises ValueError if it is none."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError
    return text


def _show(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(required=True)
    start = commands.add_parser("run", help="start the application")
    start.add_argument("--port", default="8000")
    start.add_argument(
        "--lan",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="by https for the devices of this machine's network, at this address or the one that it finds",
    )
    start.add_argument(
        "--faults",
        type=Path,
        metavar="FILE",
        help='how the stand-ins misbehave: {"bedrock": {"faults": [{"kind": "retired", "match": "*titan*"}]}}',
    )
    start.add_argument(
        "--painter",
        type=Path,
        metavar="FOLDER",
        help="a model that paints, on this machine, in place of the procedural painter: docs/own-machine.md",
    )
    start.set_defaults(do=run)
    send = commands.add_parser("photo", help="send photos through the application and save the pictures")
    send.add_argument("files", nargs="+", type=Path, metavar="FILE")
    send.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="where the pictures go (out)")
    send.add_argument("--url", type=_address, help=f"the booth; without it the one at {HERE}, or one started for this")
    send.add_argument("--token", default="", help="the booth's token, where one is needed")
    send.add_argument(
        "--scenes",
        type=lambda text: text.split(","),
        metavar="ID,ID",
        help="of GET /scenes; without it the default ones",
    )
    send.add_argument("--keep", choices=list(Keep), help="what the pictures keep; without it what scene and stack say")
    send.add_argument(
        "--consent", metavar="POLICY", help="the people in the photo agreed to this version of the policy"
    )
    send.set_defaults(do=photo)
    arguments = parser.parse_args()
    names = [file.stem for file in getattr(arguments, "files", [])]
    if len(set(names)) < len(names):
        send.error("two photos of the same name: the pictures of one would replace the other's")
    try:
        return arguments.do(arguments)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
