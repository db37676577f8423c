"""Checks the times among the claims of a signed-in user, and maps them to a name and a role."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from opsroom_contracts.identity import Role
from opsroom_contracts.text import NAME_MAX, NameRuleError, clean_name, clip
from opsroom_gateway.domain.roles import higher_role

_NAMES = ("name", "preferred_username", "nickname", "given_name", "email")
_LATEST = datetime.max.replace(tzinfo=UTC).timestamp()


def time_problem(claims: Mapping[str, Any], now: datetime, skew: timedelta) -> str | None:
    """Return why a token with ``claims`` is not valid at ``now``; None if it is.

    ``exp``, ``nbf`` and ``iat`` are UNIX times (RFC 7519). ``skew``: the tolerated difference of the clocks.
    """
    moment, tolerance = now.timestamp(), skew.total_seconds()
    for claim in ("exp", "nbf", "iat"):
        value = claims.get(claim)
        if value is None:
            continue
        if not isinstance(value, int | float) or not 0 <= value <= _LATEST:  # not a number, or NaN
            return f"the token's claim {claim} must be a time"
        if claim == "exp" and value <= moment - tolerance:
            return "the token has expired: sign in again"
        if claim != "exp" and value > moment + tolerance:
            return f"the token is not valid yet ({claim})"
    return None


def role_in(
    claims: Mapping[str, Any], path: str, roles: Mapping[str, Role], default: Role | None
) -> Role | None:
    """Return the highest role among the values of the claim at ``path`` (dotted), at least ``default``.

    The claim is a string, a string of words, or a list of strings. ``roles`` maps values to roles; anything
    else is ignored.
    """
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    values = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
    role = default
    for value in values:
        if isinstance(value, str):
            role = higher_role(role, roles.get(value))
    return role


def name_in(claims: Mapping[str, Any], fallback: str) -> str:
    """Return a valid name from the first claim that has one, or ``fallback``. Of an e-mail the local part."""
    for claim in _NAMES:
        text = claims.get(claim)
        if not isinstance(text, str):
            continue
        if claim == "email":
            text = text.partition("@")[0]
        try:
            return clean_name(clip(text.strip(), NAME_MAX))
        except NameRuleError:
            continue
    return fallback
