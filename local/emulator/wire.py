"""moto's answers, put right where AWS's protocols have them otherwise."""

from werkzeug.wrappers import Request, Response

_ECHOED = ("x-amz-sdk-checksum-algorithm", "x-amz-content-sha256", "x-amz-checksum-algorithm")
"""Headers of requests that moto's S3 keeps with the object, and answers with."""


def mended(request: Request, response: Response) -> Response:
    """The answer with the status and the headers that the service's protocol gives it.

    Services that are asked by X-Amz-Target (awsJson) answer in the content type of the request, and have one status,
    400, for all errors of the caller's. S3 tells of Last-Modified only where the object is read.
    """
    if "X-Amz-Target" in request.headers:
        response.content_type = request.headers.get("Content-Type", response.content_type)
        if 400 < response.status_code < 500:
            response.status_code = 400
        return response
    if "X-Amz-Copy-Source" in request.headers:
        response.headers.pop("ETag", None)  # it is in the body
    for name in _ECHOED if request.method in ("GET", "HEAD") else (*_ECHOED, "Last-Modified"):
        response.headers.pop(name, None)
    if "tagging" in request.args:  # the checksum is the tags', which no answer tells
        response.headers.pop("x-amz-checksum-crc32", None)
    return response
