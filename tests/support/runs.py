"""Runs in the table."""

import uuid

from booth.runs import uploads


def issue(key="photo/a.jpg", picture_id=""):
    run, picture_id = str(uuid.uuid4()), picture_id or str(uuid.uuid4())
    given = uploads.issue(run, key, picture_id=picture_id, scenes=[], content_type="image/jpeg", consent=None)
    return run if given else None
