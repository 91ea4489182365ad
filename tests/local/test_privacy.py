"""Marked data goes through the whole pipeline, and is looked for wherever it has no business."""

import base64
import io
import json
import re
from datetime import timedelta

import pytest
from boto3.dynamodb.types import TypeDeserializer
from PIL import Image

from booth import limits
from booth.painting.models import ENDPOINT, MODELS
from tests.support.waiting import await_true

NAME, REQUEST, POLICY, EXIF = "Marked-Name", "Marked-Request-2f1c6a1b90", "Marked-Policy", "Marked-Exif"
CONSENT = {"policy": POLICY, "language": "en", "time": "2026-11-22T10:11:12.345Z", "wall": True}
FAULTS = {
    "sagemaker": [{"status": 500, "type": "ModelError", "message": "dead", "times": 1}],
    "bedrock": [
        {"kind": "reset", "times": 1},
        {"kind": "filtered-prompt", "times": 1},
        {"status": 400, "type": "ValidationException", "message": f"What {EXIF} shows is odd.", "times": 1},
    ],
}


def marked_photo():
    exif = Image.Exif()
    exif[0x013B] = exif[0x010E] = EXIF  # artist, description
    exif.get_ifd(0x8825)[0x001B] = EXIF.encode()  # GPS processing method
    out = io.BytesIO()
    Image.effect_noise((333, 251), 60).convert("RGB").save(out, "JPEG", exif=exif, comment=EXIF)
    return out.getvalue()


@pytest.fixture(scope="module", params=["documented keys", "unguessable keys"])
def seen(request, app):
    """One visit with trouble on its way; what it left behind, as text by place, and what must not be in it."""
    from tests.support.booth import HOLD, Booth

    booth = Booth(app)
    documented = request.param == "documented keys"
    # At this size boxes have decimal places by which they are known.
    booth.redeploy(DocumentedKeys="true" if documented else "false", PictureSide="1024")
    booth.stand_in("rekognition", canned={"faces": 7})
    booth.stand_in("bedrock", canned={}, faults=FAULTS["bedrock"])
    booth.stand_in("sagemaker", canned={}, faults=FAULTS["sagemaker"], latency=HOLD)
    earlier = objects(booth)
    log_before = len(app.log_path.read_text(encoding="utf-8"))
    photo, name = marked_photo(), f"{NAME}-{request.param[:4]}"
    request_id = f"{REQUEST}-{request.param[:4]}"
    uploaded = booth.upload(f"{name}.jpg", consent=CONSENT, keep="person")
    assert booth.put(uploaded, photo) == 200
    geometry = boxes(booth, uploaded)
    booth.stand_in("sagemaker", canned={})
    result = booth.await_end(uploaded, request_id)
    assert (result["status"], len(json.loads(result["url_generated"]))) == ("PARTIAL", 2)
    assert booth.await_clean(uploaded) == []
    run = booth.record(uploaded)["run"]
    places = {
        "history": history(booth, run),
        "log": app.log_path.read_text(encoding="utf-8")[log_before:],
        "table": table(booth, run),
        "objects": told_of(booth, objects(booth) - earlier),
    }
    app.redeploy()
    for service in ("rekognition", "sagemaker", "bedrock"):
        booth.http("DELETE", f"{app.standins_url}/standins/{service}")
    marks = {
        "name": name,
        "request": request_id,
        "policy": POLICY,
        "time of the consent": CONSENT["time"],
        "exif": EXIF,
        "photo": base64.b64encode(photo)[100:140].decode(),
        **{f"number {number}": number for number in geometry},
    }
    return places, marks, documented, [booth.http("GET", url)[2] for url in urls_of(result)]


def urls_of(result):
    return [result["url_original"], *json.loads(result["url_generated"])]


def boxes(booth, uploaded):
    """The numbers of the faces' boxes and landmarks as they stand in work/ while the run goes on."""
    key = f"work/{booth.record(uploaded)['run']}/faces.json"
    await_true(lambda: booth.results(key))
    text = booth.s3.get_object(Bucket=booth.app.results_bucket, Key=key)["Body"].read().decode()
    numbers = set(re.findall(r"\d+\.\d{3,}", text))
    assert len(numbers) > 20
    return numbers


def history(booth, run):
    [execution] = booth.executions(run)
    arn = execution["executionArn"]
    told = [booth.steps.describe_execution(executionArn=arn)]
    for page in booth.steps.get_paginator("get_execution_history").paginate(executionArn=arn):
        told += page["events"]
    return json.dumps(told, default=str)


def table(booth, run):
    value = TypeDeserializer().deserialize
    pages = booth.table.get_paginator("scan").paginate(TableName=booth.table_name)
    items = [item for page in pages for item in page["Items"] if item.get("run", {}).get("S") == run]
    return json.dumps([{name: value(field) for name, field in item.items()} for item in items], default=str)


