"""Who may do what. The whole policy is here; everything else asks it."""

from datetime import datetime
from typing import Final

from opsroom_contracts.identity import Action, Grant, Mode, Role

_LADDER: Final[tuple[tuple[Role, frozenset[Action]], ...]] = (
    (Role.MEMBER, frozenset({Action.REGISTER, Action.CHAT})),
    (Role.VIEWER, frozenset({Action.SEE_SERVERS})),
    (Role.OPERATOR, frozenset({Action.COMMAND_SERVERS})),
    (Role.ADMIN, frozenset({Action.MODERATE, Action.SEE_AUDIT})),
)
"""What each role may beyond those before it."""
_RANK: Final = {role: rank for rank, (role, _) in enumerate(_LADDER)}


def permissions_of(role: Role | None, *, guests: bool) -> frozenset[Action]:
    """What ``role`` may do; nobody may register where there are ``guests``, and nothing else."""
    if role is None:
        return frozenset({Action.REGISTER}) if guests else frozenset()
    return frozenset().union(*(actions for _, actions in _LADDER[: _RANK[role] + 1]))


def higher_role(one: Role | None, other: Role | None) -> Role | None:
    """The one of two roles that may do more."""
    if one is None or other is None:
        return one or other
    return one if _RANK[one] >= _RANK[other] else other


def anonymous_role(mode: Mode, *, local: bool) -> Role | None:
    """The role of someone who proved nothing; ``local``: they ask from this very machine.

    In ``open`` mode anybody commands servers, but the audit tells addresses and a ban shuts people out, so
    those are for the machine itself, or for an admin's token.
    """
    if mode is not Mode.OPEN:
        return None
    return Role.ADMIN if local else Role.OPERATOR


def registered_role(grant: Grant | None, now: datetime, *, guests: bool, revoked: bool) -> Role | None:
    """The role that a registration token has; None: it is worth nothing (any more).

    ``revoked``: the proof that the grant came from counts no longer.
    """
    as_guest = Role.MEMBER if guests else None
    if grant is None or revoked or (grant.until is not None and now >= grant.until):
        return as_guest
    return grant.role
