"""Runs in the table."""

import uuid

from booth.runs import uploads

NOW = 1_900_000_000_000
"""A moment that lies far behind all that the emulators write by their own clock; epoch ms."""


def issue(key="photo/a.jpg", picture_id=""):
    run, picture_id = str(uuid.uuid4()), picture_id or str(uuid.uuid4())
    given = uploads.issue(run, key, picture_id=picture_id, scenes=[], content_type="image/jpeg", consent=None)
    return run if given else None
