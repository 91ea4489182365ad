"""The time limits of a run, in seconds. The state machine's own timeouts follow from them."""

import os

SLOW_PAINTER_SECONDS = int(os.environ.get("SLOW_PAINTER_SECONDS", "0"))
"""How much longer than on AWS an image model may take: the local mode says so, for a painter of its own."""

URL_SECONDS = 300
"""How long a presigned upload URL is valid (the contract's `Expires`)."""

FIRST_CHECK_SECONDS = 60
"""`sweep` asks S3 for a photo whose event was lost this long after /upload, when its URL expires, and at the end."""

LATE_UPLOAD_SECONDS = 600
"""An upload whose PUT never comes ends this long after its URL has expired."""

RUN_SECONDS = 120 + SLOW_PAINTER_SECONDS
"""A run's deadline: this long after its last picture's turn; before it has turns, after its claim."""

STOP_SECONDS = RUN_SECONDS - 8
"""After this long, counted as RUN_SECONDS, `sweep` ends the run and stops its execution."""

QUEUE_SECONDS = 900
"""The latest turn that is given, counted from the claim; a run that would wait longer fails with QueueFull."""

LATEST_SEGMENTING_SECONDS = 25
"""No call of Segment Anything begins later after the claim: the ellipses are kept, and there is time to paint."""

LATEST_PAINTING_SECONDS = 60
"""No model call begins later after the picture's turn: a call of MODEL_CALL_SECONDS and `finish` still fit in."""

MODEL_CALL_SECONDS = 40 + SLOW_PAINTER_SECONDS
"""Read timeout of one image model call. Published figures for one 1024 px picture lie between 3 and 15 s."""

LATEST_REPAINT_CHECK_SECONDS = 20
"""A finished picture's faces are counted no later after its function was invoked: the count (7), another painting
and publishing it still fit in the function's 60."""

REPAINT_CALL_SECONDS = 25
"""Read timeout of the image model call by which a picture is painted once more."""

CHECK_SECONDS = 20
"""`sweep` calls DescribeExecution for a run this often, first at this age: nearly all have ended by then."""

LEASE_SECONDS = 5
"""`sweep` leases a run for this long; each lease that follows one that failed or was cut off is twice as long."""

LONGEST_LEASE_SECONDS = 600
"""The longest lease."""

REMOVING_SECONDS = 5
"""How long one check of `sweep`, or one DELETE /photo, deletes versions of an upload; what is left comes later."""

CONTINUE_SECONDS = 2
"""After this pause `sweep` goes on with a run of which versions are left: other runs come first meanwhile."""

CLEAN_SECONDS = 120 + SLOW_PAINTER_SECONDS
"""This long after a run's end no function works on it any more (their timeouts are shorter): `sweep` cleans again."""

DELETE_SECONDS = 60
"""`sweep` continues a deletion that was cut off after this long, which is more than the function's timeout."""

TRY_AGAIN_SECONDS = 3600
"""How long the upload of a run is kept that failed with another error than a PhotoError: it can be tried again."""

AGAIN_SECONDS = 3600
"""How long after its claim a photo is kept whose visitor asked for it, for further runs: see `booth.runs.again`."""

UPLOAD_SECONDS = 23 * 3600
"""`purge`, once an hour, deletes every upload that is older; so none is kept for more than a day."""

PURGE_SECONDS = 90
"""How long one `purge` deletes; its function's timeout is 30 s later. The next one continues."""

CACHE_SECONDS = 300
"""Cache-Control max-age of results; the CDN's cache policy in template.yaml has the same time to live."""

LONG_POLL_SECONDS = 20
"""Longest `wait` (long poll) of POST /photo; API Gateway's own timeout is 30 s."""

ASK_AGAIN_SECONDS = 2
"""Retry-After of a poll that may not wait because the run has `concurrency.long_polls` already."""
