"""Errors on the wire: whether the operation has them, with that status, in its protocol's form."""

import html
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

from botocore.model import OperationModel, Shape

from tests.support.judges.exchanges import Exchange, json_of, model_of, protocol_of
from tests.support.judges.shapes import json_problems, tag_of

_COMMON = {
    "AccessDeniedException": 400,
    "InternalFailure": 500,
    "ServiceUnavailable": 503,
    "ThrottlingException": 400,
    "UnknownOperationException": 400,
    "UnrecognizedClientException": 400,
    "ValidationException": 400,
}
"""Of every service asked by X-Amz-Target. "Common Errors" as the API references of such services have it (read in those
of Athena and EMR); "Error handling with DynamoDB" (ValidationException, 400, is not in botocore's model of DynamoDB).
UnknownOperationException is on no such page. Pages for services of another protocol have 403 for AccessDeniedException.
"""

_COMMON_REST = {
    "AccessDeniedException": 403,
    "ThrottlingException": 400,
    "UnknownOperationException": 404,
    "ValidationException": 400,
}
"""Of services asked by paths, in JSON. "Common Errors" of Lambda's, taken for SageMaker's and Bedrock's too."""

_COMMON_XML = {
    "AccessDenied": 403,
    "InternalFailure": 500,
    "ServiceUnavailable": 503,
    "Throttling": 400,
    "ValidationError": 400,
}
"""Of CloudFormation and CloudFront. "Common Errors" of their API references; Throttling, 400, in botocore's
data/_retry.json. CloudFormation's pages say AccessDeniedException, its answers AccessDenied."""

_COMMON_S3 = {
    "AccessForbidden": 403,
    "AuthorizationQueryParametersError": 400,
    "BadRequest": 400,
    "BucketNotEmpty": 409,
    "ConditionalRequestConflict": 409,
    "NoSuchCORSConfiguration": 404,
}
"""Beside those that botocore's model of S3 lists under `Error.Code`: "Error responses" of S3's API reference;
AccessForbidden and BadRequest in "Troubleshooting CORS" of its User Guide."""

_PAGES = {("rekognition", "ThrottlingException"): 400}
"""Where a page of AWS's says another status than the model. "Error messages and codes" of Rekognition has it under 400,
the model calls it the service's own fault. Functions go by the code."""

COMMON = {"json": _COMMON, "rest-json": _COMMON_REST, "rest-xml": _COMMON_XML, "query": _COMMON_XML}


@cache
def known_errors(service: str, operation: str) -> dict[str, tuple[int, Shape | None]]:
    """The operation's errors by their codes: the status, and the shape if the model has one."""
    model = model_of(service)
    known: dict[str, tuple[int, Shape | None]] = {}
    if service == "s3":
        known |= {code: (status, None) for code, status in (_s3_codes() | _COMMON_S3).items()}
    else:
        known |= {code: (status, None) for code, status in COMMON[protocol_of(model)].items()}
    for shape in model.operation_model(operation).error_shapes:
        told = shape.metadata.get("error", {})
        # `fault` is in the model; botocore's Shape does not hand it on.
        by_default = 500 if shape._shape_model.get("fault") else 400
        by_default = _PAGES.get((service, shape.name), by_default)
        status = known.get(shape.name, (by_default,))[0] if service == "s3" else by_default
        known[told.get("code", shape.name)] = (told.get("httpStatusCode", status), shape)
    return known


