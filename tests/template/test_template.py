"""What the templates must say, whoever adds to them."""

import json
import re
import tomllib
from fnmatch import fnmatchcase

import pytest

from booth import limits
from local import edge, iam
from local.iam import as_list
from local.lambdas.function import Function
from local.template.reader import load
from tests.support.templates import ROOT, read

TEMPLATE = read(ROOT / "template.yaml")
MONITORING = read(ROOT / "monitoring.yaml")
RESOURCES = TEMPLATE["Resources"]


def of_type(kind, template=TEMPLATE):
    return {name: each["Properties"] for name, each in template["Resources"].items() if each["Type"] == kind}


def under(name, value):
    """Every value under a key, anywhere within."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == name:
                yield item
            yield from under(name, item)
    elif isinstance(value, list):
        for item in value:
            yield from under(name, item)


FUNCTIONS = of_type("AWS::Serverless::Function")
ROUTES = {
    event["Properties"]["Path"]
    for function in FUNCTIONS.values()
    for event in function.get("Events", {}).values()
    if event["Type"] == "HttpApi"
}
CDN = RESOURCES["Cdn"]["Properties"]["DistributionConfig"]


def locally(**parameters):
    """The stack as the local mode makes it."""
    attributes = {"Cdn": "E1EXAMPLE", "Cdn.DomainName": "cdn.example"}
    return load(ROOT / "template.yaml", stack="unit", region="us-east-1", parameters=parameters, attributes=attributes)


def names_in(value):
    """Logical ids, parameters and attributes that a template refers to, as Ref and GetAtt name them."""
    yield from under("Ref", value)
    for target in under("Fn::GetAtt", value):
        yield target if isinstance(target, str) else ".".join(target)
    for target in under("Fn::Sub", value):
        text, own = (target, {}) if isinstance(target, str) else target
        yield from (name for name in re.findall(r"\$\{([^!}]+)\}", text) if name not in own)


@pytest.mark.parametrize("template", [TEMPLATE, MONITORING], ids=["template", "monitoring"])
def test_every_reference_is_to_something(template):
    known = template["Resources"].keys() | template["Parameters"].keys()
    made_by_sam = {"StartPhotoPut", "DeletePhotoRole", "HidePhotoRole", "LeaveWallRole"}
    names = {name.split(".")[0] for name in names_in(template)}

    assert {name for name in names if not name.startswith("AWS::")} - known <= made_by_sam


def test_the_nested_stack_is_given_its_parameters_and_has_the_outputs_that_are_read():
    """No linter looks into a template that lies elsewhere when it is deployed."""
    read = {name for name in names_in(TEMPLATE) if name.startswith("Monitoring.")}

    assert RESOURCES["Monitoring"]["Properties"]["Parameters"].keys() == MONITORING["Parameters"].keys()
    assert read
    assert read <= {f"Monitoring.Outputs.{name}" for name in MONITORING["Outputs"]}


@pytest.mark.parametrize("template", [TEMPLATE, MONITORING], ids=["template", "monitoring"])
def test_every_parameter_is_described_and_used(template):
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"]
        assert name in set(names_in(template))


def test_every_parameter_is_constrained_defaulted_and_grouped():
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]

    assert sorted(grouped) == sorted(TEMPLATE["Parameters"])
    for name, parameter in TEMPLATE["Parameters"].items():
        assert "Default" in parameter, name
        if parameter["Type"] == "Number":
            assert "MinValue" in parameter or "AllowedValues" in parameter, name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_watched_and_its_log_ends(name):
    log = FUNCTIONS[name]["LoggingConfig"]["LogGroup"]["Ref"]
    assert RESOURCES[log]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert RESOURCES["Monitoring"]["Properties"]["Parameters"][name] == {"Ref": name}
    watched = [
        metric["MetricStat"]["Metric"]["Dimensions"]
        for alarm in of_type("AWS::CloudWatch::Alarm", MONITORING).values()
        for metric in alarm.get("Metrics", [])
        if metric.get("MetricStat", {}).get("Metric", {}).get("MetricName") == "Errors"
    ]
    assert [{"Name": "FunctionName", "Value": {"Ref": name}}] in watched


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_is_called_asynchronously_has_a_dead_letter_queue(name):
    kinds = {event["Type"] for event in FUNCTIONS[name].get("Events", {}).values()}
    if kinds & {"EventBridgeRule", "ScheduleV2"}:
        assert FUNCTIONS[name]["DeadLetterQueue"]["TargetArn"] == {"Fn::GetAtt": "LostCalls.Arn"}
        for event in FUNCTIONS[name]["Events"].values():
            assert event["Properties"]["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": "LostCalls.Arn"}}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_refers_to_the_uploads_bucket(name):
    """It would close a circle: bucket, its CORS rule, CDN, API, function."""
    names = set(names_in(FUNCTIONS[name])) | set(names_in(TEMPLATE["Globals"]))

    assert not [each for each in names if each.split(".")[0] == "UploadsBucket"]


@pytest.mark.parametrize("name", of_type("AWS::S3::Bucket"))
def test_every_bucket_is_private_encrypted_and_spoken_to_by_tls_only(name):
    bucket = RESOURCES[name]["Properties"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    [policy] = [each for each in of_type("AWS::S3::BucketPolicy").values() if each["Bucket"] == {"Ref": name}]
    [denial] = [each for each in policy["PolicyDocument"]["Statement"] if each["Sid"] == "TlsOnly"]
    assert (denial["Effect"], denial["Principal"], denial["Action"]) == ("Deny", "*", "s3:*")
    assert denial["Resource"] == [{"Fn::GetAtt": f"{name}.Arn"}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]
    assert denial["Condition"] == {"Bool": {"aws:SecureTransport": False}}


def test_the_cdn_is_denied_what_staff_have_hidden():
    """By the tag that `booth.aws.objects.set_hidden` puts; a Deny counts more than what the CDN is allowed."""
    statements = RESOURCES["ResultsBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    [shown] = [each for each in statements if each["Effect"] == "Allow"]
    [hidden] = [each for each in statements if each["Sid"] == "TheCdnShowsNothingHidden"]
    assert hidden["Effect"] == "Deny"
    assert [hidden[name] for name in ("Principal", "Action", "Resource")] == [
        shown[name] for name in ("Principal", "Action", "Resource")
    ]
    assert hidden["Condition"] == {"StringEquals": {"s3:ExistingObjectTag/hidden": "true"}}


def test_what_is_kept_of_visitors_ends():
    rules = {
        name: {rule["Id"]: rule.get("ExpirationInDays") for rule in bucket["LifecycleConfiguration"]["Rules"]}
        for name, bucket in of_type("AWS::S3::Bucket").items()
        if name != "PageBucket"
    }
    assert rules == {
        "UploadsBucket": {"uploads": 1},
        "ResultsBucket": {"pictures": {"Ref": "RetentionDays"}, "work": 1, "multipart": None},
        "LogsBucket": {"logs": {"Ref": "AccessLogDays"}},
    }


@pytest.mark.parametrize("path", sorted(ROUTES))
def test_the_cdn_passes_every_route_of_the_api_on_and_keeps_no_answer(path):
    [behaviour] = [each for each in CDN["CacheBehaviors"] if fnmatchcase(path, each["PathPattern"])]

    assert behaviour["TargetOriginId"] == "api"
    assert behaviour["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # CachingDisabled
    assert {"POST", "DELETE"} < set(behaviour["AllowedMethods"])


def test_the_one_function_that_writes_what_staff_set_writes_nothing_else():
    statements = locally().policies
    page = locally().buckets["PageBucket"].name
    put = lambda bucket, key: iam.Call("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}")

    assert {name for name, each in statements.items() if iam.allows(each, put(page, "event.json"))} == {"Steer"}
    for key in ("index.html", "settings.json", "event.json.old", "events/event.json"):
        assert not iam.allows(statements["Steer"], put(page, key))
    for bucket in locally().buckets.values():
        assert bucket.name == page or not iam.allows(statements["Steer"], put(bucket.name, "event.json"))
    actions = {action for each in statements["Steer"] for action in as_list(each["Action"])}
    assert actions == {"s3:GetObject", "s3:ListBucket", "s3:PutObject", "secretsmanager:GetSecretValue"}


def test_what_staff_set_is_not_held_back_by_the_cdn():
    [behaviour] = [each for each in CDN["CacheBehaviors"] if fnmatchcase("/event.json", each["PathPattern"])]

    assert behaviour["TargetOriginId"] == "page"
    assert behaviour["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # CachingDisabled


def test_the_cdn_keeps_pictures_for_minutes_and_shows_the_page_for_the_rest():
    [pictures] = [each for each in CDN["CacheBehaviors"] if each["PathPattern"] == "/photo/*"]
    minutes = RESOURCES["CdnMinutes"]["Properties"]["CachePolicyConfig"]

    assert pictures["TargetOriginId"] == "results"
    assert pictures["CachePolicyId"] == {"Ref": "CdnMinutes"}
    assert minutes["DefaultTTL"] == minutes["MaxTTL"] == limits.CACHE_SECONDS
    assert CDN["DefaultCacheBehavior"]["TargetOriginId"] == "page"
    assert CDN["DefaultCacheBehavior"]["Compress"] is True
    assert CDN["DefaultCacheBehavior"]["CachePolicyId"] == "658327ea-f89d-4fab-a63d-7e88639e58f6"  # gzip and brotli


def test_every_answer_of_the_cdn_carries_the_headers():
    for behaviour in [CDN["DefaultCacheBehavior"], *CDN["CacheBehaviors"]]:
        assert behaviour["ResponseHeadersPolicyId"] == {"Ref": "CdnHeaders"}
        assert behaviour["ViewerProtocolPolicy"] in ("https-only", "redirect-to-https")


def test_the_local_mode_sends_the_same_headers():
    """So the page is tried under those that it will have."""
    headers = RESOURCES["CdnHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    security = headers["SecurityHeadersConfig"]
    text, _ = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"]
    uploads = "https://${Uploads}.s3.${AWS::Region}.${AWS::URLSuffix}"

    assert text.replace(uploads, "{uploads}") == edge._CONTENT_SECURITY
    assert {
        "x-content-type-options": "nosniff" if "ContentTypeOptions" in security else None,
        "referrer-policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        "x-frame-options": security["FrameOptions"]["FrameOption"],
        **{item["Header"].lower(): item["Value"] for item in headers["CustomHeadersConfig"]["Items"]},
    } == edge._SECURITY_HEADERS


def test_the_local_cdn_asks_the_api_with_the_same_headers_where_access_is_open():
    [origin] = [each for each in CDN["Origins"] if each["Id"] == "api"]
    policy = RESOURCES["CdnToOpenApi"]["Properties"]["OriginRequestPolicyConfig"]
    condition, [key], _ = origin["OriginCustomHeaders"]["Fn::If"]
    secret = {"Fn::Sub": "{{resolve:secretsmanager:${CdnKey}}}"}

    assert RESOURCES["CdnToOpenApi"]["Condition"] == RESOURCES["CdnKey"]["Condition"] == condition == "OpenToAll"
    assert policy["HeadersConfig"] == {"HeaderBehavior": "whitelist", "Headers": list(edge._FORWARDED)}
    assert key == {"HeaderName": edge._KEY_HEADER, "HeaderValue": secret}
    assert FUNCTIONS["Upload"]["Environment"]["Variables"]["CDN_KEY"]["Fn::If"] == [condition, secret, ""]
    # A token comes in the header Authorization, which only a policy for all headers passes on.
    all_but_host = "b689b0a8-53d0-40ab-baf2-68738e2966ac"  # AllViewerExceptHostHeader
    for behaviour in CDN["CacheBehaviors"]:
        if behaviour["PathPattern"] in [f"{path}*" for path in edge._WITH_TOKEN]:
            assert behaviour["OriginRequestPolicyId"] == all_but_host  # staff and the wall have a token everywhere
        elif behaviour["TargetOriginId"] == "api":
            assert behaviour["OriginRequestPolicyId"]["Fn::If"] == [condition, {"Ref": "CdnToOpenApi"}, all_but_host]


LOGGED = {"integrationErrorMessage", "requestId", "requestTime", "responseLatency", "routeKey", "status"}
"""Variables that tell nothing of a visitor, of those in "Customize HTTP API access logs" in API Gateway's guide."""


