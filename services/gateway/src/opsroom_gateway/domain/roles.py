"""The authorization policy: which role may do what."""

from datetime import datetime
from typing import Final

from opsroom_contracts.identity import Action, Grant, Mode, Role

_LADDER: Final[tuple[tuple[Role, frozenset[Action]], ...]] = (
    (Role.MEMBER, frozenset({Action.REGISTER, Action.CHAT})),
    (Role.VIEWER, frozenset({Action.SEE_SERVERS})),
    (Role.OPERATOR, frozenset({Action.COMMAND_SERVERS, Action.SEE_LOGS})),
    (
        Role.ADMIN,
        frozenset(
            {
                Action.MODERATE,
                Action.MANAGE_PEOPLE,
                Action.SEE_AUDIT,
                Action.MANAGE_HOOKS,
                Action.MANAGE_ON_CALL,
            }
        ),
    ),
)
"""What each role may do in addition to the roles before it."""
_NOT_OF_BOTS: Final = frozenset(
    {Action.REGISTER, Action.MANAGE_PEOPLE, Action.MANAGE_HOOKS, Action.MANAGE_ON_CALL}
)
_RANK: Final = {role: rank for rank, (role, _) in enumerate(_LADDER)}


def permissions_of(role: Role | None, *, guests: bool) -> frozenset[Action]:
    """Return what ``role`` may do. Without a role one may only register, and only if there are ``guests``."""
    if role is None:
        return frozenset({Action.REGISTER}) if guests else frozenset()
    return frozenset().union(*(actions for _, actions in _LADDER[: _RANK[role] + 1]))


def higher_role(one: Role | None, other: Role | None) -> Role | None:
    """Return the role that may do more."""
    if one is None or other is None:
        return one or other
    return one if _RANK[one] >= _RANK[other] else other


def lower_role(one: Role, other: Role | None) -> Role | None:
    """Return the role that may do less; None if there is no ``other``."""
    if other is None:
        return None
    return one if _RANK[one] <= _RANK[other] else other


def permissions_of_bot(role: Role | None) -> frozenset[Action]:
    """Return what a bot with ``role`` may do.

    It makes no other users, no hooks and no rotas: they would last longer than the rights of its owner.
    """
    return permissions_of(role, guests=False) - _NOT_OF_BOTS


def anonymous_role(mode: Mode, *, trusted: bool) -> Role | None:
    """Return the role of an unauthenticated client.

    In ``open`` mode everybody may see the instances; to command them takes a name (:func:`named_role`). The
    audit log contains addresses and a ban excludes users, so these need an admin's token. ``trusted``: the
    client is on this machine, and the operator has chosen to do without a token there. The address alone
    proves nothing: behind a proxy on this machine, every visitor has it.
    """
    if mode is not Mode.OPEN:
        return None
    return Role.ADMIN if trusted else Role.VIEWER


def named_role(mode: Mode) -> Role | None:
    """Return the role of everybody who has registered a name, whatever else they prove."""
    return Role.OPERATOR if mode is Mode.OPEN else None


def permissions_of_nameless(role: Role | None, *, guests: bool) -> frozenset[Action]:
    """Return what a client without a name may do: as its role, but a command has an author."""
    return permissions_of(role, guests=guests) - {Action.COMMAND_SERVERS}


def registered_role(grant: Grant | None, now: datetime, *, guests: bool, revoked: bool) -> Role | None:
    """Return the role of a registration token; None: it no longer has any.

    ``revoked``: the credential behind the grant is no longer valid.
    """
    as_guest = Role.MEMBER if guests else None
    if grant is None or revoked or (grant.until is not None and now >= grant.until):
        return as_guest
    return grant.role
