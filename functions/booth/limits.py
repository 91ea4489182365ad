"""The times of a run, in seconds, in one place. The state machine's own timeouts follow from them."""

URL_SECONDS = 300
"""How long a presigned upload URL is valid (the contract's `Expires`)."""

FIRST_CHECK_SECONDS = 60
"""`sweep` looks for a photo whose event was lost at this age of the upload, when its URL expires, and at the end."""

LATE_UPLOAD_SECONDS = 600
"""An upload whose PUT never comes ends this long after its URL has expired."""

RUN_SECONDS = 120
"""A run has ended at the latest this long after its last picture's turn; before it has one, after its claim."""

STOP_SECONDS = RUN_SECONDS - 8
"""After this long `sweep` stops the execution and settles the run: it leaves time for doing so."""

QUEUE_SECONDS = 900
"""A picture's turn comes at the latest this long after the claim; else it is refused at once."""

LATEST_SEGMENTING_SECONDS = 25
"""Segment Anything is not asked later than this into the run: the ellipses are kept, and there is time to paint."""

LATEST_PAINTING_SECONDS = 60
"""No model call starts later than this after the picture's turn: a call of 40 s and `finish` still fit in."""

MODEL_CALL_SECONDS = 40
"""Read timeout of one image model call. Published figures for one 1024 px picture lie between 3 and 15 s."""

CHECK_SECONDS = 20
"""`sweep` asks Step Functions about a run this often, from this age on: nearly all have ended by then."""

LEASE_SECONDS = 5
"""A look of `sweep` at a run that fails, or dies, is repeated after this long, then after twice as long, and so on."""

LONGEST_LEASE_SECONDS = 600
"""The longest of these pauses."""

REMOVING_SECONDS = 5
"""How long one look, or a visitor's DELETE, removes versions of an upload; thousands are not removed in one go."""

CONTINUE_SECONDS = 2
"""After this pause `sweep` goes on with a run of which something was left: the others have their turn."""

CLEAN_SECONDS = 120
"""After the end `sweep` cleans once more when no function of the run can be alive (their timeouts are shorter)."""

DELETE_SECONDS = 60
"""A deletion that broke off is taken up by `sweep` after this long: later than its function's timeout."""

TRY_AGAIN_SECONDS = 3600
"""How long the upload of a run that failed through no fault of the photo is kept, so that it can be tried again."""

UPLOAD_SECONDS = 23 * 3600
"""`purge`, once an hour, deletes every upload that is older: none is kept for more than a day."""

PURGE_SECONDS = 90
"""How long one `purge` deletes. Its function's timeout is half a minute later; what is left, the next one takes up."""

CACHE_SECONDS = 300
"""How long the CDN and browsers keep a picture that they were given; template.yaml says the same to the CDN."""

LONG_POLL_SECONDS = 20
"""Longest `wait` of POST /photo; API Gateway ends every call at 30 s."""

ASK_AGAIN_SECONDS = 2
"""When to ask again, if that many are held."""