def test_the_state_machine_and_the_api_log_no_data():
    logging = RESOURCES["PhotoMachine"]["Properties"]["Logging"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)
    fields = json.loads(RESOURCES["Api"]["Properties"]["AccessLogSettings"]["Format"])
    assert set(fields.values()) == {f"$context.{name}" for name in LOGGED}


def test_whoever_guesses_at_speed_is_slowed_down():
    settings = RESOURCES["Api"]["Properties"]["DefaultRouteSettings"]
    assert 0 < settings["ThrottlingRateLimit"] <= 100
    assert 0 < settings["ThrottlingBurstLimit"] <= 200


def test_only_the_apis_functions_take_concurrency_apart_and_only_where_it_is_asked_for():
    behind_the_api = {
        name
        for name, function in FUNCTIONS.items()
        if any(event["Type"] == "HttpApi" for event in function.get("Events", {}).values())
    }
    found = {}
    for given in ("0", "400"):
        stack = locally(ApiConcurrency=given)
        found[given] = {name: function.concurrency for name, function in stack.functions.items()}

    assert set(found["0"].values()) == {Function.concurrency}
    assert {name for name in FUNCTIONS if found["400"][name] != Function.concurrency} == behind_the_api
    assert found["400"]["Photo"] == 400
    assert sum(found["400"][name] for name in behind_the_api) <= 1000 - 100


