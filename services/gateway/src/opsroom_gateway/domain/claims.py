"""Maps the claims of a signed-in user to a name and a role."""

from collections.abc import Mapping
from typing import Any

from opsroom_contracts.identity import Role
from opsroom_contracts.text import NAME_MAX, NameRuleError, clean_name
from opsroom_gateway.domain.roles import higher_role

_NAMES = ("name", "preferred_username", "nickname", "given_name", "email")


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
            return clean_name(text[:NAME_MAX])
        except NameRuleError:
            continue
    return fallback
