"""SageMaker's wire protocol (JSON 1.1) for the endpoints that cloudformation.py brings up.

Every answer is checked against botocore's model of the operation before it is given.
"""

import json

import botocore.session
from botocore.validate import ParamValidator
from werkzeug.wrappers import Request, Response

ACCOUNT, REGION = "123456789012", "us-east-1"
CREATED = 1796371200  # 2026-12-04 08:00 UTC
DIGEST = "sha256:" + "0123456789abcdef" * 4


class SageMaker:
    """The service as a WSGI application. ``statuses`` are the next answers' statuses, the last one for good."""

    def __init__(self, cloudformation):
        self.cloudformation = cloudformation
        self.statuses = ["InService"]
        self.failure = None  # the endpoint's FailureReason
        self.model = botocore.session.get_session().get_service_model("sagemaker")

    def __call__(self, environ, start_response):
        request = Request(environ)
        operation = request.headers["X-Amz-Target"].removeprefix("SageMaker.")
        shape = self.model.operation_model(operation)
        given = json.loads(request.get_data())
        assert not ParamValidator().validate(given, shape.input_shape).has_errors()
        status, answer = getattr(self, operation)(**given)
        if status == 200:
            report = ParamValidator().validate(answer, shape.output_shape)
            assert not report.has_errors(), report.generate_report()
        return Response(json.dumps(answer), status, content_type="application/x-amz-json-1.1")(environ, start_response)

    def DescribeEndpoint(self, EndpointName):
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{EndpointName}"
        endpoint = self.cloudformation.endpoints.get(EndpointName)
        if endpoint is None:
            return 400, {"__type": "ValidationException", "message": f'Could not find endpoint "{arn}".'}
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        image = endpoint["model"]["PrimaryContainer"]["Image"]
        resolved = f"{image.rpartition(':')[0]}@{DIGEST}"
        variant = {
            "VariantName": endpoint["variant"]["VariantName"],
            "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": resolved, "ResolutionTime": CREATED}],
            "CurrentWeight": 1.0,
            "DesiredWeight": 1.0,
        }
        if "InitialInstanceCount" in endpoint["variant"]:
            count = int(endpoint["variant"]["InitialInstanceCount"])
            variant |= {"CurrentInstanceCount": count, "DesiredInstanceCount": count}
        return 200, {
            "EndpointName": EndpointName,
            "EndpointArn": arn,
            "EndpointConfigName": endpoint["config"],
            "EndpointStatus": status,
            "ProductionVariants": [variant],
            "CreationTime": CREATED,
            "LastModifiedTime": CREATED,
            **({"FailureReason": self.failure} if self.failure else {}),
        }
