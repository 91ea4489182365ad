"""What goes wrong with a model's service, as its stand-in is told it, and the class that it becomes."""

from booth.errors import AccessDenied, ServiceUnavailable, Throttled

ERRORS = [
    ({"kind": "throttled"}, Throttled),
    ({"kind": "broken"}, ServiceUnavailable),
    ({"kind": "denied"}, AccessDenied),
    ({"kind": "reset"}, ServiceUnavailable),
    ({"kind": "malformed"}, ServiceUnavailable),
]
