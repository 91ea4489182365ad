"""CloudFormation's wire protocol around one kind of stack: sam_model/endpoint.yaml, or paint_model/endpoint.yaml.

moto's CloudFormation does not look at a template's conditions again when a stack is updated, and that is how the
endpoint comes and goes. This one renders the template with the parameters given and brings the endpoint there, by the
rules of AWS that a deployment runs into:

* a parameter that an update doesn't name falls back to the template's default
* an update that changes nothing is refused; one that fails is rolled back and leaves its reason among the events
* Model and EndpointConfig are replaced when they change, the endpoint is updated and keeps its name
* the instance type of a variant that scales can't be changed; nor can instances become serverless, or the reverse
* a bucket that holds objects can't be deleted
"""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import boto3
from werkzeug.wrappers import Request, Response

from local.template.document import TemplateError, read
from local.template.intrinsics import Template

REGION = "us-east-1"
REQUEST_ID = "<RequestId>b9b4b068-3a41-11e5-94eb-example</RequestId>"
STAMP = datetime(2026, 12, 5, 8, tzinfo=UTC).isoformat()


class Refused(Exception):
    """An answer with HTTP 400 and the code ValidationError."""


class Failed(Exception):
    """A resource could not be brought where the template wants it: its name and the reason."""


def render(path, parameters, stack="photo-booth-sam-dev", bucket="bucket", region=REGION):
    """The template's resources that these parameters bring about: properties by logical id, functions worked out."""
    names = {
        "Bucket": bucket,
        "Bucket.Arn": f"arn:aws:s3:::{bucket}",
        "Log": f"/aws/sagemaker/Endpoints/{stack}",
        "Role.Arn": "arn:aws:iam::123456789012:role/role",
        "SchedulerRole.Arn": "arn:aws:iam::123456789012:role/scheduler",
        "Endpoint.EndpointName": stack,
        "Target": "target",
        "ServerErrors": f"{stack}-server-errors",
        "Slow": f"{stack}-slow",
    }
    reader = Template(Path(path), stack, region, parameters, names)
    rendered = {}
    for name, resource in reader.resources.items():  # in the file's order, in which Model precedes EndpointConfig
        rendered[name] = properties = reader.resolve(resource.get("Properties", {}))
        made = f"{name}-{hashlib.sha256(json.dumps(properties).encode()).hexdigest()[:12]}"
        names |= {f"{name}.{name}Name": made} if name in ("Model", "EndpointConfig") else {}
    return rendered


