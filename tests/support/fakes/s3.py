"""S3's wire protocol for one bucket whose Keys have any number of versions: what `booth.aws.objects` speaks of it.

Shapes, order and limits as AWS documents them (API reference: ListObjectVersions, DeleteObjects, HeadObject,
ListObjectsV2): a page holds 1,000 entries, in the order of Keys in UTF-8, the newest version of a Key first; with
key-marker and version-id-marker it begins behind that version, with key-marker alone behind that Key.
"""

import threading
import xml.etree.ElementTree as ET
from bisect import bisect_left, bisect_right
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
PAGE = 1000
OLD, NEW = "2026-01-01T00:00:00.000Z", "2126-01-01T00:00:00.000Z"


class FakeS3:
    """Versions have numbers, the newest the greatest; `versions` holds by Key those that are there, ascending."""

    def __init__(self):
        self.versions: dict[str, list[int]] = {}
        self.new: set[str] = set()
        """Keys whose versions were put just now; the others' are old."""
        self.refused: set[str] = set()
        """Keys that can't be deleted: each is answered with InternalError."""
        self.on_list = self.on_head = lambda key: None
        """Called before an answer, with the prefix or Key."""
        self.pages: list[list[str]] = []
        """The Keys of each page that was listed."""
        self.listed = self.most_listed = 0
        """How many entries were listed since the last deletion, and the most that ever were."""
        self._lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
                asked = {name: values[0] for name, values in query.items()}
                if "versions" in asked:
                    fake.on_list(asked.get("prefix", ""))
                    self.answer(200, fake.list_versions(asked))
                else:
                    self.answer(200, f'<ListBucketResult xmlns="{NAMESPACE}"><KeyCount>0</KeyCount></ListBucketResult>')

            def do_HEAD(self):
                key = unquote(urlsplit(self.path).path.split("/", 2)[2])
                fake.on_head(key)
                found = fake.versions.get(key)
                self.answer(200 if found else 404, "", {"x-amz-version-id": f"v{found[-1]}"} if found else {})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(200, fake.delete(ET.fromstring(body)))

            def answer(self, status, body, headers=None):
                data = body.encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            def log_message(self, *_):
                """Writes nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def put(self, key: str, count: int = 1, new: bool = False) -> None:
        """Puts so many versions under a Key, one after another."""
        held = self.versions.setdefault(key, [])
        held += range(held[-1] + 1 if held else 0, (held[-1] + 1 if held else 0) + count)
        if new:
            self.new.add(key)

    def left(self, key: str) -> int:
        """How many versions a Key has."""
        return len(self.versions.get(key, []))

    def list_versions(self, asked: dict[str, str]) -> str:
        with self._lock:
            prefix, key_marker = asked.get("prefix", ""), asked.get("key-marker", "")
            keys = sorted((key for key in self.versions if key.startswith(prefix)), key=str.encode)
            page: list[tuple[str, int]] = []
            for key in keys:
                held = self.versions[key]
                if key_marker and key.encode() < key_marker.encode():
                    continue
                end = len(held)
                if key == key_marker:
                    marker = asked.get("version-id-marker")
                    end = bisect_left(held, int(marker[1:])) if marker else 0
                newest_first = held[max(0, end - (PAGE + 1 - len(page))) : end][::-1]
                page += [(key, number) for number in newest_first]
                if len(page) > PAGE:
                    break
            is_truncated, page = len(page) > PAGE, page[:PAGE]
            self.pages.append([key for key, _ in page])
            self.listed += len(page)
            self.most_listed = max(self.most_listed, self.listed)
        parts = [f'<?xml version="1.0" encoding="UTF-8"?><ListVersionsResult xmlns="{NAMESPACE}">']
        parts.append(f"<EncodingType>url</EncodingType><IsTruncated>{str(is_truncated).lower()}</IsTruncated>")
        if is_truncated:
            key, number = page[-1]
            parts.append(f"<NextKeyMarker>{quote(key)}</NextKeyMarker>")
            parts.append(f"<NextVersionIdMarker>v{number}</NextVersionIdMarker>")
        for key, number in page:
            moment = NEW if key in self.new else OLD
            parts.append(
                f"<Version><Key>{quote(key)}</Key><VersionId>v{number}</VersionId><IsLatest>false</IsLatest>"
                f"<LastModified>{moment}</LastModified><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag>"
                "<Size>0</Size><StorageClass>STANDARD</StorageClass></Version>"
            )
        return "".join([*parts, "</ListVersionsResult>"])

    def delete(self, request: ET.Element) -> str:
        errors = []
        with self._lock:
            self.listed = 0
            objects = request.findall(f"{{{NAMESPACE}}}Object")
            assert len(objects) <= PAGE, "MalformedXML"
            for each in objects:
                key = each.findtext(f"{{{NAMESPACE}}}Key")
                version = each.findtext(f"{{{NAMESPACE}}}VersionId")
                if key in self.refused:
                    message = "We encountered an internal error. Please try again."
                    code = f"<Code>InternalError</Code><Message>{message}</Message>"
                    errors.append(f"<Error><Key>{key}</Key><VersionId>{version}</VersionId>{code}</Error>")
                elif version:
                    held = self.versions.get(key, [])
                    place = bisect_right(held, int(version[1:])) - 1
                    if place >= 0 and held[place] == int(version[1:]):
                        del held[place]
                    if not held:
                        self.versions.pop(key, None)
        return f'<DeleteResult xmlns="{NAMESPACE}">{"".join(errors)}</DeleteResult>'

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
