"""Runs in the table."""

import uuid

from booth import keys, scenes
from booth.aws import objects
from booth.runs import store, uploads

NOW = 1_900_000_000_000
"""A moment that lies far behind all that the emulators write by their own clock; epoch ms."""


def issue(key="photo/a.jpg", picture_id=""):
    run, picture_id = str(uuid.uuid4()), picture_id or str(uuid.uuid4())
    given = uploads.issue(run, key, picture_id=picture_id, scenes=[], content_type="image/jpeg", consent=None)
    return run if given else None


def shown(key="", wall=None):
    """A run whose copy and first picture are shown, not ended; gives its requestId.

    With `wall` the consent says whether pictures may be shown on the event's wall.
    """
    run, request_id, key = str(uuid.uuid4()), str(uuid.uuid4()), key or f"photo/{uuid.uuid4()}.jpg"
    consent = wall if wall is None else {"policy": "1", "language": "en", "time": "2030-01-01", "wall": wall}
    assert uploads.issue(run, key, picture_id=run, scenes=[], content_type="image/jpeg", consent=consent)
    uploads.bind(store.get(run), request_id)
    store.claim(run, "v")
    store.enter(run, "generate")
    store.publish_copy(run, key, scenes.chosen(("sky",)))
    store.publish_picture(run, 1, keys.picture_key(run, 1))
    for each in store.get(run).published:
        objects.put_result(each, b"jpeg")
    return request_id