def test_upload_may_call_what_it_warms_and_nothing_else_and_a_call_that_fails_is_not_repeated():
    for choice in ("true", "false"):
        stack = locally(WarmAhead=choice)
        arns = {function.name: name for name, function in stack.functions.items()}
        warmed = [arns[each.rpartition(":")[2]] for each in stack.functions["Upload"].environment["WARMED"].split()]
        allowed = {
            (role, arns[arn.rpartition(":")[2]])
            for role, statements in stack.policies.items()
            for each in statements
            if "lambda:InvokeFunction" in as_list(each["Action"])
            for arn in as_list(each["Resource"])
        }
        assert allowed == {("Upload", name) for name in warmed}
        assert bool(warmed) == (choice == "true")
    for name in ("DetectFaces", "CropFaces", "SegmentCrop", "MergeMasks", "Admit", "GenerateImage", "Finish", "Photo"):
        assert (stack.functions[name].retries, stack.functions[name].event_age) == (0, 60)


def test_every_alarm_says_what_it_means_and_tells_somebody():
    operate = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    for alarm in of_type("AWS::CloudWatch::Alarm", MONITORING).values():
        assert alarm["AlarmDescription"]
        assert alarm["AlarmActions"] == [{"Ref": "Topic"}]
        name = alarm["AlarmName"]["Fn::Sub"].removeprefix("${Booth}-")
        assert f"| `{name}` |" in operate