@cache
def _s3_codes() -> dict[str, int]:
    """Codes and statuses as botocore's model of S3 has them in the text on `Error.Code`."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", model_of("s3").shape_for("Error").members["Code"].documentation))
    found = re.findall(r"Code:\s+(\w+)\s+Description:.*?HTTP Status Code:\s+(\d{3})", text)
    return {code: int(status) for code, status in found}


def code_problems(service: str, operation: str, status: int, code: str) -> Iterator[str]:
    """Of an error by its code and HTTP status."""
    known = known_errors(service, operation)
    if code not in known:
        yield f"the error {code!r} is none of {operation}'s"
    elif known[code][0] != status:
        yield f"the error {code} comes with status {status}, and the model says {known[code][0]}"


def error_problems(exchange: Exchange, operation: OperationModel) -> Iterator[str]:
    """Of an answer that tells of an error."""
    model = operation.service_model
    if exchange.method == "HEAD":
        yield from _head_problems(exchange, operation)
        return
    form = {"json": _json_error, "rest-json": _rest_json_error}.get(protocol_of(model), _xml_error)
    try:
        code, members, problems = form(exchange, model.service_name)
    except (ValueError, ET.ParseError) as error:
        yield f"the body of the error can't be read: {error}"
        return
    yield from problems
    yield from code_problems(model.service_name, operation.name, exchange.status, code)
    _, shape = known_errors(model.service_name, operation.name).get(code, (0, None))
    if members is not None:
        yield from _member_problems(shape, members)


def _head_problems(exchange: Exchange, operation: OperationModel) -> Iterator[str]:
    """An error without a body: its status is its code."""
    known = known_errors(operation.service_model.service_name, operation.name).values()
    if exchange.body:
        yield "the answer to a HEAD has a body"
    if exchange.status not in {status for status, _ in known}:
        yield f"no error of {operation.name} has the status {exchange.status}"


def _member_problems(shape: Shape | None, members: dict[str, Any]) -> Iterator[str]:
    """Of the error's own members. Whether the message is called `message` or `Message` differs within one service."""
    if not isinstance(members.get("message", members.get("Message", "")), str):
        yield "the error's message is no text"
    rest = {name: value for name, value in members.items() if name.lower() != "message"}
    if shape is None:
        yield from (f"the error has {name}, which no model knows" for name in rest)
        return
    message = next((name for name in shape.members if name.lower() == "message"), None)
    yield from json_problems(shape, rest | ({message: "..."} if message else {}), "the error")


# The protocols' forms: code, members (None where they are not JSON), problems


def _json_error(exchange: Exchange, service: str) -> tuple[str, dict | None, list[str]]:
    """awsJson: `__type` in the body, with or without a namespace before #."""
    body = json_of(exchange.body)
    if not isinstance(body, dict) or not isinstance(body.get("__type"), str):
        raise ValueError("no __type")
    version = model_of(service).metadata["jsonVersion"]
    kind, problems = exchange.headers.get("content-type", ""), []
    if kind.partition(";")[0] != f"application/x-amz-json-{version}":
        problems.append(f"the error's Content-Type is {kind!r}, not application/x-amz-json-{version}")
    return body.pop("__type").rpartition("#")[2], body, problems


def _rest_json_error(exchange: Exchange, service: str) -> tuple[str, dict | None, list[str]]:
    """restJson1: the header x-amzn-ErrorType, whose value may go on behind a colon."""
    body = json_of(exchange.body)
    if not isinstance(body, dict):
        raise ValueError("no object")
    code = exchange.headers.get("x-amzn-errortype", "").partition(":")[0]
    kind, problems = exchange.headers.get("content-type", ""), []
    if not code:
        problems.append("the error has no header x-amzn-ErrorType")
    if kind.partition(";")[0] != "application/json":
        problems.append(f"the error's Content-Type is {kind!r}, not application/json")
    return code, body, problems


def _xml_error(exchange: Exchange, service: str) -> tuple[str, dict | None, list[str]]:
    """restXml and awsQuery: Error in ErrorResponse, beside RequestId; S3's without that frame.

    "Many error responses contain additional structured data" ("REST error responses" of S3): further elements may be.
    """
    root, problems = ET.fromstring(exchange.body), []
    framed = service != "s3"
    error = next((each for each in root if tag_of(each) == "Error"), None) if framed else root
    if tag_of(root) != ("ErrorResponse" if framed else "Error") or error is None:
        raise ValueError(f"it begins with {tag_of(root)}")
    parts = {tag_of(part): part.text or "" for part in error}
    problems += [f"the error has no {name}" for name in ("Code", "Message") if name not in parts]
    outside = [tag_of(each) for each in root]
    if "RequestId" not in (outside if framed else parts):
        problems.append("the error has no RequestId")
    if framed:
        side = "Sender" if exchange.status < 500 else "Receiver"
        if parts.get("Type") != side:
            problems.append(
                f"the error's Type is {parts.get('Type')!r}, and with status {exchange.status} it is {side}"
            )
        strange = parts.keys() - {"Type", "Code", "Message", "Detail"}
        problems += [f"the error has {name}, which no model knows" for name in sorted(strange)]
    kind = exchange.headers.get("content-type", "").partition(";")[0]
    if kind not in ("application/xml", "text/xml"):
        problems.append(f"the error's Content-Type is {kind!r}, not XML's")
    return parts.get("Code", ""), None, problems