class CloudFormation:
    """The service as a WSGI application. ``endpoints`` is what exists: by name its configuration and model."""

    def __init__(self, folder):
        self.path = folder / "deployed.yaml"
        self.stacks, self.endpoints = {}, {}
        self.history = []  # what happened to endpoints: ("created" | "updated" | "deleted", configuration's name)
        self.fail_next_endpoint = None  # a reason

    def __call__(self, environ, start_response):
        request = dict(parse_qsl(Request(environ).get_data(as_text=True), keep_blank_values=True))
        action = request["Action"]
        try:
            body = getattr(self, action)(request)
        except Refused as error:
            said = f"<Code>ValidationError</Code><Message>{escape(str(error))}</Message>"
            text = f"<ErrorResponse><Error><Type>Sender</Type>{said}</Error>{REQUEST_ID}</ErrorResponse>"
            return Response(text, 400, content_type="text/xml")(environ, start_response)
        result = "" if body is None else f"<{action}Result>{body}</{action}Result>"
        metadata = f"<ResponseMetadata>{REQUEST_ID}</ResponseMetadata>"
        text = f"<{action}Response>{result}{metadata}</{action}Response>"
        return Response(text, content_type="text/xml")(environ, start_response)

    def CreateStack(self, request):
        name = request["StackName"]
        self.path.write_text(request["TemplateBody"])
        stack = {"bucket": f"{name}-bucket-1", "status": "CREATE_COMPLETE", "events": [], "rendered": {}}
        self._apply(name, stack, self._parameters(request, {}))
        boto3.client("s3").create_bucket(Bucket=stack["bucket"])
        self.stacks[name] = stack
        return f"<StackId>{name}</StackId>"

    def UpdateStack(self, request):
        name = request["StackName"]
        stack = self._stack(name)
        if "CAPABILITY_IAM" not in request.values():
            raise Refused("Requires capabilities : [CAPABILITY_IAM]")
        if request.get("UsePreviousTemplate") != "true":
            self.path.write_text(request["TemplateBody"])
        parameters = self._parameters(request, stack["parameters"])
        if parameters == stack["parameters"]:
            raise Refused("No updates are to be performed.")
        stack["events"].insert(0, (name, "UPDATE_IN_PROGRESS", "User Initiated"))
        try:
            self._apply(name, stack, parameters)
            stack["status"] = "UPDATE_COMPLETE"
        except Failed as error:
            stack["events"].insert(0, (error.args[0], "UPDATE_FAILED", error.args[1]))
            stack["events"].insert(0, ("Target", "UPDATE_FAILED", "Resource update cancelled"))
            stack["status"] = "UPDATE_ROLLBACK_COMPLETE"
        return f"<StackId>{name}</StackId>"

    def DeleteStack(self, request):
        stack = self.stacks.get(request["StackName"])
        if stack:
            boto3.client("s3").delete_bucket(Bucket=stack["bucket"])  # moto refuses if it is not empty
            if self.endpoints.pop(request["StackName"], None):
                self.history.append(("deleted", None))
            del self.stacks[request["StackName"]]

    def DescribeStacks(self, request):
        name = request["StackName"]
        stack = self._stack(name)
        outputs = {"BucketName": stack["bucket"]} | ({"EndpointName": name} if name in self.endpoints else {})
        return (
            f"<Stacks><member><StackName>{name}</StackName><CreationTime>{STAMP}</CreationTime>"
            f"<StackStatus>{stack['status']}</StackStatus>"
            f"<Parameters>{_members('Parameter', stack['parameters'])}</Parameters>"
            f"<Outputs>{_members('Output', outputs)}</Outputs></member></Stacks>"
        )

    def DescribeStackEvents(self, request):
        members = "".join(
            f"<member><StackId>1</StackId><EventId>1</EventId><StackName>1</StackName><Timestamp>{STAMP}</Timestamp>"
            f"<LogicalResourceId>{name}</LogicalResourceId><ResourceStatus>{status}</ResourceStatus>"
            f"<ResourceStatusReason>{reason}</ResourceStatusReason></member>"
            for name, status, reason in self._stack(request["StackName"])["events"]
        )
        return f"<StackEvents>{members}</StackEvents>"

    def _stack(self, name):
        if name not in self.stacks:
            raise Refused(f"Stack with id {name} does not exist")
        return self.stacks[name]

    def _parameters(self, request, before):
        """Every parameter of the template with its value, as a request names them."""
        declared = read(self.path)["Parameters"]
        values = {name: str(value["Default"]) for name, value in declared.items() if "Default" in value}
        number = 1
        while f"Parameters.member.{number}.ParameterKey" in request:
            head = f"Parameters.member.{number}"
            key = request[f"{head}.ParameterKey"]
            previous = request.get(f"{head}.UsePreviousValue") == "true"
            values[key] = before[key] if previous else request[f"{head}.ParameterValue"]
            number += 1
        return values

    def _apply(self, name, stack, parameters):
        try:
            rendered = render(self.path, parameters, name, stack["bucket"])
        except TemplateError as error:
            raise Refused(str(error)) from error
        if "Endpoint" in rendered:
            self._bring(name, stack["rendered"], rendered)
        elif self.endpoints.pop(name, None):
            self.history.append(("deleted", None))
        stack |= {"rendered": rendered, "parameters": parameters}

    def _bring(self, name, before, wanted):
        [variant] = wanted["EndpointConfig"]["ProductionVariants"]
        now = self.endpoints.get(name)
        if now:
            kind, old_kind = (item.get("InstanceType") for item in (variant, now["variant"]))
            if kind != old_kind and ("Target" in before or None in (kind, old_kind)):
                raise Failed("Endpoint", f"Cannot change {old_kind} into {kind}")
        if self.fail_next_endpoint:
            reason, self.fail_next_endpoint = self.fail_next_endpoint, None
            raise Failed("Endpoint", reason)
        config = wanted["Endpoint"]["EndpointConfigName"]
        if now is None or now["config"] != config:
            self.history.append(("updated" if now else "created", config))
        self.endpoints[name] = {"config": config, "variant": variant, "model": wanted["Model"]}


def _members(kind, values):
    """A list of keys and values in XML, as CloudFormation writes parameters and outputs."""
    return "".join(
        f"<member><{kind}Key>{name}</{kind}Key><{kind}Value>{escape(value)}</{kind}Value></member>"
        for name, value in values.items()
    )
