"""Identity and access: which AWS calls a request makes, and whether its caller's policies allow them.

Each function calls with an access key of its own, as each has a role of its own on AWS; the template's statements
decide. Callers without statements (the operator, the tests, Step Functions' own calls) may do everything.

`calls_of` is the reviewed table of operations and actions. Sources: the Service Authorization Reference's page of each
service, and "Policy evaluation logic" of IAM. Resource policies, boundaries and session policies are not imitated.
"""

import fnmatch
import io
import json
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import unescape

from werkzeug.wrappers import Request, Response

from local.account import ACCOUNT
from local.aws_errors import error

_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[\w-]+)/(?P<service>[\w-]+)/aws4_request")


class PolicyError(ValueError):
    """A statement holds something that is not understood here; the message names it."""


@dataclass(frozen=True)
class Call:
    """One action on one resource (an ARN, or * where the service knows none), with the condition keys it carries."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


def caller_of(request: Request) -> tuple[str, str]:
    """Access key id and Region that a request was signed with, in its header or its query; empty if in none."""
    text = request.headers.get("Authorization") or "Credential=" + request.args.get("X-Amz-Credential", "")
    match = _CREDENTIAL.search(text)
    return (match["key"], match["region"]) if match else ("", "")


# From a request to its calls


def calls_of(request: Request, body: bytes, region: str) -> list[Call]:
    """The calls that a request to any service but S3 makes."""
    target = request.headers.get("X-Amz-Target", "")
    if target:
        prefix, _, operation = target.rpartition(".")
        if prefix not in _TARGETS:
            return _unknown(target)
        return _TARGETS[prefix](operation, json.loads(body), region)
    path = unquote(request.path)
    for pattern, make in _PATHS:
        if match := re.fullmatch(pattern, path):
            return make(match[1], region)
    return _unknown(f"{request.method} {path}")


_TAGGING = {
    "GET": "s3:GetObjectTagging",
    "PUT": "s3:PutObjectTagging",
    "DELETE": "s3:DeleteObjectTagging",
}


def s3_calls(request: Request, body: bytes) -> list[Call]:
    """The calls that a path-style request to S3 makes."""
    bucket, _, key = unquote(request.path).lstrip("/").partition("/")
    at, names = f"arn:aws:s3:::{bucket}", set(request.args)
    version = "Version" if "versionId" in names else ""
    if key:
        if names == {"tagging"} and request.method in _TAGGING:
            return [Call(_TAGGING[request.method], f"{at}/{key}")]
        action = {
            "GET": f"s3:GetObject{version}",
            "HEAD": f"s3:GetObject{version}",
            "PUT": "s3:PutObject",
            "DELETE": f"s3:DeleteObject{version}",
        }.get(request.method)
        if action is None or names & {"acl", "tagging", "uploads", "uploadId"}:
            return _unknown(f"s3 {request.method} object {sorted(names)}")
        return [Call(action, f"{at}/{key}"), *_copied(request)]
    if request.method == "POST" and "delete" in names:
        return [
            Call(
                "s3:DeleteObjectVersion" if "<VersionId>" in each else "s3:DeleteObject",
                f"{at}/{_element(each, 'Key')}",
            )
            for each in re.findall(r"<Object>(.*?)</Object>", body.decode(), re.DOTALL)
        ]
    if request.method in ("GET", "HEAD") and not names & {"policy", "cors", "versioning"}:
        return [Call("s3:ListBucketVersions" if "versions" in names else "s3:ListBucket", at)]
    return _unknown(f"s3 {request.method} bucket {sorted(names)}")


def _copied(request: Request) -> list[Call]:
    """The call on the object that CopyObject copies; none of any other request. An untagged one, as uploads are."""
    source = request.headers.get("X-Amz-Copy-Source", "")
    path, _, version = source.partition("?versionId=")
    action = "s3:GetObjectVersion" if version else "s3:GetObject"
    return [Call(action, f"arn:aws:s3:::{unquote(path).lstrip('/')}")] if source else []


def _unknown(what: str) -> list[Call]:
    """A call that is not in the table: refused. Whoever needs it adds it, after a look at the reference."""
    return [Call(f"unknown:{what}", "*")]


def _element(xml: str, name: str) -> str:
    found = re.search(rf"<{name}>(.*?)</{name}>", xml, re.DOTALL)
    return unescape(found[1]) if found else ""


def _arn(service: str, region: str, rest: str) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{rest}"


def _dynamodb(operation: str, body: dict, region: str) -> list[Call]:
    if operation == "TransactWriteItems":  # no action of its own: those of its parts
        actions = {
            "Put": "PutItem",
            "Update": "UpdateItem",
            "Delete": "DeleteItem",
            "ConditionCheck": "ConditionCheckItem",
        }
        parts = [part for item in body["TransactItems"] for part in item.items()]
        return [call for kind, part in parts for call in _dynamodb(actions[kind], part, region)]
    if operation not in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "ConditionCheckItem"):
        return _unknown(f"dynamodb {operation}")
    index = f"/index/{body['IndexName']}" if "IndexName" in body else ""
    return [Call(f"dynamodb:{operation}", _arn("dynamodb", region, f"table/{body['TableName']}{index}"))]


def _states(operation: str, body: dict, region: str) -> list[Call]:
    return [Call(f"states:{operation}", body.get("stateMachineArn") or body["executionArn"])]


def _events(operation: str, body: dict, region: str) -> list[Call]:
    buses = {entry.get("EventBusName", "default") for entry in body["Entries"]}
    return [Call(f"events:{operation}", _arn("events", region, f"event-bus/{bus}")) for bus in sorted(buses)]


def _model(model: str, region: str) -> list[Call]:
    """InvokeModel on a model; on a geographic inference profile: on it, and on the model in each of its Regions."""
    geography, _, rest = model.partition(".")
    if geography not in _GEOGRAPHIES:
        return [Call("bedrock:InvokeModel", f"arn:aws:bedrock:{region}::foundation-model/{model}")]
    profile = _arn("bedrock", region, f"inference-profile/{model}")
    return [
        Call("bedrock:InvokeModel", profile),
        *(
            Call(
                "bedrock:InvokeModel",
                f"arn:aws:bedrock:{each}::foundation-model/{rest}",
                (("bedrock:InferenceProfileArn", profile),),
            )
            for each in _GEOGRAPHIES[geography]
        ),
    ]


_GEOGRAPHIES = {"us": ("us-east-1", "us-east-2", "us-west-2")}
_TARGETS = {
    "DynamoDB_20120810": _dynamodb,
    "AWSStepFunctions": _states,
    "AWSEvents": _events,
    "AmazonSSM": lambda name, body, region: [
        Call(f"ssm:{name}", _arn("ssm", region, f"parameter/{body['Name'].lstrip('/')}"))
    ],
    "RekognitionService": lambda name, body, region: [Call(f"rekognition:{name}", "*")],
    "secretsmanager": lambda name, body, region: [Call(f"secretsmanager:{name}", body["SecretId"])],
}
_PATHS = (
    (r"/endpoints/([^/]+)/invocations", lambda name, region: [
        Call("sagemaker:InvokeEndpoint", _arn("sagemaker", region, f"endpoint/{name.lower()}"))  # whatever its name
    ]),
    (r"/model/(.+)/invoke", _model),
    (r"/2015-03-31/functions/(.+)/invocations", lambda name, region: [Call("lambda:InvokeFunction", name)]),
    (r"/2020-05-31/distribution/([^/]+)/invalidation", lambda name, region: [
        Call("cloudfront:CreateInvalidation", f"arn:aws:cloudfront::{ACCOUNT}:distribution/{name}")
    ]),
)  # fmt: skip


# From a call to its answer


def allows(statements: Iterable[Mapping[str, Any]], call: Call) -> bool:
    """Whether identity-based statements allow a call: some statement allows it and none denies it."""
    effects = {statement["Effect"] for statement in statements if applies(statement, call)}
    return effects == {"Allow"}


def applies(statement: Mapping[str, Any], call: Call) -> bool:
    """Whether a statement speaks of a call. Raises PolicyError for what is not understood here."""
    if unknown := statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}:
        raise PolicyError(f"{', '.join(sorted(unknown))} in a statement")
    return (
        any(matches(pattern.lower(), call.action.lower()) for pattern in as_list(statement["Action"]))
        and any(matches(pattern, call.resource) for pattern in as_list(statement["Resource"]))
        and all(
            _condition(operator, keys, dict(call.context)) for operator, keys in statement.get("Condition", {}).items()
        )
    )


def _condition(operator: str, keys: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    if operator not in ("StringEquals", "StringLike", "ArnEquals", "ArnLike"):
        raise PolicyError(f"the condition operator {operator}")
    same = (lambda pattern, value: pattern == value) if operator == "StringEquals" else matches
    # A key that the request does not carry matches nothing.
    return all(
        key in context and any(same(value, context[key]) for value in as_list(wanted)) for key, wanted in keys.items()
    )


def matches(pattern: str, text: str) -> bool:
    """IAM's wildcards: * is any text, ? any character; brackets stand for themselves."""
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def as_list(value: Any) -> list:
    return value if isinstance(value, list) else [value]