def objects(booth):
    """(bucket, key) of all objects."""
    found = set()
    for bucket in (booth.app.uploads_bucket, booth.app.results_bucket):
        for page in booth.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            found |= {(bucket, entry["Key"]) for entry in page.get("Contents", [])}
    return found


def told_of(booth, objects):
    """Names, metadata and tags of objects."""
    told = []
    for bucket, key in sorted(objects):
        place = {"Bucket": bucket, "Key": key}
        told += [key, booth.s3.head_object(**place), booth.s3.get_object_tagging(**place)["TagSet"]]
    return json.dumps(told, default=str)


def found(text, marks):
    return {what for what, mark in marks.items() if mark in text}


def test_the_execution_tells_nothing(seen):
    places, marks, _, _ = seen
    assert found(places["history"], marks) == set()


def test_logs_and_metrics_tell_nothing(seen):
    places, marks, _, _ = seen
    log = places["log"]
    assert found(log, marks) == set()
    # It is the log of this run, with its troubles.
    assert log.count("Duration:") >= 12
    metrics = [json.loads(line.partition("] ")[2]) for line in log.splitlines() if '"_aws"' in line]
    assert metrics
    for each in metrics:
        [told] = each["_aws"]["CloudWatchMetrics"]
        names = {metric["Name"] for metric in told["Metrics"]}
        assert told["Dimensions"] in ([["service"]], [["model", "service"]])
        assert each.keys() - names <= {"_aws", "service", "model"}
        assert each.get("model", ENDPOINT) in {*MODELS, ENDPOINT}


def test_the_table_keeps_the_consent_and_where_it_is_the_contract_the_name(seen):
    places, marks, documented, _ = seen
    allowed = {"policy", "time of the consent"} | ({"name"} if documented else set())
    assert found(places["table"], marks) == allowed
    for item in json.loads(places["table"]):
        lasting = {name: value for name, value in item.items() if name not in ("consent", "key", "original")}
        assert found(json.dumps(lasting), marks) == set()


def test_names_and_metadata_of_objects_tell_nothing_but_the_documented_name(seen):
    places, marks, documented, _ = seen
    assert found(places["objects"], marks) == ({"name"} if documented else set())


def test_the_pictures_carry_no_metadata_of_the_photo(seen):
    _, marks, _, pictures = seen
    assert len(pictures) == 3
    for data in pictures:
        assert not [mark for mark in marks.values() if mark.encode() in data]


def test_of_a_photo_that_failed_no_copy_is_shown(quick):
    """The copy was shown while faces were looked for. Nobody came for it alone."""
    quick.stand_in("rekognition", canned={"faces": 0})
    uploaded = quick.upload()
    quick.put(uploaded, marked_photo())
    result = quick.await_end(uploaded)
    assert (result["error"]["code"], result["url_original"]) == ("NoFaceFound", "")
    await_true(lambda: quick.results(uploaded["Key"]) == [])
    assert "original" not in quick.record(uploaded)


def test_pictures_are_kept_by_browsers_for_as_long_as_by_the_cdn(quick):
    """The objects say so themselves, here as on AWS."""
    _, result = quick.process(marked_photo(), scenes=["sky"])
    for url in urls_of(result):
        assert quick.http("GET", url)[1]["Cache-Control"] == f"max-age={limits.CACHE_SECONDS}"
        key = url.removeprefix(quick.url + "/")
        head = quick.s3.head_object(Bucket=quick.app.results_bucket, Key=key)
        assert head["CacheControl"] == f"max-age={limits.CACHE_SECONDS}"


def test_no_upload_grows_older_than_a_day(quick):
    """Photos that the application was never told of, in every version, and delete markers."""
    from moto.s3.models import s3_backends

    quick.app.drop_events = True
    old, young = f"photo/{NAME}-old.jpg", f"photo/{NAME}-young.jpg"
    bucket = quick.app.uploads_bucket
    for key in (old, old, young):
        quick.s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    quick.s3.delete_object(Bucket=bucket, Key=old)
    for version in s3_backends["123456789012"]["aws"].buckets[bucket].keys.getlist(old):
        version.last_modified -= timedelta(seconds=limits.UPLOAD_SECONDS + 1)
    name = quick.app.stack.functions["Purge"].name
    assert quick.app.lambdas.invoke(name, b"{}").body == b"null"
    left = quick.s3.list_object_versions(Bucket=bucket, Prefix=f"photo/{NAME}-")
    assert [each["Key"] for each in [*left["Versions"], *left.get("DeleteMarkers", [])]] == [young]
