"""A plugin of pytest that makes boto3's clients cheaper: the tests make thousands, in hundreds of sessions."""

import copy
from functools import cache

from botocore import hooks, loaders, session


class _Names(hooks.EventAliaser):
    """Knows each event's name of today from then on; a client's own knows none when it is made."""

    def __copy__(self) -> "_Names":
        copied = type(self)(copy.copy(self._emitter), self._event_aliases)
        copied._alias_name_cache = self._alias_name_cache
        return copied


def pytest_configure() -> None:
    """Has all sessions of this process read the services' descriptions once, and all their clients share what is worked
    out of botocore's own data.
    """
    session.create_loader = cache(loaders.create_loader)  # what its methods read, they keep
    session.EventAliaser = _Names