@dataclass
class Authority:
    """Decides for a set of functions, and keeps what each called. Threads may share it.

    Attributes:
        statements: the Allow and Deny statements of each function's role, by access key id.
        names: the function's name by access key id.
        made: the calls that were allowed, as (function's name, call).
        refused: the calls that were not.
        counts: how many were allowed, by function's name and action.
    """

    statements: dict[str, list[dict]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    made: set[tuple[str, Call]] = field(default_factory=set)
    refused: set[tuple[str, Call]] = field(default_factory=set)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refusal(self, key: str, calls: Iterable[Call]) -> str | None:
        """AWS's sentence for the first call that the holder of an access key may not make; None if it may make all."""
        if key not in self.statements:
            return None
        name = self.names[key]
        for call in calls:
            allowed = self.may(key, call)
            with self._lock:
                (self.made if allowed else self.refused).add((name, call))
                self.counts[name, call.action] += allowed
            if not allowed:
                return (
                    f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}Role/{name} is not authorized to perform: "
                    f"{call.action} on resource: {call.resource} because no identity-based policy allows the "
                    f"{call.action} action"
                )
        return None

    def calls(self, kind: str) -> set[tuple[str, Call]]:
        """What was allowed ("made") or not ("refused"), as (function's name, call)."""
        with self._lock:
            return set({"made": self.made, "refused": self.refused}[kind])

    def record(self) -> dict[str, list]:
        """What was allowed and what refused, as [function's name, action, resource, condition keys], for JSON."""
        return {
            kind: [[name, call.action, call.resource, call.context] for name, call in sorted(calls, key=repr)]
            for kind, calls in ((kind, self.calls(kind)) for kind in ("made", "refused"))
        }

    def to_json(self) -> bytes:
        """The statements and names that it decides by, for another process."""
        return json.dumps({"statements": self.statements, "names": self.names}).encode()

    def decide_like(self, text: bytes) -> None:
        """From now on it decides like the one that made the text (`to_json`). Its record stays."""
        told = json.loads(text)
        self.statements, self.names = told["statements"], told["names"]

    def may(self, key: str, call: Call) -> bool:
        """Whether the holder of an access key may make a call."""
        return key not in self.statements or allows(self.statements[key], call)


def refused(authority: Authority, request: Request) -> Response | None:
    """The answer to a request (not to S3) that its caller's policies do not allow, as the services word it."""
    key, region = caller_of(request)
    if key not in authority.statements:
        return None
    body = request.get_data()
    request.environ["wsgi.input"] = io.BytesIO(body)  # for whoever answers it
    message = authority.refusal(key, calls_of(request, body, region))
    if message is None:
        return None
    # The services that are asked by X-Amz-Target have one status for all errors of the caller's.
    is_xml = request.path.startswith("/2020-05-31/")
    code = "AccessDenied" if is_xml else "AccessDeniedException"
    return error(request, 400 if "X-Amz-Target" in request.headers else 403, code, message)
