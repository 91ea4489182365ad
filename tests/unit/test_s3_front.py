"""The S3 front, over a socket: with boto3, and with plain HTTP as a booth's pad speaks it."""

import contextlib
import hashlib
import hmac
import http.client
import io
import queue
import re
import socket
import sys
import threading
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from werkzeug.test import Client

from local import http_server
from local.iam import Authority
from local.s3.front import S3Front
from tests.support.waiting import await_true

pytestmark = pytest.mark.starts

REGION = "eu-west-1"
KEY, SECRET = "AKIATEST", "a secret"
ROLE = "ASIAFUNCTION"
ODD_KEY = "photo/a b+ü%41~(1)&=.jpg"


class Server:
    """A front on a port of its own, and the events it sent, by bucket: an earlier test's may come late."""

    def __init__(self):
        self.events = defaultdict(queue.Queue)
        self.receive = self.keep
        self.authority = Authority()
        self.front = S3Front(
            {KEY: SECRET, ROLE: SECRET},
            region=REGION,
            on_created=lambda event: self.receive(event),
            authority=self.authority,
        )
        listening = http_server.listen(0)
        self.host = f"127.0.0.1:{listening.getsockname()[1]}"
        self._server = http_server.serve(listening, self.front)

    def keep(self, event):
        self.events[event["detail"]["bucket"]["name"]].put(event)

    def client(self, key=KEY, signature="s3v4"):
        return boto3.client(
            "s3",
            endpoint_url=f"http://{self.host}",
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=SECRET,
            config=Config(signature_version=signature, s3={"addressing_style": "virtual"}),
        )

    def send(self, method, url, body=None, headers=None):
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(self.host)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        answer = response.status, response.headers, response.read()
        connection.close()
        return answer

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def s3(server):
    return server.client()


@pytest.fixture
def bucket(server, s3):
    """A versioned bucket with EventBridge on, as the uploads bucket is."""
    name = f"uploads-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    return name


def presign(server, bucket, key, *, age_s=0, expires=300, access_key=KEY, region=REGION):
    """A presigned PUT by AWS's description of Signature Version 4, independent of botocore's code."""
    moment = datetime.now(UTC) - timedelta(seconds=age_s)
    stamp, day = moment.strftime("%Y%m%dT%H%M%SZ"), moment.strftime("%Y%m%d")
    scope = f"{day}/{region}/s3/aws4_request"
    query = "&".join(
        f"{name}={quote(value, safe='')}"
        for name, value in [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", f"{access_key}/{scope}"),
            ("X-Amz-Date", stamp),
            ("X-Amz-Expires", str(expires)),
            ("X-Amz-SignedHeaders", "content-type;host"),
        ]
    )
    path = f"/{bucket}/{quote(key)}"
    headers = f"content-type:image/jpeg\nhost:{server.host}\n"
    canonical = f"PUT\n{path}\n{query}\n{headers}\ncontent-type;host\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = f"AWS4{SECRET}".encode()
    for part in (day, region, "s3", "aws4_request", text):
        secret = hmac.digest(secret, part.encode(), "sha256")
    return f"http://{server.host}{path}?{query}&X-Amz-Signature={secret.hex()}"


def put(server, url, body=b"pixels", content_type="image/jpeg", **headers):
    return server.send("PUT", url, body, {"Content-Type": content_type, **headers})


def error_of(answer):
    """Status and XML elements of an error."""
    status, _, body = answer
    return status, {element.tag: element.text for element in ElementTree.fromstring(body)}


