"""Answers of AWS that are none, mangled or cut short: none is taken for an empty one, or for the right one."""

import hashlib
import re
import zlib

import pytest
from werkzeug.wrappers import Request, Response

from booth.aws import executions, objects, table
from booth.errors import ServiceUnavailable
from booth.runs import store
from tests.support.serving import serving

pytestmark = pytest.mark.starts

PHOTO = b"\xff\xd8 the bytes of a photo"


@pytest.fixture
def aws(environment):
    """One server for all services: gives each request to `answer` and keeps it in `requests`."""

    class Server:
        answer = staticmethod(lambda request: Response())
        requests: list[Request]

        def __call__(self, environ, start_response):
            request = Request(environ)
            request.get_data()
            self.requests.append(request)
            return self.answer(request)(environ, start_response)

    aws = Server()
    aws.requests = []
    environment.setenv("TABLE", "table")
    environment.setenv("STATE_MACHINE_ARN", "arn:aws:states:us-east-1:123456789012:stateMachine:machine")
    environment.setenv("UPLOADS_BUCKET", "uploads")
    environment.setenv("RESULTS_BUCKET", "results")
    table.table_name.cache_clear()
    with serving(aws) as url:
        environment.setenv("AWS_ENDPOINT_URL", url)
        yield aws
    table.table_name.cache_clear()


NONSENSE = {
    "garbage": Response(b"<garbage"),
    "half of it": Response(b'{"Item": {"pk"'),
    "none of it": Response(iter([b""]), headers={"Content-Length": "2"}),
    "another checksum": Response(b"{}", headers={"x-amz-crc32": str(zlib.crc32(b'{"Item": {}}'))}),
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
def test_a_record_is_not_missing_because_its_answer_is_mangled(aws, answer):
    aws.answer = lambda request: answer
    with pytest.raises(ServiceUnavailable):
        store.find("run")


def test_a_right_answer_without_a_record(aws):
    aws.answer = lambda request: Response(b"{}", headers={"x-amz-crc32": str(zlib.crc32(b"{}"))})
    assert store.find("run") is None


def test_an_execution_was_not_started_because_of_a_mangled_answer(aws):
    aws.answer = lambda request: NONSENSE["garbage"]
    with pytest.raises(ServiceUnavailable):
        executions.start("run")


def an_object(data=PHOTO, **headers):
    return Response(data, headers={"ETag": f'"{hashlib.md5(PHOTO).hexdigest()}"', **headers})


def test_a_photo_whose_bytes_are_not_those_that_were_put(aws):
    aws.answer = lambda request: an_object()
    assert objects.read_upload("photo/a.jpg", "version", limit=100) == PHOTO
    aws.answer = lambda request: an_object(PHOTO[::-1])
    with pytest.raises(ServiceUnavailable):
        objects.read_upload("photo/a.jpg", "version", limit=100)
    with pytest.raises(ServiceUnavailable):
        objects.read("work/run/photo.png")


def test_a_photo_that_is_cut_short(aws):
    aws.answer = lambda request: an_object(iter([PHOTO]), **{"Content-Length": str(len(PHOTO) + 5)})
    with pytest.raises(ServiceUnavailable):
        objects.read_upload("photo/a.jpg", "version", limit=100)


@pytest.mark.parametrize(
    "headers",
    [{"x-amz-server-side-encryption": "aws:kms"}, {"ETag": f'"{hashlib.md5(PHOTO).hexdigest()}-2"'}],
    ids=["a customer's key", "put in parts"],
)
def test_an_etag_that_is_no_md5_says_nothing(aws, headers):
    aws.answer = lambda request: Response(PHOTO[::-1], headers={"ETag": f'"{"0" * 32}"'} | headers)
    assert objects.read("work/run/photo.png") == PHOTO[::-1]


def test_deletions_are_batches_and_one_that_fails_is_told(aws):
    versions = "".join(
        f"<Version><Key>photo/a.jpg</Key><VersionId>{number}</VersionId></Version>" for number in range(1001)
    )
    failed = "<Error><Key>photo/a.jpg</Key><Code>InternalError</Code></Error>"

    def answer(request):
        listing = f"<ListVersionsResult>{versions}</ListVersionsResult>"
        return Response(listing if request.method == "GET" else "<DeleteResult/>", content_type="application/xml")

    aws.answer = answer
    objects.delete_upload("photo/a.jpg")
    deleted = [len(re.findall(b"<Object>", each.get_data())) for each in aws.requests if each.method == "POST"]
    assert deleted == [1000, 1]
    aws.requests.clear()
    objects.delete_results(["photo/1.jpeg", "photo/2.jpeg", "photo/3.jpeg"])
    assert len(aws.requests) == 1
    objects.delete_results([])
    assert len(aws.requests) == 1
    aws.answer = lambda request: Response(f"<DeleteResult>{failed}</DeleteResult>", content_type="application/xml")
    with pytest.raises(ServiceUnavailable):
        objects.delete_results(["photo/1.jpeg"])
