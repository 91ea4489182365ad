"""Control planes' wire protocols as far as `make preflight` asks them: Bedrock, Service Quotas, SageMaker, Lambda."""

import json
from urllib.parse import unquote

from werkzeug.wrappers import Request, Response

TITAN = "amazon.titan-image-generator-v2:0"
INPAINT = "stability.stable-image-inpaint-v1:0"
ACTIVE = {"status": "ACTIVE"}
ENDED = {"status": "LEGACY", "endOfLifeTime": "2026-06-30T00:00:00Z"}
GRANTED = {
    "agreementAvailability": {"status": "AVAILABLE"},
    "authorizationStatus": "AUTHORIZED",
    "entitlementAvailability": "AVAILABLE",
    "regionAvailability": "AVAILABLE",
}


UNRESOLVED = "Could not resolve the foundation model from the provided model identifier."


class ControlPlane:
    """An AWS account as the control planes tell of it. What is not there, or denied, is answered as AWS does."""

    def __init__(self):
        self.models = {
            TITAN: ("Titan Image Generator G1 v2", ENDED),
            INPAINT: ("Stable Image Inpaint", ACTIVE),
        }
        self.access = {TITAN: GRANTED, INPAINT: GRANTED}
        self.quotas = {
            "On-demand model inference requests per minute for Amazon Titan Image Generator G1": 5.0,
            "On-demand model inference requests per minute for Amazon Titan Image Generator G1 V2": 60.0,
            "On-demand model inference requests per minute for Stability AI Stable Image Inpaint": 3.0,
            "Cross-region model inference requests per minute for Stability AI Stable Image Inpaint V1": 20.0,
            "Cross-region model inference tokens per minute for Stability AI Stable Image Inpaint V1": 1.0,
        }
        self.instances = {"ml.c7i.xlarge for training job usage": 20.0, "ml.c7i.xlarge for endpoint usage": 4.0}
        self.executions = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900}
        self.endpoints = {"sam": "InService", "photo-booth-sam-dev": "InService", "paint": "InService"}
        self.painters = 1
        self.denied = set()
        self.says = {}

    @Request.application
    def wsgi(self, request):
        target = request.headers.get("X-Amz-Target", "")
        operation = target.rpartition(".")[2] or {
            "foundation-models": "GetFoundationModel",
            "foundation-model-availability": "GetFoundationModelAvailability",
            "inference-profiles": "GetInferenceProfile",
            "2016-08-19": "GetAccountSettings",
        }.get(request.path.split("/")[1])
        if operation in self.denied:
            said = f"User: x is not authorized to perform: x:{operation} because no identity-based policy allows it"
            return self.error(400 if target else 403, "AccessDeniedException", said, target)
        if operation in self.says:
            return self.error(*self.says[operation])
        name = unquote(request.path.rpartition("/")[2])
        return getattr(self, operation)(json.loads(request.get_data() or b"{}") if target else name)

    def GetFoundationModel(self, model):
        if model not in self.models:
            return self.error(404, "ResourceNotFoundException", UNRESOLVED)
        name, cycle = self.models[model]
        details = {"modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{model}", "modelId": model}
        return self.answer({"modelDetails": details | {"modelName": name, "modelLifecycle": cycle}})

    def GetFoundationModelAvailability(self, model):
        return self.answer({"modelId": model} | self.access[model])

    def GetInferenceProfile(self, profile):
        model = profile.removeprefix("us.")
        if model not in self.models:
            return self.error(404, "ResourceNotFoundException", UNRESOLVED)
        arns = [f"arn:aws:bedrock:{region}::foundation-model/{model}" for region in ("us-east-1", "us-east-2")]
        fields = {"inferenceProfileId": profile, "inferenceProfileName": "US", "status": "ACTIVE"}
        arn = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{profile}"
        fields |= {"inferenceProfileArn": arn, "type": "SYSTEM_DEFINED"}
        return self.answer(fields | {"models": [{"modelArn": arn} for arn in arns]})

    def ListServiceQuotas(self, body):
        """One quota a page."""
        quotas = {"bedrock": self.quotas, "sagemaker": self.instances}[body["ServiceCode"]]
        at, names = int(body.get("NextToken", 0)), list(quotas)
        page = [{"QuotaName": name, "Value": quotas[name], "Unit": "None"} for name in names[at : at + 1]]
        return self.answer({"Quotas": page} | ({"NextToken": str(at + 1)} if at + 1 < len(names) else {}), json11=True)

    def GetAccountSettings(self, _):
        return self.answer({"AccountLimit": self.executions, "AccountUsage": {"FunctionCount": 15}})

    def DescribeEndpoint(self, body):
        status = self.endpoints.get(body["EndpointName"])
        if status is None:
            return self.error(400, "ValidationException", "no", "SageMaker")
        times = {"CreationTime": 1.7e9, "LastModifiedTime": 1.7e9}
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{body['EndpointName'].lower()}"
        fields = {"EndpointName": body["EndpointName"], "EndpointArn": arn, "EndpointConfigName": "x"}
        variants = [{"VariantName": "AllTraffic", "CurrentInstanceCount": self.painters}]
        return self.answer(fields | times | {"EndpointStatus": status, "ProductionVariants": variants}, json11=True)

    def answer(self, body, json11=False):
        return Response(json.dumps(body), content_type=f"application/{'x-amz-json-1.1' if json11 else 'json'}")

    def error(self, status, kind, said, target=""):
        response = self.answer({"__type": kind, "message": said} if target else {"message": said}, json11=bool(target))
        response.status_code, response.headers["x-amzn-ErrorType"] = status, kind
        return response
