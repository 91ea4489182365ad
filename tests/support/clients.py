"""A plugin of pytest that makes boto3's clients cheaper, and fewer: the tests would make thousands."""

import copy
import os
from collections.abc import Callable
from functools import cache
from typing import Any

from botocore import hooks, loaders, session

from booth.aws import clients


class _Names(hooks.EventAliaser):
    """Knows each event's name of today from then on; a client's own knows none when it is made."""

    def __copy__(self) -> "_Names":
        copied = type(self)(copy.copy(self._emitter), self._event_aliases)
        copied._alias_name_cache = self._alias_name_cache
        return copied


@cache
def _service_id(service: str) -> str:
    """As it stands in a variable's name, such as SECRETS_MANAGER."""
    return session.get_session().get_service_model(service).service_id.replace(" ", "_").upper()


class Clients:
    """`booth.aws.clients.client`, of which `cache_clear` leaves the clients of `emulator`, the URL that tests share.

    Each is for the environment that it was made in, but for other services' addresses, which differ from test to test.
    A test that registers a handler with one has it to itself.
    """

    emulator = ""

    def __init__(self, make: Callable[..., Any]):
        self._make = make
        self._made: dict[tuple, Any] = {}
        self._changed: set[tuple] = set()

    def __call__(self, *arguments: Any, **more: Any) -> Any:
        own = f"AWS_ENDPOINT_URL_{_service_id(arguments[0])}"
        names = [name for name in os.environ if name.startswith("AWS_")]
        names = [name for name in names if not name.startswith("AWS_ENDPOINT_URL_") or name == own]
        environment = frozenset((name, os.environ[name]) for name in names)
        key = (arguments, frozenset(more.items()), environment)
        if key not in self._made:
            made = self._made[key] = self._make(*arguments, **more)
            register = made.meta.events.register

            def registering(*handler: Any, **how: Any) -> None:
                self._changed.add(key)
                register(*handler, **how)

            made.meta.events.register = registering
        return self._made[key]

    def cache_clear(self) -> None:
        shared = {key: made for key, made in self._made.items() if made.meta.endpoint_url == self.emulator}
        kept = {key: made for key, made in shared.items() if key not in self._changed}
        for key in self._made.keys() - kept.keys():
            self._made[key].close()  # its connections would stay open until somebody looks for garbage
        self._made = kept
        self._changed.clear()


clients.client = Clients(clients.client.__wrapped__)  # now: whoever is imported from here on takes it


def pytest_configure() -> None:
    """Has all sessions of this process read the services' descriptions once, and all their clients share what is worked
    out of botocore's own data.
    """
    session.create_loader = cache(loaders.create_loader)  # what its methods read, they keep
    session.EventAliaser = _Names
