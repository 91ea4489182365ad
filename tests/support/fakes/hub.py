"""The Hugging Face hub's wire protocol, as far as files of models go, and the CDN that it redirects to.

Which headers and codes there are: huggingface_hub 1.33.0 (constants.py, utils/_http.py, hf_api.py). Large files are
redirected to the CDN, with their SHA-256 in X-Linked-Etag; small ones to a cache of the hub's own. A URL of the CDN is
signed: like S3 it refuses one that comes with an Authorization header besides.
"""

import hashlib
import json
import re

from werkzeug.wrappers import Request, Response

LARGE = 1000  # bytes; from here on a file is in LFS


class Hub:
    """The hub as a WSGI application; ``cdn`` is another one, whose URL ``cdn_url`` has to be told.

    ``models``: by id the commits, by hash, of files: content by path. ``requests``: what was asked, newest last.
    ``faults``: for each file the answers to come: an HTTP status (400 to 599), else a number of bytes after which the
    connection breaks, "wrong" content, or "whole" (the range is ignored).
    """

    def __init__(self):
        self.models, self.gated, self.faults, self.requests, self.cdn_url = {}, {}, {}, [], ""
        self.sizes = {}  # what the API says of a file's size, if it isn't so

    def __call__(self, environ, start_response):
        request = Request(environ)
        self.requests.append((request.path, request.headers.get("Range", "")))
        for pattern, answer in (
            (r"/api/models/([^/]+/[^/]+)/revision/([^/]+)", self._revision),
            (r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self._resolve),
            (r"/api/resolve-cache/models/([^/]+/[^/]+)/([^/]+)/(.+)", self._content),
        ):
            if match := re.fullmatch(pattern, request.path):
                return answer(request, *match.groups())(environ, start_response)
        return Response("Not Found", 404)(environ, start_response)

    def cdn(self, environ, start_response):
        request = Request(environ)
        _, model, commit, path = request.path.split("/", 3)
        if "Authorization" in request.headers:
            answer = Response("<Code>InvalidArgument</Code>Only one auth mechanism allowed", 400)
        else:
            answer = self._content(request, model.replace("--", "/"), commit, path)
        return answer(environ, start_response)

    def _commit(self, model, revision):
        """The commit's hash and files, or the refusal."""
        if model not in self.models:
            return refusal(401, "RepoNotFound", "Invalid username or password.")
        commits = self.models[model]
        found = list(commits)[-1] if revision == "main" else revision
        return (found, commits[found]) if found in commits else refusal(404, "RevisionNotFound", "Invalid rev id")

    def _revision(self, request, model, revision):
        found = self._commit(model, revision)
        if isinstance(found, Response):
            return found
        commit, files = found
        siblings = []
        for path, content in files.items():
            size = self.sizes.get(path, len(content))
            told = {"rfilename": path}
            if request.args.get("blobs") == "true":
                told |= {"size": size, "blobId": git(content)}
                if len(content) >= LARGE:
                    told["lfs"] = {"sha256": sha256(content), "size": size, "pointerSize": 135}
            siblings.append(told)
        card = {"license": "apache-2.0"} if "LICENSE.md" in files else {}
        told = {
            "id": model,
            "sha": commit,
            "gated": self.gated.get(model, False),
            "cardData": card,
            "siblings": siblings,
        }
        return Response(json.dumps(told), content_type="application/json; charset=utf-8")

    def _resolve(self, request, model, revision, path):
        found = self._commit(model, revision)
        if isinstance(found, Response):
            return found
        commit, files = found
        if model in self.gated and request.headers.get("Authorization") != "Bearer hf_known":
            return refusal(401, "GatedRepo", f"Access to model {model} is restricted. Please log in.")
        if path not in files:
            return refusal(404, "EntryNotFound", "Entry not found")
        content = files[path]
        if len(content) >= LARGE:
            url = f"{self.cdn_url}/{model.replace('/', '--')}/{commit}/{path}?Signature=abc"
            tag = {"X-Linked-Size": str(len(content)), "X-Linked-Etag": f'"{sha256(content)}"'}
            return Response("", 302, {"Location": url, "X-Repo-Commit": commit, **tag})
        url = f"/api/resolve-cache/models/{model}/{commit}/{path}"
        return Response("", 307, {"Location": url, "X-Repo-Commit": commit, "X-Linked-Etag": f'"{git(content)}"'})

    def _content(self, request, model, commit, path):
        """The file, or a range of it, or the next of its faults."""
        content = self.models[model][commit][path]
        fault = self.faults.get(path, []).pop(0) if self.faults.get(path) else None
        if fault in range(400, 600):
            return Response("try later", fault)
        if fault == "wrong":
            content = content[:-1] + bytes([content[-1] ^ 1])
        first, status = 0, 200
        headers = {"Accept-Ranges": "bytes", "ETag": f'"{(sha256 if len(content) >= LARGE else git)(content)}"'}
        headers |= {"X-Repo-Commit": commit} if len(content) < LARGE else {}
        if (asked := re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))) and fault != "whole":
            first, status = int(asked[1]), 206
            if first >= len(content):
                return Response("", 416, {"Content-Range": f"bytes */{len(content)}"})
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        body = content[first:]
        answer = Response(body[:fault] if isinstance(fault, int) else body, status, headers)
        answer.content_length = len(body)  # if less comes, the server ends the connection
        return answer


def refusal(status, code, message):
    """An error of the hub's."""
    return Response(json.dumps({"error": message}), status, {"X-Error-Code": code, "X-Error-Message": message})


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def git(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
