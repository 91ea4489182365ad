"""The judge of the wire: a request and its answer, held against botocore's model of the operation.

botocore's models are AWS's own. Here they are read as they are, not by botocore's parser or validator, which overlook
most, and not by moto, which answers. What they can't say: docs/decisions/0029-judges.md.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

from botocore.model import OperationModel, Shape

from tests.support.judges.errors import error_problems
from tests.support.judges.exchanges import Exchange, json_of, labels_of, operation_of, protocol_of
from tests.support.judges.shapes import form_problems, json_problems, tag_of, text_problems, tree_of, xml_problems

_SENT_BESIDE = {
    "x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-target", "x-amz-user-agent",
    "x-amzn-query-mode", "x-amzn-trace-id", "x-amz-decoded-content-length", "x-amz-trailer",
    "x-amz-sdk-checksum-algorithm",
}  # fmt: skip
"""Headers of the signature, the protocol and chunked bodies, which no model of an operation has ("Common request
headers" of S3's API reference, Smithy's awsJson and awsQuery)."""

_CHECKSUM = ("x-amz-checksum-",)
"""How the header begins that an operation takes with the model's trait httpChecksum."""

_SIGNATURE = "x-amz-"
"""How the arguments of a presigned URL begin; `x-id` names the operation to caches."""

_HTTP = {
    "connection", "content-encoding", "content-length", "content-type", "date", "keep-alive", "server",
    "transfer-encoding", "vary", "accept-ranges",
}  # fmt: skip
"""Headers of HTTP itself (RFC 9110), which any answer may have."""

_ANSWERED_BESIDE = {
    "x-amzn-requestid", "x-amz-request-id", "x-amz-id-2", "x-amz-crc32", "x-amzn-errortype", "x-amzn-trace-id",
    "x-amz-server-side-encryption",
}  # fmt: skip
"""What services tell with any answer: "Common response headers" of S3, x-amz-crc32 of DynamoDB's low-level API."""


def problems(exchange: Exchange, service: str = "") -> list[str]:
    """What is wrong with an exchange, as sentences that begin with the operation.

    Args:
        service: botocore's name; by default the one that the request is signed for.
    """
    service = service or exchange.service
    operation = operation_of(exchange, service)
    if operation is None:
        return [f"{service}: no operation is called by {exchange.method} {exchange.path}"]
    found = [f"asks: {each}" for each in request_problems(exchange, operation)] if exchange.status < 400 else []
    found += [f"answers {exchange.status}: {each}" for each in answer_problems(exchange, operation)]
    return [f"{service} {operation.name} {each}" for each in found]


# Requests


def request_problems(exchange: Exchange, operation: OperationModel) -> Iterator[str]:
    """Of a request that was taken: one that is refused may be wrong."""
    shape, protocol = operation.input_shape, protocol_of(operation.service_model)
    if protocol == "json":
        yield from _json_body(shape, exchange.request, "the request")
    elif protocol == "query":
        fields = [pair for pair in parse_qsl(exchange.request.decode(), keep_blank_values=True)]
        tree = tree_of([pair for pair in fields if pair[0] not in ("Action", "Version")])
        if ("Version", operation.service_model.api_version) not in fields:
            yield f"the Version is not {operation.service_model.api_version}"
        yield from form_problems(shape, tree, "the request") if shape else ()
    else:
        yield from _rest_request(exchange, operation)


def _rest_request(exchange: Exchange, operation: OperationModel) -> Iterator[str]:
    shape = operation.input_shape
    members = shape.members if shape else {}
    yield from _arguments(exchange, operation, members)
    yield from _sent_headers(exchange, members, _CHECKSUM if operation.http_checksum else ())
    for name, value in labels_of(exchange, operation).items():
        member = next(m for n, m in members.items() if m.serialization.get("name", n) == name)
        yield from text_problems(member, value, name)
    yield from _required_outside(shape, _filled(exchange.sent), {name for name, _ in exchange.arguments})
    if shape:
        yield from _body(shape, exchange.request, protocol_of(operation.service_model), "the request")


def _arguments(exchange: Exchange, operation: OperationModel, members: dict[str, Shape]) -> Iterator[str]:
    known = {m.serialization["name"]: m for m in members.values() if m.serialization.get("location") == "querystring"}
    fixed = {name for name, _ in parse_qsl(operation.http["requestUri"].partition("?")[2], keep_blank_values=True)}
    for name, value in exchange.arguments:
        if name in known:
            member = known[name]
            yield from text_problems(member.member if member.type_name == "list" else member, value, name)
        elif name not in fixed | {"x-id"} and not name.lower().startswith(_SIGNATURE):
            yield f"the argument {name} is none of {operation.name}'s"


def _sent_headers(exchange: Exchange, members: dict[str, Shape], more: tuple[str, ...]) -> Iterator[str]:
    known, prefixes = _headers_of(members)
    for name, value in exchange.sent.items():
        if name in known:
            yield from text_problems(known[name], value, name, time="rfc822")
        elif (
            name.startswith(("x-amz-", "x-amzn-")) and name not in _SENT_BESIDE and not name.startswith(prefixes + more)
        ):
            yield f"the header {name} is none of the operation's"


def _headers_of(members: dict[str, Shape]) -> tuple[dict[str, Shape], tuple[str, ...]]:
    """The members that are headers, and how the names of those begin that are many."""
    known, prefixes = {}, []
    for name, member in members.items():
        written = member.serialization.get("name", name).lower()
        if member.serialization.get("location") == "header":
            known[written] = member
        elif member.serialization.get("location") == "headers":
            prefixes.append(written)
    return known, tuple(prefixes)


def _filled(headers: Mapping[str, str]) -> set[str]:
    """The names of the headers that say something."""
    return {name for name, value in headers.items() if value}


def _required_outside(shape: Shape | None, headers: object, arguments: object) -> Iterator[str]:
    """Of the members that are neither in the body nor in the path."""
    for name in shape.required_members if shape else ():
        place = shape.members[name].serialization
        there = {"header": headers, "querystring": arguments}.get(place.get("location"))
        written = place.get("name", name)
        if there is not None and written not in there and written.lower() not in there:
            yield f"{written} is missing, which {shape.name} requires"


# Answers


def answer_problems(exchange: Exchange, operation: OperationModel) -> Iterator[str]:
    """Of an answer, be it the output or an error."""
    if exchange.status >= 300:
        yield from error_problems(exchange, operation)
        return
    members = operation.output_shape.members if operation.output_shape else {}
    yield from _status(exchange, operation, members)
    if protocol_of(operation.service_model) in ("rest-json", "rest-xml"):
        yield from _answered_headers(exchange, members)
        yield from _required_outside(operation.output_shape, _filled(exchange.headers), None)
    if exchange.method != "HEAD":
        yield from _output(exchange, operation)


def _status(exchange: Exchange, operation: OperationModel, members: dict[str, Shape]) -> Iterator[str]:
    right = operation.http.get("responseCode", 200)
    is_part = exchange.status == 206 and "range" in exchange.sent and "content-range" in exchange.headers
    is_told = any(member.serialization.get("location") == "statusCode" for member in members.values())
    if exchange.status != right and not is_part and not is_told:
        yield f"the model says {right}"


def _answered_headers(exchange: Exchange, members: dict[str, Shape]) -> Iterator[str]:
    known, prefixes = _headers_of(members)
    for name, value in exchange.headers.items():
        if name in known:
            yield from text_problems(known[name], value, name, time="rfc822")
        elif name.startswith(("access-control-", *prefixes)):  # a bucket's rules make the former for a browser
            continue
        elif name not in _HTTP | _ANSWERED_BESIDE:
            yield f"the header {name} is none of the operation's"


def _output(exchange: Exchange, operation: OperationModel) -> Iterator[str]:
    shape, protocol = operation.output_shape, protocol_of(operation.service_model)
    if protocol == "json":
        yield from _json_answer(exchange, operation)
    elif protocol == "query":
        yield from _query_answer(exchange, operation)
    elif shape is None:
        if exchange.body.strip() not in (b"", b"{}"):
            yield "there is a body, and the operation has no output"
    else:
        yield from _body(shape, exchange.body, protocol, "the answer")


def _json_answer(exchange: Exchange, operation: OperationModel) -> Iterator[str]:
    kind = exchange.headers.get("content-type", "").partition(";")[0]
    right = f"application/x-amz-json-{operation.service_model.metadata['jsonVersion']}"
    if kind != right:
        yield f"the Content-Type is {kind!r}, not {right}"
    yield from _json_body(operation.output_shape, exchange.body, "the answer")


def _query_answer(exchange: Exchange, operation: OperationModel) -> Iterator[str]:
    """<ActionResponse>, in it <ActionResult> if there is an output, and <ResponseMetadata> with the request's id."""
    try:
        root = ET.fromstring(exchange.body)
    except ET.ParseError as error:
        yield f"the body is no XML: {error}"
        return
    if tag_of(root) != f"{operation.name}Response":
        yield f"the body begins with {tag_of(root)}, not {operation.name}Response"
    parts = {tag_of(part): part for part in root}
    metadata = parts.pop("ResponseMetadata", None)
    if metadata is None or [tag_of(each) for each in metadata] != ["RequestId"]:
        yield "there is no ResponseMetadata with a RequestId"
    shape = operation.output_shape
    wrapper = shape.serialization.get("resultWrapper") if shape else None
    if parts.keys() != ({wrapper} if wrapper else set()):
        yield f"there is {', '.join(parts) or 'nothing'} in place of {wrapper or 'nothing'}"
    elif wrapper:
        yield from xml_problems(shape, parts[wrapper], "the answer")


# Bodies


def _json_body(shape: Shape | None, body: bytes, where: str) -> Iterator[str]:
    try:
        value = json_of(body)
    except ValueError:
        yield f"{where} is no JSON"
        return
    if shape is not None:
        yield from json_problems(shape, value, where)
    elif value:
        yield f"{where} has a body, and the operation's has none"


def _body(shape: Shape, body: bytes, protocol: str, where: str) -> Iterator[str]:
    """Of the part of a REST service's message that is in its body."""
    payload = shape.serialization.get("payload")
    if payload and shape.members[payload].type_name in ("blob", "string"):
        yield from _bytes(shape.members[payload], body, where)
        return
    inside = _Inside(shape.members[payload] if payload else shape)
    if protocol == "rest-json":
        yield from _json_body(inside if inside.members else None, body, where)
    elif not body:
        if payload and payload in shape.required_members:
            yield f"{where} has no {payload}, which {shape.name} requires"
    elif not inside.members:
        yield f"{where} has a body, and the operation's has none"
    else:
        yield from _xml_body(inside, body, where)


def _bytes(shape: Shape, body: bytes, where: str) -> Iterator[str]:
    """A body that is the value itself."""
    longest = shape.metadata.get("max")
    if longest is not None and len(body) > longest:
        yield f"{where} has {len(body)} bytes, more than {longest} of {shape.name}"


def _xml_body(shape: Shape, body: bytes, where: str) -> Iterator[str]:
    try:
        node = ET.fromstring(body)
    except ET.ParseError as error:
        yield f"{where} is no XML: {error}"
        return
    yield from xml_problems(shape, node, where)


class _Inside:
    """A structure without its members that are outside of the body."""

    def __init__(self, shape: Shape):
        self._shape = shape
        self.members = {name: each for name, each in shape.members.items() if "location" not in each.serialization}
        self.required_members = [name for name in shape.required_members if name in self.members]

    def __getattr__(self, name: str) -> object:
        return getattr(self._shape, name)
