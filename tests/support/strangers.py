"""Strangers' clients: the documented examples of a PUT, other habits, the programs that have them, and what they send.

`python -m tests.support.strangers` records what those programs send that are there: when an example has changed, or to
see what a newer version does. tests/support/strangers.json keeps it, so that no test needs a program.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECORDS = Path(__file__).with_suffix(".json")
PHOTO = b"pixels"

VERSIONS = {
    "curl": ["curl", "--version"],
    "requests": [sys.executable, "-c", "import requests; print('requests', requests.__version__)"],
    "java": ["java", "--version"],
    "node": ["node", "--version"],
}
"""Commands that tell a program's version in their first line."""


@dataclass(frozen=True)
class Habit:
    """How a client PUTs a photo.

    Args:
        code: for a shell, Python, Node, or a Java class; it finds `photo.jpg` and UPLOAD_URL. It prints the status,
            unless it is an example of the documents.
        status: S3's answer.
    """

    program: str
    code: str
    status: int


def examples():
    """The examples of docs/api.md, by language."""
    section = (ROOT / "docs/api.md").read_text("utf-8").partition("\n## Clients\n")[2]
    return dict(re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL))


def _curl(how):
    return f'curl --silent --output answer --write-out "%{{http_code}}" {how} "$UPLOAD_URL"'


def _requests(how):
    return f'import os, requests\nprint(requests.put(os.environ["UPLOAD_URL"], {how}).status_code)'


def _node(how):
    return (
        "const fs = require('fs');\n"
        f"fetch(process.env.UPLOAD_URL, {{method: 'PUT', {how}}}).then((answer) => console.log(answer.status));"
    )


def _java(how):
    return f"""
        import java.io.FileInputStream;
        import java.net.URI;
        import java.net.http.*;

        public class Put {{
            static FileInputStream open() {{
                try {{ return new FileInputStream("photo.jpg"); }}
                catch (Exception error) {{ throw new RuntimeException(error); }}
            }}
            public static void main(String[] arguments) throws Exception {{
                var put = HttpRequest.newBuilder(URI.create(System.getenv("UPLOAD_URL"))){how};
                var answer = HttpClient.newHttpClient().send(put.build(), HttpResponse.BodyHandlers.ofString());
                System.out.println(answer.statusCode());
            }}
        }}"""


def habits():
    """All of them, by name."""
    documented = examples()
    curl_jpeg, jpeg = '--header "Content-Type: image/jpeg"', 'headers={"Content-Type": "image/jpeg"}'
    java_jpeg, text = '.header("Content-Type", "image/jpeg")', 'HttpRequest.BodyPublishers.ofString("pixels")'
    stream = "HttpRequest.BodyPublishers.ofInputStream(Put::open)"
    return {
        "curl as documented": Habit("curl", documented["sh"], 200),
        "curl from a pipe": Habit("curl", "cat photo.jpg | " + _curl(f"--upload-file - {curl_jpeg}"), 501),
        "curl without a type": Habit("curl", _curl("--upload-file photo.jpg"), 403),
        "curl with data": Habit("curl", _curl("--request PUT --data-binary @photo.jpg"), 403),
        "curl with data and a type": Habit("curl", _curl(f"-X PUT --data-binary @photo.jpg {curl_jpeg}"), 200),
        "curl with a form": Habit("curl", _curl("--request PUT --form file=@photo.jpg"), 403),
        "curl by HTTP/1.0": Habit("curl", _curl(f"--http1.0 --upload-file photo.jpg {curl_jpeg}"), 200),
        "curl offering HTTP/2": Habit("curl", _curl(f"--http2 --upload-file photo.jpg {curl_jpeg}"), 200),
        "requests as documented": Habit("requests", documented["python"], 200),
        "requests with bytes alone": Habit("requests", _requests('data=b"pixels"'), 403),
        "requests with a generator": Habit("requests", _requests(f'data=iter([b"pix", b"els"]), {jpeg}'), 501),
        "requests with a form": Habit("requests", _requests('files={"file": open("photo.jpg", "rb")}'), 403),
        "Java as documented": Habit("java", documented["java"], 200),
        "Java with a stream": Habit("java", _java(f"{java_jpeg}.PUT({stream})"), 501),
        "Java asking whether to go on": Habit("java", _java(f"{java_jpeg}.expectContinue(true).PUT({text})"), 200),
        "Java asking, without a type": Habit("java", _java(f".expectContinue(true).PUT({text})"), 403),
        "Node with a blob": Habit(
            "node", _node("body: new Blob([fs.readFileSync('photo.jpg')], {type: 'image/jpeg'})"), 200
        ),
        "Node with a stream": Habit(
            "node",
            _node("body: fs.createReadStream('photo.jpg'), duplex: 'half', headers: {'Content-Type': 'image/jpeg'}"),
            501,
        ),
    }


def is_there(program):
    return shutil.which(VERSIONS[program][0]) is not None


def run(habit, url):
    """Runs a client's code, in a folder with the photo; gives the process that has ended."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "photo.jpg").write_bytes(PHOTO)
        Path(folder, "Put.java").write_text(habit.code, "utf-8")
        command = {
            "curl": ["sh", "-c", habit.code],
            "requests": [sys.executable, "-c", habit.code],
            "java": ["java", "-XX:TieredStopAtLevel=1", "Put.java"],
            "node": ["node", "-e", habit.code],
        }[habit.program]
        environment = os.environ | {"UPLOAD_URL": url}
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )


def recorded():
    """By habit: `version` of the program, its `code`, and the request's `head` and `body` that it sent."""
    return json.loads(RECORDS.read_text("utf-8"))


def replay(record, address, target):
    """Sends a recorded request to another address: its body when it is told to, if it asked. Gives the statuses."""
    head = re.sub(r"(?i)(\r\nhost: )[^\r]*", r"\g<1>{}:{}".format(*address), record["head"])
    head = head.replace(" /put ", f" {target} ", 1)
    with socket.create_connection(address, timeout=60) as sock, sock.makefile("rb") as answer:
        statuses = []
        sock.sendall(head.encode("latin-1"))
        if "expect: 100-continue" in head.lower():
            statuses.append(_status(answer))
            if statuses != [100]:
                return statuses
            answer.readline()
        sock.sendall(record["body"].encode("latin-1"))
        return [*statuses, _status(answer)]


def _status(answer):
    return int(answer.readline().split()[1])


def _record(habit):
    """Head and body that a habit sends, to a server that wants all."""
    parts = []

    def serve():
        connection, _ = listening.accept()
        with connection, connection.makefile("rb") as request:
            head = b"".join(iter(request.readline, b"\r\n")) + b"\r\n"
            if b"100-continue" in head.lower():
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            body = request.read(int(length[1])) if length else b"".join(iter(request.readline, b"0\r\n")) + b"0\r\n\r\n"
            parts.extend([head.decode("latin-1"), body.decode("latin-1")])
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        done = run(habit, f"http://127.0.0.1:{listening.getsockname()[1]}/put")
        if done.returncode:
            raise SystemExit(f"{habit.code}\n{done.stderr}")
        serving.join()
    return parts


def main():
    records = recorded() if RECORDS.exists() else {}
    for name, habit in habits().items():
        if not is_there(habit.program):
            print(f"{name}: {habit.program} is missing; as it was")
            continue
        version = subprocess.run(VERSIONS[habit.program], capture_output=True, text=True, check=True).stdout
        head, body = _record(habit)
        records[name] = {"version": version.split("\n")[0], "code": habit.code, "head": head, "body": body}
    records = {name: records[name] for name in habits()}
    RECORDS.write_text(json.dumps(records, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
