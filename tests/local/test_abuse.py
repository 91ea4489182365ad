"""What somebody would try who means no good: each try is made, and what it gained is looked at."""

import io
import json
import re
import uuid
import zipfile
from urllib.parse import urlsplit

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from booth import limits
from booth.pixels import intake
from tests.support.application import SIDE
from tests.support.booth import ask_for_upload
from tests.support.photos import photo
from tests.support.tokens import NEW, OLD, OTHER

ZIP_NAME, SCRIPT, MARK = "hidden-in-a-zip.txt", "<script>alert('polyglot')</script>", b"polyglot"


def fields_of(uploaded, **changes):
    return {"bucket": uploaded["Bucket"], "key": uploaded["Key"]} | changes


def put_raw(booth, url, data, method="PUT", **headers):
    """Sends data to an address of S3; gives the HTTP status."""
    return booth.http(method, url, data, {"Content-Type": "image/jpeg"} | headers)[0]


# Somebody else's place


@pytest.mark.parametrize(
    "key",
    ["other/a.jpg", "a.jpg", "photo", "photo/", "photo/sub/a.jpg", "photo/../work/a.jpg", "photo/photo_x_1.jpeg", "/"],
)
def test_a_key_that_is_no_uploads_gets_nothing_even_if_something_lies_there(quick, key):
    if key not in ("photo/", "/"):
        quick.s3.put_object(Bucket=quick.app.uploads_bucket, Key=key, Body=photo())
    place = {"bucket": quick.app.uploads_bucket, "key": key}
    quick.await_quiet()
    status, _, answer = quick.post("/photo", {"requestId": str(uuid.uuid4())} | place)
    assert (status, answer["error"]["code"]) == (404, "NotFound")
    assert quick.delete(str(uuid.uuid4()), **place)[0] == 404
    assert quick.record({"Key": key}) is None


def test_the_other_buckets_of_the_booth_are_foreign_as_well(quick):
    uploaded = quick.upload()
    for bucket in (quick.app.results_bucket, uploaded["Bucket"].upper(), uploaded["Bucket"] + "/photo", "*"):
        for status, answer in (
            quick.ask(uploaded, "thief", bucket=bucket),
            quick.delete("thief", **fields_of(uploaded, bucket=bucket)),
        ):
            assert (status, answer["error"]["code"]) == (403, "ForeignBucket")


# The presigned URL


def test_a_presigned_url_is_for_this_key_this_type_and_a_put(quick):
    uploaded, other = quick.upload(scenes=["sky"]), quick.upload()
    url = uploaded["UploadURL"]
    assert put_raw(quick, url.replace(uploaded["Key"], other["Key"]), photo()) == 403
    assert put_raw(quick, url.replace(uploaded["Key"], "work/x"), photo()) == 403
    assert put_raw(quick, url.replace(uploaded["Bucket"], quick.app.results_bucket), photo()) == 403
    assert put_raw(quick, url.replace("X-Amz-Expires=300", "X-Amz-Expires=86400"), photo()) == 403
    assert put_raw(quick, url, photo(), **{"Content-Type": "image/svg+xml"}) == 403
    for header, value in (("x-amz-acl", "public-read"), ("x-amz-meta-name", "x"), ("x-amz-tagging", "a=b")):
        assert put_raw(quick, url, photo(), **{header: value}) == 403
    assert put_raw(quick, url, photo()) == 200
    # It neither reads, lists nor deletes what it wrote.
    for method in ("GET", "HEAD", "DELETE"):
        assert put_raw(quick, url, None, method) == 403
    assert put_raw(quick, url.split("?")[0], None, "GET") == 403
    assert quick.await_end(uploaded)["status"] == "SUCCEEDED"


def test_a_presigned_url_ends_after_five_minutes(quick):
    query = dict(pair.split("=") for pair in urlsplit(quick.upload()["UploadURL"]).query.split("&"))
    assert query["X-Amz-Expires"] == "300" == str(limits.URL_SECONDS)
    assert set(query["X-Amz-SignedHeaders"].split("%3B")) == {"content-type", "host"}


def test_s3_takes_a_file_that_is_too_large_and_the_booth_does_not(quick):
    """A presigned PUT can't limit the size; intake does, before it reads a byte. It costs no call of a model."""
    before = quick.calls_at_rest("rekognition")
    uploaded, result = quick.process(photo() + bytes(intake.MAX_BYTES))
    assert (result["status"], result["error"]["code"]) == ("FAILED", "PhotoTooLarge")
    assert quick.calls("rekognition") == before
    assert quick.await_clean(uploaded) == []


# Files that are not what they seem


def jpeg_and_zip():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(ZIP_NAME, "polyglot " * 20)
    return photo() + out.getvalue()


def jpeg_and_html():
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "silver").save(out, "JPEG", comment=f"<html><body>{SCRIPT}</body></html>".encode())
    return out.getvalue() + f"<html>{SCRIPT}</html>".encode()