@pytest.mark.parametrize("key", ["photo/andy_portrait_2.jpg", ODD_KEY])
def test_a_presigned_put_stores_the_photo_and_is_told_as_aws_tells_it(server, s3, bucket, key):
    params = {"Bucket": bucket, "Key": key, "ContentType": "image/jpeg"}
    url = s3.generate_presigned_url("put_object", params, ExpiresIn=300)
    status, headers, _ = put(server, url)
    assert status == 200
    stored = s3.get_object(Bucket=bucket, Key=key)
    assert (stored["Body"].read(), stored["ContentType"]) == (b"pixels", "image/jpeg")
    event = server.events[bucket].get(timeout=10)
    sequencer = event["detail"]["object"].pop("sequencer")
    assert re.fullmatch("[0-9A-F]{18}", sequencer)
    assert str(uuid.UUID(event.pop("id")))
    age = datetime.now(UTC) - datetime.strptime(event.pop("time"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta(0) <= age < timedelta(minutes=5)
    assert event == {
        "version": "0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "region": REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "event-version": "1.2",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": 6,
                "etag": hashlib.md5(b"pixels").hexdigest(),
                "version-id": headers["x-amz-version-id"],
            },
            "request-id": headers["x-amz-request-id"],
            "requester": "123456789012",
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        },
    }


def test_a_signature_made_after_awss_description_is_accepted(server, bucket):
    assert put(server, presign(server, bucket, ODD_KEY))[0] == 200
    assert put(server, presign(server, bucket, ODD_KEY, age_s=-600))[0] == 200  # a clock ten minutes ahead


def test_what_a_presigned_url_binds_must_be_so(server, s3, bucket):
    url = presign(server, bucket, "photo/a.jpg")
    signature = url[-64:]
    wrong = [
        put(server, url, content_type="image/png"),
        server.send("PUT", url, b"pixels"),
        put(server, url.replace("a.jpg", "b.jpg")),
        put(server, url.replace("Expires=300", "Expires=3000")),
        put(server, url.replace(signature, "0" * 64)),
        put(server, url + "&versionId=1"),
        server.send("GET", url, None, {"Content-Type": "image/jpeg"}),
    ]
    for answer in wrong:
        status, error = error_of(answer)
        assert (status, error["Code"]) == (403, "SignatureDoesNotMatch")
    assert "Versions" not in s3.list_object_versions(Bucket=bucket)
    # A refused PUT is no event: the first to arrive is that of the valid one.
    assert put(server, url, b"valid")[0] == 200
    assert server.events[bucket].get(timeout=10)["detail"]["object"]["size"] == 5


@pytest.mark.parametrize(
    ("changes", "status", "code", "message"),
    [
        ({"age_s": 301}, 403, "AccessDenied", "Request has expired"),
        ({"age_s": -3600}, 403, "AccessDenied", "Request is not valid yet"),
        ({"access_key": "AKIAOTHER"}, 403, "InvalidAccessKeyId", "does not exist in our records"),
        ({"region": "us-east-1"}, 400, "AuthorizationQueryParametersError", "expecting 'eu-west-1'"),
        ({"expires": 604801}, 400, "AuthorizationQueryParametersError", "X-Amz-Expires"),
        ({"expires": -1}, 400, "AuthorizationQueryParametersError", "X-Amz-Expires"),
    ],
)
def test_presigned_urls_that_aws_refuses(server, bucket, changes, status, code, message):
    answered, error = error_of(put(server, presign(server, bucket, "photo/a.jpg", **changes)))
    assert (answered, error["Code"]) == (status, code)
    assert message in error["Message"]
    if message == "Request has expired":
        assert error["X-Amz-Expires"] == "300"
        assert error["Expires"] < error["ServerTime"]


def test_a_put_that_began_in_time_may_end_after_its_url_has_expired(server, s3, bucket, monkeypatch):
    url = presign(server, bucket, "photo/slow.jpg", expires=300)
    ahead, looked = timedelta(), []

    class Clock:
        """The server's: it looks at it when a request's head has come."""

        @staticmethod
        def now(zone):
            looked.append(ahead)
            return datetime.now(zone) + ahead

    monkeypatch.setattr(http_server, "datetime", Clock)
    target = url.removeprefix(f"http://{server.host}")
    with socket.create_connection(server.host.split(":")) as connection:
        head = f"PUT {target} HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: image/jpeg\r\nContent-Length: 6\r\n\r\n"
        connection.sendall(head.encode() + b"pix")
        await_true(lambda: looked)
        ahead = timedelta(seconds=301)
        connection.sendall(b"els")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert s3.get_object(Bucket=bucket, Key="photo/slow.jpg")["Body"].read() == b"pixels"
    assert error_of(put(server, url))[1]["Message"] == "Request has expired"


