"""A booth as the pad sees it over HTTP: the contract's answers, and before them whatever a test wants."""

import json
from collections import defaultdict

from werkzeug.wrappers import Request, Response

from local import http_server

PAGE = "<!doctype html><title>A page</title>"


def html(status):
    """What CloudFront says of a distribution that an edge doesn't know yet, or of an origin that fails."""
    return Response(PAGE, status, content_type="text/html")


def told(code, /, **value):
    return Response(json.dumps(value), code, content_type="application/json")


class FakeBooth:
    """`first`: by path, the answers that come before the right ones; None closes the connection.

    `requests`: what was asked, as (method, path, Authorization, body). `result` is changed by tests.
    """

    def __init__(self):
        listening = http_server.listen(0)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self.reset()
        self.server = http_server.serve(listening, self)

    def reset(self):
        self.first = defaultdict(list)
        self.requests = []
        self.pictures = 3
        self.keeps = ["face"] * 3
        self.result = {"status": "SUCCEEDED", "step": "finish", "progress": 1.0, "time_taken": "9.1", "error": None}

    def __call__(self, environ, start_response):
        request = Request(environ)
        self.requests.append((request.method, request.path, request.headers.get("Authorization"), request.get_data()))
        path = "/photo/" if request.path.startswith("/photo/") else request.path
        answer = self.first[path].pop(0) if self.first[path] else self._answer(request)
        return answer(environ, start_response)

    def _answer(self, request):
        if request.path == "/scenes":
            scenes = [{"id": name} for name in ("sky", "building", "forest", "sea")]
            return told(200, scenes=scenes, default=["sky", "building", "forest"])
        if request.path == "/upload":
            body = {"Bucket": "uploads", "Key": "photo/a.jpg", "UploadURL": f"{self.url}/put"}
            return told(200, statusCode=200, body=json.dumps(body))
        if request.path == "/put":
            return Response("", 200)
        if request.path == "/photo":
            urls = [f"{self.url}/photo/photo_x_{number}.jpeg" for number in range(1, self.pictures + 1)]
            failed = {"code": "TimedOut", "message": "This took too long."}
            pictures = [
                {"scene": "sky", "state": "DONE", "keep": keep, "error": None} for keep in self.keeps[: self.pictures]
            ]
            pictures += [{"scene": "sky", "state": "FAILED", "error": failed}] * (3 - self.pictures)
            return told(200, url_generated=json.dumps(urls), pictures=pictures, **self.result)
        if request.path.startswith("/photo/"):
            return Response(b"\xff\xd8", 200, content_type="image/jpeg")
        return html(404)

    def asked(self, path):
        """The bodies of the calls of a path, parsed."""
        return [json.loads(body) for _, asked, _, body in self.requests if asked == path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
