"""A request and its answer as they are on the wire, and which of AWS's operations that is."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

SERVICES = {
    "states": "stepfunctions",
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
    "tagging": "resourcegroupstaggingapi",
}
"""botocore's names of services whose requests are signed for another one."""

_RUNTIMES = {"sagemaker": "/endpoints/", "bedrock": "/model/"}
"""Services that sign like their control planes, and how the paths of their operations begin."""

_SIGNED_FOR = re.compile(r"Credential=[^/,&\s]+/\d{8}/[\w-]*/(?P<service>[\w-]+)/aws4_request")


@dataclass(frozen=True)
class Exchange:
    """`path` and `query` as they were sent, percent-encoded. Names of headers are in small letters."""

    method: str
    path: str
    query: str
    sent: Mapping[str, str]
    request: bytes
    status: int
    headers: Mapping[str, str]
    body: bytes
    arguments: list[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        pairs = parse_qsl(self.query.replace("+", "%2B"), keep_blank_values=True)
        object.__setattr__(self, "arguments", pairs)

    @property
    def service(self) -> str:
        """botocore's name of the service that the request is signed for, in its header or its query; empty if none."""
        signed = dict(self.arguments).get("X-Amz-Credential", "")
        found = _SIGNED_FOR.search(self.sent.get("authorization", "") or f"Credential={signed}")
        name = found["service"] if found else ""
        if name in _RUNTIMES and self.path.startswith(_RUNTIMES[name]):
            return f"{name}-runtime"
        return SERVICES.get(name, name)


@cache
def model_of(service: str) -> ServiceModel:
    """A service as botocore describes it: no client has taken the bucket out of the paths of this one, as S3's do."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def operation_of(exchange: Exchange, service: str) -> OperationModel | None:
    """The operation that a request calls; None if the service has none like it."""
    model = model_of(service)
    if protocol_of(model) == "query":
        name = dict(parse_qsl(exchange.request.decode())).get("Action", "")
    elif "x-amz-target" in exchange.sent:
        prefix, _, name = exchange.sent["x-amz-target"].rpartition(".")
        name = name if prefix == model.metadata["targetPrefix"] else ""
    else:
        name = _by_address(exchange, service)
    return model.operation_model(name) if name in model.operation_names else None


def protocol_of(model: ServiceModel) -> str:
    """The one that botocore speaks, of those that a service has."""
    return model.resolved_protocol


def labels_of(exchange: Exchange, operation: OperationModel) -> dict[str, str]:
    """What the address says for each part in braces of the operation's."""
    return _matched(_address(operation.http["requestUri"])[0], exchange.path) or {}


def _by_address(exchange: Exchange, service: str) -> str:
    """Of the operations with this method and path the one of whose query and required headers most are there."""
    names, best, most = {name for name, _ in exchange.arguments}, "", -1
    for name, (method, pattern, fixed, required) in _addresses(service).items():
        if method != exchange.method or _matched(pattern, exchange.path) is None:
            continue
        there = [pair in exchange.arguments or (not pair[1] and pair[0] in names) for pair in fixed]
        there += [each in (names if where == "querystring" else exchange.sent) for where, each in required]
        if all(there) and len(there) > most:
            best, most = name, len(there)
    return best


@cache
def _addresses(service: str) -> dict[str, tuple[str, re.Pattern, tuple, tuple]]:
    """Method, path, fixed arguments, and required arguments and headers of each operation."""
    model, found = model_of(service), {}
    operations = {name: model.operation_model(name) for name in model.operation_names}
    for name, operation in sorted(operations.items(), key=lambda each: each[1].deprecated):  # of equal ones the first
        members = operation.input_shape.members if operation.input_shape else {}
        required = tuple(
            (member.serialization["location"], member.serialization["name"].lower())
            if member.serialization["location"] == "header"
            else ("querystring", member.serialization["name"])
            for key, member in members.items()
            if key in operation.input_shape.required_members
            and member.serialization.get("location") in ("header", "querystring")
        )
        found[name] = (operation.http["method"], *_address(operation.http["requestUri"]), required)
    return found


def _address(uri: str) -> tuple[re.Pattern, tuple]:
    path, _, query = uri.partition("?")
    parts = re.split(r"\{(\w+)(\+?)\}", path)
    pattern = re.escape(parts[0])
    for name, greedy, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        pattern += f"(?P<{name}>{'.+' if greedy else '[^/]+'}){re.escape(literal)}"
    return re.compile(pattern.removesuffix("/") + "/?"), tuple(parse_qsl(query, keep_blank_values=True))


def _matched(pattern: re.Pattern, path: str) -> dict[str, str] | None:
    found = pattern.fullmatch(path)
    return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


def json_of(body: bytes) -> Any:
    """A body in JSON. Raises ValueError."""
    return json.loads(body) if body else {}