def test_the_dashboard_is_json():
    body = MONITORING["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]

    assert len(json.loads(body)["widgets"]) == 10


@pytest.mark.parametrize(("environment", "documented_keys"), [("dev", "true"), ("prod", "false")])
def test_the_configuration_of_each_environment_fits_the_template(environment, documented_keys):
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))[environment]["deploy"]["parameters"]
    parameters = dict(each.split("=", 1) for each in config["parameter_overrides"])
    application = load(
        ROOT / "template.yaml",
        stack=config["stack_name"],
        region="us-east-1",
        parameters=parameters,
        attributes={"Cdn": "E1EXAMPLE", "Cdn.DomainName": "cdn.example"},
    )

    assert config["stack_name"] == config["s3_prefix"] == f"photo-booth-{environment}"
    assert application.functions["Upload"].environment["DOCUMENTED_KEYS"] == documented_keys
    assert application.buckets["UploadsBucket"].cors[0]["AllowedOrigins"] == ["https://cdn.example"]


def test_who_may_read_a_buckets_objects_is_told_which_are_missing():
    """Without ListBucket S3 answers 403 for them, not 404: what a deletion has taken would look like a lost right."""
    for name, statements in locally().policies.items():
        allowed = {
            (action, resource.partition("/")[0])
            for statement in statements
            if statement["Effect"] == "Allow"
            for action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
        }
        read = {bucket for action, bucket in allowed if action in ("s3:GetObject", "s3:GetObjectVersion")}
        assert read <= {bucket for action, bucket in allowed if action == "s3:ListBucket"}, name
