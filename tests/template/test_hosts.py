"""The page's browser may do what the functions invite it to, in every Region: the templates' hosts are AWS's."""

import os
import re
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from booth.aws import clients, objects
from tests.support.templates import resolved

REGIONS = ["us-east-1", "us-west-2", "ap-northeast-2", "eu-west-1", "af-south-1", "cn-north-1", "us-gov-west-1"]


@pytest.fixture(params=REGIONS)
def region(request):
    return request.param


@pytest.fixture
def booth(region, transformed):
    """The resources' properties of the application in a Region."""
    return {name: each["Properties"] for name, each in resolved(transformed, "booth", region).items()}


@pytest.fixture
def invitation(booth, region, monkeypatch):
    """The URL that `/upload` answers, made by its own code in its own environment, with what Lambda adds to it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    lambdas = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_CONFIG_FILE": os.devnull}
    lambdas |= {"AWS_ACCESS_KEY_ID": "ASIAFUNCTION", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
    for name, value in (booth["Upload"]["Environment"]["Variables"] | lambdas).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps its credentials
    clients.client.cache_clear()
    yield urlsplit(objects.presigned_put("photo/andy_portrait_2.jpg", "image/jpeg"))
    clients.client.cache_clear()


def policy_of(booth):
    """The page's Content-Security-Policy: sources by directive."""
    headers = booth["CdnHeaders"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    text = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    return {name: sources for name, *sources in (part.split() for part in text.split(";"))}


def test_the_page_may_put_to_the_host_of_the_url_that_upload_gives(booth, invitation):
    assert f"{invitation.scheme}://{invitation.netloc}" in policy_of(booth)["connect-src"]


def test_the_bucket_lets_the_page_send_what_the_url_has_signed(booth, invitation):
    [rule] = booth["UploadsBucket"]["CorsConfiguration"]["CorsRules"]
    [signed] = parse_qs(invitation.query)["X-Amz-SignedHeaders"]

    assert invitation.netloc.split(".s3.")[0] == booth["UploadsBucket"]["BucketName"]
    assert rule["AllowedMethods"] == ["PUT"]
    assert set(signed.split(";")) - {"host"} == set(rule["AllowedHeaders"])


def test_the_page_itself_is_an_origin_that_the_bucket_knows(booth):
    [rule] = booth["UploadsBucket"]["CorsConfiguration"]["CorsRules"]
    [origin] = rule["AllowedOrigins"]

    assert re.fullmatch(r"https://arn:.*/Cdn\.DomainName", origin)  # in place of what CloudFormation will know


def test_the_cdn_asks_hosts_of_its_own_region(booth, region):
    """A bucket's global name is redirected while the bucket is new, and visitors would be, with it."""
    origins = {each["Id"]: each["DomainName"] for each in booth["Cdn"]["DistributionConfig"]["Origins"]}
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"

    assert origins["page"].endswith("/PageBucket.RegionalDomainName")
    assert origins["results"].endswith("/ResultsBucket.RegionalDomainName")
    assert origins["api"].endswith(f"/Api.execute-api.{region}.{suffix}")