def test_amazon_headers_must_be_signed(server, bucket):
    answer = put(server, presign(server, bucket, "a"), **{"x-amz-acl": "public-read"})
    status, error = error_of(answer)
    assert (status, error["Code"], error["HeadersNotSigned"]) == (403, "AccessDenied", "x-amz-acl")


def test_a_signed_condition_works_by_presigned_url(server, s3, bucket):
    params = {"Bucket": bucket, "Key": "a", "ContentType": "image/jpeg", "IfNoneMatch": "*"}
    url = s3.generate_presigned_url("put_object", params)
    condition = {"If-None-Match": "*"}
    assert error_of(put(server, url))[1]["Code"] == "SignatureDoesNotMatch"
    assert put(server, url, **condition)[0] == 200
    status, error = error_of(put(server, url, **condition))
    assert (status, error["Code"]) == (412, "PreconditionFailed")


def test_signature_version_2_anonymous_and_unknown_callers_are_refused(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    old = server.client(signature="s3").generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a"})
    assert "AWSAccessKeyId" in old
    status, error = error_of(server.send("GET", old))
    assert (status, error["Code"]) == (400, "InvalidRequest")
    assert error["Message"].endswith("Please use AWS4-HMAC-SHA256.")
    for method in ("GET", "PUT", "DELETE", "POST"):
        status, error = error_of(server.send(method, f"/{bucket}/a", b""))
        assert (status, error["Code"]) == (403, "AccessDenied")
    assert server.send("HEAD", f"/{bucket}/a")[0] == 403
    answer = server.send("GET", f"/{bucket}/a", None, {"Authorization": f"AWS4-HMAC-SHA256 Credential={KEY}"})
    assert error_of(answer)[1]["Code"] == "AuthorizationHeaderMalformed"
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        server.client(key="AKIAOTHER").get_object(Bucket=bucket, Key="a")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"


def test_presigned_get_gives_the_object(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key=ODD_KEY, Body=b"pixels", ContentType="image/jpeg")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": ODD_KEY})
    status, headers, body = server.send("GET", url)
    assert (status, headers["Content-Type"], body) == (200, "image/jpeg", b"pixels")


def test_every_way_of_creating_an_object_has_its_reason(server, s3, bucket):
    large = bytes(30 * 1024 * 1024)
    s3.put_object(Bucket=bucket, Key="put", Body=large)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "put"})
    s3.upload_fileobj(io.BytesIO(large), bucket, "parts")
    s3.put_object_tagging(Bucket=bucket, Key="put", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_object(Bucket=bucket, Key="put")
    s3.put_object(Bucket=bucket, Key="last", Body=b"")
    details = [server.events[bucket].get(timeout=10)["detail"] for _ in range(4)]
    assert [(detail["object"]["key"], detail["reason"], detail["object"]["size"]) for detail in details] == [
        ("put", "PutObject", len(large)),
        ("copy", "CopyObject", len(large)),
        ("parts", "CompleteMultipartUpload", len(large)),
        ("last", "PutObject", 0),
    ]
    order = [detail["object"]["sequencer"] for detail in details]
    assert order == sorted(set(order))
    assert s3.get_object(Bucket=bucket, Key="parts")["Body"].read() == large


def test_a_bucket_without_notifications_is_silent_and_unversioned(server, s3, bucket):
    quiet = f"results-{uuid.uuid4()}"
    s3.create_bucket(Bucket=quiet, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert "VersionId" not in s3.put_object(Bucket=quiet, Key="a", Body=b"1")
    s3.put_object(Bucket=bucket, Key="b", Body=b"1")
    assert server.events[bucket].get(timeout=10)["detail"]["object"]["key"] == "b"
    assert server.events[quiet].empty()  # events come in order


def test_a_receiver_that_fails_gets_the_next_event(server, s3, bucket):
    def fail(event):
        if event["detail"]["bucket"]["name"] == bucket:
            server.receive = server.keep
            raise RuntimeError("not today")

    server.receive = fail
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    s3.put_object(Bucket=bucket, Key="b", Body=b"1")
    assert server.events[bucket].get(timeout=10)["detail"]["object"]["key"] == "b"


@pytest.fixture
def restless_threads():
    """Makes Python change threads at nearly every step, so that a race is lost soon."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_of_many_conditional_puts_one_wins(server, s3, bucket, restless_threads):
    together = threading.Barrier(8)
    signature = f"AWS4-HMAC-SHA256 Credential={KEY}/20261122/{REGION}/s3/aws4_request"
    headers = {"Authorization": signature, "If-None-Match": "*"}

    def attempt(number):
        statuses = []
        for key in range(20):  # calls the application itself: sockets would spread the attempts over time
            together.wait(timeout=30)
            path = f"/{bucket}/once-{key}"
            statuses.append(Client(server.front).put(path, data=str(number), headers=headers).status_code)
        return statuses

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(attempt, range(8)))
    for key, statuses in enumerate(zip(*outcomes, strict=True)):
        assert sorted(statuses) == [200] + [412] * 7
        stored = s3.get_object(Bucket=bucket, Key=f"once-{key}")["Body"].read()
        assert stored == str(statuses.index(200)).encode()


def test_versions_are_kept_listed_and_deleted_one_by_one(s3, bucket):
    first, second = (s3.put_object(Bucket=bucket, Key="a", Body=body)["VersionId"] for body in (b"1", b"2"))
    assert s3.get_object(Bucket=bucket, Key="a", VersionId=first)["Body"].read() == b"1"
    marker = s3.delete_object(Bucket=bucket, Key="a")
    assert marker["DeleteMarker"]
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="a")
    listed = s3.list_object_versions(Bucket=bucket, Prefix="a")
    assert {version["VersionId"] for version in listed["Versions"]} == {first, second}
    for version in (first, second, marker["VersionId"]):
        s3.delete_object(Bucket=bucket, Key="a", VersionId=version)
    listed = s3.list_object_versions(Bucket=bucket, Prefix="a")
    assert "Versions" not in listed and "DeleteMarkers" not in listed


PAGE = "http://127.0.0.1:8000"


@pytest.fixture
def cors(s3, bucket):
    rule = {
        "AllowedOrigins": [PAGE, "https://*.booth.example"],
        "AllowedMethods": ["PUT"],
        "AllowedHeaders": ["content-type", "x-amz-*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 600,
    }
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})


def preflight(server, bucket, origin=PAGE, method="PUT", headers="Content-Type"):
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        asked["Access-Control-Request-Headers"] = headers
    return server.send("OPTIONS", f"/{bucket}/photo/a.jpg", None, asked)


def access_control(headers):
    return {name: value for name, value in headers.items() if name.startswith("Access-Control-")}


@pytest.mark.parametrize("origin", [PAGE, "https://hall.booth.example"])
def test_a_preflight_that_a_rule_allows(server, bucket, cors, origin):
    status, headers, body = preflight(server, bucket, origin, headers="Content-Type, X-Amz-Meta-A")
    assert (status, body) == (200, b"")
    assert access_control(headers) == {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "PUT",
        "Access-Control-Allow-Headers": "content-type, x-amz-meta-a",
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "ETag",
        "Access-Control-Max-Age": "600",
    }
    assert "Origin" in headers["Vary"]


@pytest.mark.parametrize(
    "asked",
    [
        {"origin": "http://elsewhere.example"},
        {"origin": "https://booth.example.evil"},
        {"method": "DELETE"},
        {"headers": "if-none-match"},
    ],
)
def test_a_preflight_that_no_rule_allows(server, bucket, cors, asked):
    answer = preflight(server, bucket, **asked)
    status, error = error_of(answer)
    assert (status, error["Code"]) == (403, "AccessForbidden")
    assert access_control(answer[1]) == {}


def test_without_a_rule_nothing_is_allowed(server, bucket):
    answer = preflight(server, bucket)
    assert error_of(answer)[0] == 403
    assert "not enabled" in error_of(answer)[1]["Message"]
    status, headers, _ = put(server, presign(server, bucket, "a"), Origin=PAGE)
    assert status == 200
    assert access_control(headers) == {}


def test_answers_carry_cors_headers_only_for_a_page_that_a_rule_names(server, bucket, cors):
    status, headers, _ = put(server, presign(server, bucket, "a"), Origin=PAGE)
    assert status == 200
    assert headers.get_all("Access-Control-Allow-Origin") == [PAGE]
    status, headers, _ = put(server, presign(server, bucket, "a", age_s=301), Origin=PAGE)
    assert status == 403
    assert headers["Access-Control-Allow-Origin"] == PAGE
    for origin in ({}, {"Origin": "http://elsewhere.example"}):
        status, headers, _ = put(server, presign(server, bucket, "a"), **origin)
        assert status == 200
        assert access_control(headers) == {}


def test_a_rule_for_everybody_names_nobody(server, s3, bucket):
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["PUT"], "AllowedHeaders": ["*"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    status, headers, _ = preflight(server, bucket, "http://anywhere.example", headers="X-Any")
    assert status == 200
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in headers


# What a role's policies allow


def role(server, *actions, key="photo/*"):
    """A client of a function whose role may do `actions` to the bucket `roles`."""
    resources = ["arn:aws:s3:::roles", f"arn:aws:s3:::roles/{key}"]
    server.authority.statements[ROLE] = [{"Effect": "Allow", "Action": list(actions), "Resource": resources}]
    server.authority.names[ROLE] = "Photo"
    with contextlib.suppress(ClientError):  # another test has made it
        server.client().create_bucket(Bucket="roles", CreateBucketConfiguration={"LocationConstraint": REGION})
    return server.client(key=ROLE)


def status_of(call):
    try:
        return call()["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_missing_key_is_told_only_to_who_may_list_the_bucket(server):
    blind = role(server, "s3:GetObject")
    assert status_of(lambda: blind.head_object(Bucket="roles", Key="photo/none")) == 403
    assert status_of(lambda: blind.get_object(Bucket="roles", Key="photo/none")) == 403
    seeing = role(server, "s3:GetObject", "s3:ListBucket")
    assert status_of(lambda: seeing.head_object(Bucket="roles", Key="photo/none")) == 404


def test_a_role_does_what_its_policies_allow_and_nothing_else(server):
    client = role(server, "s3:PutObject")
    assert status_of(lambda: client.put_object(Bucket="roles", Key="photo/a", Body=b"x")) == 200
    assert status_of(lambda: client.put_object(Bucket="roles", Key="work/a", Body=b"x")) == 403
    assert status_of(lambda: client.get_object(Bucket="roles", Key="photo/a")) == 403
    assert status_of(lambda: client.put_object_tagging(Bucket="roles", Key="photo/a", Tagging={"TagSet": []})) == 403


def test_a_presigned_url_may_do_what_its_signer_may(server):
    url = role(server, "s3:PutObject").generate_presigned_url("put_object", {"Bucket": "roles", "Key": "photo/b"})
    assert server.send("PUT", url, b"x")[0] == 200
    role(server, "s3:GetObject")
    assert server.send("PUT", url, b"x")[0] == 403
