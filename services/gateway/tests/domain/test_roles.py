"""The complete table of permissions, written by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from opsroom_contracts.identity import Action, Grant, Mode, Role
from opsroom_gateway.domain.roles import (
    anonymous_role,
    higher_role,
    named_role,
    permissions_of,
    permissions_of_nameless,
    registered_role,
)

NOW = datetime(2026, 11, 24, tzinfo=UTC)

TABLE = """
         register chat see_servers command_servers see_logs moderate manage_people see_audit manage_hooks manage_on_call
nobody   -        -    -           -               -        -        -             -         -            -
guest    yes      -    -           -               -        -        -             -         -            -
member   yes      yes  -           -               -        -        -             -         -            -
viewer   yes      yes  yes         -               -        -        -             -         -            -
operator yes      yes  yes         yes             yes      -        -             -         -            -
admin    yes      yes  yes         yes             yes      yes      yes           yes       yes          yes
"""  # noqa: E501 - a table


def cells() -> list[tuple[str, Action, bool]]:
    """Return every cell of the table."""
    head, *rows = [line.split() for line in TABLE.strip().splitlines()]
    return [
        (row[0], Action(action), word == "yes")
        for row in rows
        for action, word in zip(head, row[1:], strict=True)
    ]


def test_the_table_has_every_action_and_role() -> None:
    assert {action for _, action, _ in cells()} == set(Action)
    assert {who for who, _, _ in cells()} == {"nobody", "guest", *Role}


@pytest.mark.parametrize(("who", "action", "allowed"), cells())
def test_every_role_has_the_permissions_of_the_table(who: str, action: Action, allowed: bool) -> None:
    if who in {"nobody", "guest"}:
        assert (action in permissions_of(None, guests=who == "guest")) is allowed
    else:
        for guests in (True, False):
            assert (action in permissions_of(Role(who), guests=guests)) is allowed


@pytest.mark.parametrize(
    ("mode", "trusted", "role"),
    [
        (Mode.OPEN, True, Role.ADMIN),
        (Mode.OPEN, False, Role.VIEWER),
        (Mode.TOKEN, True, None),
        (Mode.TOKEN, False, None),
        (Mode.OIDC, True, None),
        (Mode.OIDC, False, None),
    ],
)
def test_the_role_of_anonymous_clients(mode: Mode, trusted: bool, role: Role | None) -> None:
    assert anonymous_role(mode, trusted=trusted) is role


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.ADMIN])
@pytest.mark.parametrize("guests", [True, False])
def test_only_a_client_with_a_name_may_command_servers(role: Role | None, guests: bool) -> None:
    assert [named_role(mode) for mode in Mode] == [Role.OPERATOR, None, None]
    nameless = permissions_of_nameless(role, guests=guests)
    assert nameless == permissions_of(role, guests=guests) - {Action.COMMAND_SERVERS}


@pytest.mark.parametrize("guests", [True, False])
@pytest.mark.parametrize("revoked", [True, False])
@pytest.mark.parametrize("until", [None, timedelta(seconds=-1), timedelta(0), timedelta(seconds=1)])
@pytest.mark.parametrize("role", [None, *Role])
def test_a_grant_counts_until_it_expires_or_is_revoked(
    role: Role | None, until: timedelta | None, revoked: bool, guests: bool
) -> None:
    grant = None
    if role is not None:
        grant = Grant(role=role, source="token:x", until=None if until is None else NOW + until)
    counts = role is not None and not revoked and (until is None or until > timedelta(0))
    expected = role if counts else (Role.MEMBER if guests else None)
    assert registered_role(grant, NOW, guests=guests, revoked=revoked) is expected


def test_the_higher_of_two_roles_counts() -> None:
    ladder = [None, *Role]
    for i, one in enumerate(ladder):
        for j, other in enumerate(ladder):
            assert higher_role(one, other) is ladder[max(i, j)]