def png_with_a_script():
    out = io.BytesIO()
    text = PngInfo()
    text.add_text("Comment", SCRIPT)
    Image.new("RGB", (320, 240), "silver").save(out, "PNG", pnginfo=text)
    return out.getvalue() + SCRIPT.encode()


@pytest.mark.parametrize("polyglot", [jpeg_and_zip, jpeg_and_html, png_with_a_script])
def test_of_a_polyglot_file_only_the_picture_is_left(quick, polyglot):
    data = polyglot()
    assert MARK in data
    uploaded, result = quick.process(data, scenes=["sky"])
    assert result["status"] == "SUCCEEDED"
    for url in (result["url_original"], *json.loads(result["url_generated"])):
        assert is_harmless(quick, url)
    assert quick.await_clean(uploaded) == []


def is_harmless(booth, url):
    """Whether a browser can take this address for nothing but a picture, and the file holds nothing else."""
    status, headers, data = booth.http("GET", url)
    assert (status, headers["Content-Type"], headers["X-Content-Type-Options"]) == (200, "image/jpeg", "nosniff")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert data.startswith(b"\xff\xd8\xff") and data.endswith(b"\xff\xd9")
    return MARK not in data and ZIP_NAME.encode() not in data and not zipfile.is_zipfile(io.BytesIO(data))


def gif():
    out = io.BytesIO()
    Image.new("P", (320, 240)).save(out, "GIF")
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        gif(),
        gif()[:6] + b"=1;alert('polyglot')//",
        f"<svg xmlns='http://www.w3.org/2000/svg' width='320' height='240'>{SCRIPT}</svg>".encode(),
        f"<?xml version='1.0'?><svg onload=\"{SCRIPT}\"/>".encode(),
        f"<!doctype html><title>polyglot</title>{SCRIPT}".encode(),
        b"%PDF-1.7 polyglot",
        b"%!PS-Adobe-3.0 EPSF-3.0 polyglot",  # Pillow would start Ghostscript for it
        b"II*\0polyglot" + bytes(200),
        b"BM" + bytes(200),
    ],
    ids=["gif", "gif and script", "svg", "svg in xml", "html", "pdf", "eps", "tiff", "bmp"],
)
def test_what_calls_itself_a_jpeg_and_is_none_is_refused_and_never_served(quick, data):
    uploaded, result = quick.process(data)
    assert (result["status"], result["error"]["code"]) == ("FAILED", "UnsupportedPhoto")
    assert (result["url_original"], result["url_generated"]) == ("", "[]")
    assert quick.http("GET", f"{quick.url}/{uploaded['Key']}")[0] in (403, 404)
    assert quick.await_clean(uploaded) == []


def test_a_page_put_past_the_api_is_not_served_under_the_type_it_claims(quick):
    """Who may write into the bucket (another system of the operator's) needs no presigned URL and no type."""
    key = f"photo/{uuid.uuid4().hex}.html"
    quick.s3.put_object(Bucket=quick.app.uploads_bucket, Key=key, Body=jpeg_and_html(), ContentType="text/html")
    result = quick.await_end({"Bucket": quick.app.uploads_bucket, "Key": key})
    assert result["url_original"].endswith(".html")
    assert is_harmless(quick, result["url_original"])


def test_no_answer_of_the_api_is_kept_or_taken_for_a_page(quick):
    uploaded = quick.upload(f"<script>{uuid.uuid4().hex}.jpg")
    place = {"requestId": "headers"} | fields_of(uploaded)
    upload = {"type": "photo", "filename": "a.jpg", "contentType": "image/jpeg"}
    calls = [
        ("POST", "/upload", upload, 200),
        ("POST", "/upload", upload | {"filename": SCRIPT}, 400),
        ("POST", "/photo", place, 202),
        ("POST", "/photo", place | {"bucket": SCRIPT}, 403),
        ("POST", "/photo", {"requestId": str(uuid.uuid4())}, 404),
        ("DELETE", "/photo", place | {"requestId": "other"}, 409),
        ("DELETE", "/photo", place, 200),
        ("GET", "/scenes", None, 200),
    ]
    for method, path, body, expected in calls:
        data = None if body is None else json.dumps(body).encode()
        status, headers, _ = quick.http(method, quick.url + path, data, quick.headers())
        assert status == expected, (method, path)
        assert headers["Content-Type"] == "application/json"
        assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


# Guessing


def answer_to(booth, method, body):
    """What a caller can tell one answer from another by, but for the time."""
    status, headers, answer = booth.http(method, booth.url + "/photo", json.dumps(body).encode(), booth.headers())
    return status, sorted((name, value) for name, value in headers.items() if name != "Date"), answer


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_guess_does_not_tell_whether_the_request_id_exists(quick, method):
    taken, used = quick.upload(), quick.upload()
    short = f"b{uuid.uuid4().hex[:8]}"
    assert quick.ask(taken, short)[0] == 202
    assert quick.ask(used, str(uuid.uuid4()))[0] == 202

    def answers(request_id):
        never = fields_of(taken, key=f"photo/{uuid.uuid4()}.jpg")
        bodies = [{}, never, fields_of(used), fields_of(taken, bucket="somebody-elses")]
        return [answer_to(quick, method, {"requestId": request_id} | body) for body in bodies]

    known, unknown = answers(short), answers(f"c{uuid.uuid4().hex[:8]}")
    assert [status for status, _, _ in known] == [400, 404, 409, 403]
    assert known == unknown
    assert quick.ask(taken, short)[0] == 202


