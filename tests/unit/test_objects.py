"""Objects in S3: what is read is what was put, and what was not deleted is told."""

import hashlib
import re

import pytest
from werkzeug.wrappers import Response

from booth.aws import objects
from booth.errors import ServiceUnavailable

PHOTO = b"\xff\xd8 the bytes of a photo"


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
