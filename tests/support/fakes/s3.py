"""S3's wire protocol for one bucket whose Keys have any number of versions: what `booth.aws.objects` speaks of it.

Shapes, order and limits as AWS documents them (API reference: ListObjectVersions, DeleteObjects, HeadObject,
ListObjectsV2): a page holds 1,000 entries, in the order of Keys in UTF-8, the newest version of a Key first; with
key-marker and version-id-marker it begins behind that version, with key-marker alone behind that Key.
"""

import threading
import xml.etree.ElementTree as ET
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote

from werkzeug.wrappers import Request, Response

from local import http_server

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
        listening = http_server.listen(0)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self._server = http_server.serve(listening, self)

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        request = Request(environ)
        response = getattr(self, f"_{request.method.lower()}")(request)
        response.headers["x-amz-request-id"] = "N4N7GDK58NMKJ12R"
        return response(environ, start_response)

    def _get(self, request: Request) -> Response:
        if "versions" in request.args:
            self.on_list(request.args.get("prefix", ""))
            return _xml(self.list_versions(request.args))
        return _xml(f'<ListBucketResult xmlns="{NAMESPACE}"><KeyCount>0</KeyCount></ListBucketResult>')

    def _head(self, request: Request) -> Response:
        key = request.path.split("/", 2)[2]
        self.on_head(key)
        found = self.versions.get(key)
        return Response("", 200, {"x-amz-version-id": f"v{found[-1]}"}) if found else Response("", 404)

    def _post(self, request: Request) -> Response:
        return _xml(self.delete(ET.fromstring(request.get_data())))

    def put(self, key: str, count: int = 1, new: bool = False) -> None:
        """Puts so many versions under a Key, one after another."""
        held = self.versions.setdefault(key, [])
        held += range(held[-1] + 1 if held else 0, (held[-1] + 1 if held else 0) + count)
        if new:
            self.new.add(key)

    def left(self, key: str) -> int:
        """How many versions a Key has."""
        return len(self.versions.get(key, []))

    def list_versions(self, asked: Mapping[str, str]) -> str:
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


def _xml(text: str) -> Response:
    return Response(text, content_type="application/xml")
