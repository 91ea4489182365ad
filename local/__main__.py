"""`python -m local run` starts the booth on this machine; `python -m local photo FILE...` sends photos through it."""

import argparse
import json
import signal
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

from local import visit
from local.app import App, StartError


def run(arguments: argparse.Namespace) -> int:
    """Starts the application and waits for Ctrl-C or SIGTERM."""
    print("Starting the booth ...", flush=True)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with App(arguments.port) as app:
        if arguments.faults:
            _set_faults(app.standins_url, arguments.faults)
        print(f"The booth is open: {app.url}   (the functions' log: {app.log_path}; Ctrl-C closes it)", flush=True)
        print(f"Stand-ins for the models: {app.standins_url}/standins/bedrock and its like (GET, PUT)", flush=True)
        print("Photos and pictures are kept in memory: they are gone when you close it.", flush=True)
        stop.wait()
    return 0


def _set_faults(url: str, file: Path) -> None:
    """Tells the stand-ins at `url` how to behave, by a JSON file. Raises StartError."""
    try:
        for service, settings in json.loads(file.read_text("utf-8")).items():
            body = json.dumps(settings).encode()
            urllib.request.urlopen(urllib.request.Request(f"{url}/standins/{service}", body, method="PUT")).close()
    except urllib.error.HTTPError as error:
        raise StartError(f"{file}, {service}: {error.read().decode()}") from error
    except (OSError, ValueError, AttributeError) as error:
        raise StartError(f"{file}: {error}") from error


def photo(arguments: argparse.Namespace) -> int:
    """Sends photos through the running application, or one started for the purpose. 1 if one got no picture."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    if visit.is_open(arguments.url):
        return _send_all(arguments, arguments.url)
    print(f"No booth at {arguments.url}; starting one ...", file=sys.stderr, flush=True)
    with App(port=0) as app:
        return _send_all(arguments, app.url)


def _send_all(arguments: argparse.Namespace, url: str) -> int:
    results = []
    for file in arguments.files:
        try:
            results.append(visit.send(url, file, arguments.out, show=_show))
        except visit.VisitError as error:
            print(f"{file}: {error}", file=sys.stderr)
            results.append({"status": "FAILED", "error": {"code": "VisitError", "message": str(error)}})
    print(json.dumps(results[0] if len(results) == 1 else results, indent=2))
    return 0 if all(result["status"] in ("SUCCEEDED", "PARTIAL") for result in results) else 1


def _show(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(required=True)
    start = commands.add_parser("run", help="start the application")
    start.add_argument("--port", type=int, default=8000)
    start.add_argument(
        "--faults",
        type=Path,
        metavar="FILE",
        help='how the stand-ins misbehave: {"bedrock": {"faults": [{"kind": "retired", "match": "titan"}]}}',
    )
    start.set_defaults(do=run)
    send = commands.add_parser("photo", help="send photos through the application and save the pictures")
    send.add_argument("files", nargs="+", type=Path, metavar="FILE")
    send.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="where the pictures go (out)")
    send.add_argument("--url", default="http://127.0.0.1:8000", help="the running application")
    send.set_defaults(do=photo)
    arguments = parser.parse_args()
    try:
        return arguments.do(arguments)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
