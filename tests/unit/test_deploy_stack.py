"""What `make deploy` does beside `sam`: the page opens when the booth is ready, and only if something was deployed."""

import json

import boto3
import pytest
from werkzeug.wrappers import Request, Response

from deploy import __main__ as command
from deploy import stack
from local.emulator import cloudfront
from local.emulator.services import Emulator, forget_all
from local.s3.buckets import set_versioning
from tests.support.serving import serving

pytestmark = pytest.mark.starts

TEMPLATE = {
    "Resources": {
        "Uploads": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "uploads"}},
        "Page": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "page"}},
    },
    "Outputs": {
        "UploadsBucketName": {"Value": "uploads"},
        "PageBucketName": {"Value": "page"},
        "BoothUrl": {"Value": "https://booth.example"},
    },
}


@pytest.fixture
def deployed(environment, monkeypatch):
    """A stack, just made: its uploads bucket gives no versions yet. Gives a client of S3."""
    made = json.loads(json.dumps(TEMPLATE))
    monkeypatch.setattr(stack, "VERSIONING_PAUSE_SECONDS", 0)
    with serving(Emulator({})) as url:
        environment.setenv("AWS_ENDPOINT_URL", url)
        made["Outputs"]["CdnId"] = {"Value": cloudfront.create_distribution()}
        boto3.client("cloudformation").create_stack(StackName="booth", TemplateBody=json.dumps(made))
        yield boto3.client("s3")
    forget_all()


def keys(s3, bucket):
    found = s3.list_object_versions(Bucket=bucket)
    return [each["Key"] for kind in ("Versions", "DeleteMarkers") for each in found.get(kind, [])]


def test_the_page_is_put_there_only_when_the_uploads_bucket_gives_versions(deployed):
    said = []

    def show(text):
        said.append(text)
        assert keys(deployed, "page") == []
        if len(said) == 3:
            set_versioning("uploads", True)

    assert stack.upload_page("booth", show) == len(keys(deployed, "page"))
    assert len(said) == 3
    assert "gives no versions yet" in said[0]
    assert keys(deployed, "uploads") == []


def test_what_staff_have_set_stays_and_the_rest_that_is_not_of_the_page_goes(deployed, monkeypatch, tmp_path):
    for name in ("staff.html", "index.html"):
        (tmp_path / name).write_text("<html><head></head></html>")
    monkeypatch.setattr(stack, "WEB", tmp_path)
    monkeypatch.setattr(stack, "with_preview", lambda web, url: b"")
    set_versioning("uploads", True)
    for key in ("event.json", "old.js", "event.json.old", "staff.html"):
        deployed.put_object(Bucket="page", Key=key, Body=b"{}")
    stack.upload_page("booth", print)
    assert sorted(keys(deployed, "page")) == ["event.json", "index.html", "staff"]
    assert deployed.get_object(Bucket="page", Key="event.json")["Body"].read() == b"{}"
    assert deployed.head_object(Bucket="page", Key="staff")["ContentType"] == "text/html"


def test_a_bucket_that_never_gives_versions_keeps_the_page_closed(deployed, monkeypatch, capsys):
    monkeypatch.setattr(stack, "VERSIONING_SECONDS", 0.2)
    monkeypatch.setattr("sys.argv", ["deploy", "page", "booth"])
    assert command.main() == 1
    assert "get-bucket-versioning --bucket uploads" in capsys.readouterr().err
    assert keys(deployed, "page") == keys(deployed, "uploads") == []


def test_a_change_set_that_nobody_executed_is_no_deployment(deployed, monkeypatch, capsys):
    """`sam deploy` asks before it changes prod, and ends with 0 if the answer is no."""
    set_versioning("uploads", True)
    changed = TEMPLATE | {"Description": "another one"}
    boto3.client("cloudformation").create_change_set(
        StackName="booth", ChangeSetName="samcli-deploy1", TemplateBody=json.dumps(changed), ChangeSetType="UPDATE"
    )
    monkeypatch.setattr("sys.argv", ["deploy", "page", "booth"])
    assert command.main() == 1
    assert "samcli-deploy1 of booth was not executed" in capsys.readouterr().err
    assert keys(deployed, "page") == []


def test_what_s3_does_not_delete_is_told(deployed, environment):
    refusal = "<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code></Error></DeleteResult>"
    listing = "<ListVersionsResult><Version><Key>a</Key><VersionId>null</VersionId></Version></ListVersionsResult>"

    @Request.application
    def refusing(request):
        return Response(refusal if request.method == "POST" else listing, content_type="application/xml")

    with serving(refusing) as url:
        environment.setenv("AWS_ENDPOINT_URL_S3", url)
        with pytest.raises(stack.StackError, match="did not delete everything in uploads: AccessDenied"):
            stack.empty("uploads")
