"""What goes wrong with a model's service, as its stand-in is told it, and the class that it becomes."""

from booth.errors import AccessDenied, ServiceUnavailable, Throttled

ERRORS = [
    ({"status": 400, "type": "ThrottlingException", "message": "slow down"}, Throttled),
    ({"status": 500, "type": "InternalServerError", "message": "oh"}, ServiceUnavailable),
    ({"status": 400, "type": "AccessDeniedException", "message": "no"}, AccessDenied),
    ({"kind": "reset"}, ServiceUnavailable),
    ({"kind": "malformed"}, ServiceUnavailable),
]