def test_what_can_be_seen_of_a_visit_opens_nothing(quick):
    """The ids in pictures' addresses, and those in logs and events, are no requestIds."""
    uploaded, result = quick.process(photo(), scenes=["sky"])
    record = quick.record(uploaded)
    for seen in (record["picture_id"], record["run"], uploaded["Key"].rsplit("/")[1].removesuffix(".jpg")):
        assert quick.post("/photo", {"requestId": seen})[0] == 404
        assert quick.delete(seen)[0] == 404
    assert quick.picture(result["url_original"]).size == (SIDE, SIDE * 3 // 4)


def test_names_that_nobody_chose_have_at_least_122_random_bits(quick):
    """In a day 100 calls a second make 2^23 guesses."""
    quick.redeploy(DocumentedKeys="false")
    seen = [quick.upload() for _ in range(8)]
    names = {each["Key"].removeprefix("photo/").removesuffix(".jpg") for each in seen}
    names |= {quick.record(each)[field] for each in seen for field in ("picture_id", "run")}
    assert len(names) == 24
    assert all((found := uuid.UUID(name)).version == 4 and str(found) == name for name in names)


def test_pictures_of_a_caller_who_counts_have_names_that_nobody_guesses(quick):
    """In production: an id is never refused for being short, and one that is taken is."""
    quick.redeploy(DocumentedKeys="false")
    short, longest = f"{uuid.uuid4().int % 10_000}", uuid.uuid4().hex * 2
    for given, in_upload in ((short, True), (longest, False)):
        uploaded = quick.upload(scenes=["sky", "forest"], **({"id": given} if in_upload else {}))
        request_id = str(uuid.uuid4())
        # With each poll, as a client may send it.
        assert quick.ask(uploaded, request_id, id=given)[0] == 202
        quick.put(uploaded, photo())
        result = quick.await_end(uploaded, request_id, id=given)
        urls = json.loads(result["url_generated"])
        found = [re.fullmatch(rf".*/photo/photo_{given}-([0-9a-f]{{32}})_([12])\.jpeg", url) for url in urls]
        assert [name[2] for name in found] == ["1", "2"]
        [random] = {name[1] for name in found}
        assert uuid.UUID(random).version == 4
        assert quick.http("GET", f"{quick.url}/photo/photo_{given}_1.jpeg")[0] in (403, 404)
        for seen in (given, urls[0].rpartition("photo_")[2].removesuffix("_1.jpeg")):
            if len(seen) <= 64:
                assert ask_for_upload(quick, id=seen)[0] == 409
                assert quick.ask(quick.upload(), str(uuid.uuid4()), id=seen)[0] == 409
        assert quick.delete(request_id)[0] == 200
        assert [quick.http("GET", url)[0] for url in urls] == [403, 403]


def test_one_upload_takes_no_more_than_one_id_by_photo(quick):
    uploaded, request_id = quick.upload(scenes=["sky"]), str(uuid.uuid4())
    names = [uuid.uuid4().hex for _ in range(5)]
    answers = [quick.ask(uploaded, request_id, id=name) for name in (names[0], *names)]
    assert [status for status, _ in answers] == [202, 202, 409, 409, 409, 409]
    # None of those that were refused is used up.
    for name in names[1:]:
        assert ask_for_upload(quick, id=name)[0] == 200
    quick.put(uploaded, photo())
    result = quick.await_end(uploaded, request_id)
    assert f"photo_{names[0]}_1.jpeg" in result["url_generated"]


def test_a_token_that_is_nearly_right_is_wrong(guarded):
    answers = []
    for token in (OLD[:-1], OLD + "x", OLD.upper(), OLD[::-1], "booth-1", "nobody", "*", f"{OLD},{NEW}", "\\" + OLD):
        guarded.token = token
        status, headers, body = ask_for_upload(guarded)
        answers.append((status, body, headers["Cache-Control"]))
    assert answers == [answers[0]] * len(answers)
    assert answers[0][0] == 401


def test_another_booth_can_not_delete_or_take_over_a_visit(guarded):
    guarded.token = OLD
    uploaded, request_id = guarded.upload(), f"b{uuid.uuid4().hex[:8]}"
    assert guarded.ask(uploaded, request_id)[0] == 202
    guarded.token = OTHER
    thief = f"b{uuid.uuid4().hex[:8]}"
    assert guarded.delete(thief, **fields_of(uploaded))[0] == 409
    assert guarded.ask(uploaded, thief)[0] == 409
    assert guarded.delete(request_id)[0] == 400
    guarded.token = OLD
    assert guarded.ask(uploaded, request_id)[0] == 202
