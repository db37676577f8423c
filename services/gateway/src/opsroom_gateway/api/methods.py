"""The methods of a path, which several routes may share."""

from collections.abc import Iterable
from typing import Final

from starlette.routing import BaseRoute, Match
from starlette.types import Scope

_METHODS: Final = ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT")


def matches_any(routes: Iterable[BaseRoute], scope: Scope) -> bool:
    """Return whether one of ``routes`` has the path of a request, for any method."""
    return any(route.matches(scope)[0] is not Match.NONE for route in routes)


def allowed_methods(routes: Iterable[BaseRoute], scope: Scope) -> list[str]:
    """Return the methods of the path of a request, and HEAD if there is GET.

    Routes are asked for each method, because a route may contain others.
    """
    found = [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return sorted([*found, "HEAD"] if "GET" in found else found)
