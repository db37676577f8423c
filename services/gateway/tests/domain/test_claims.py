"""Roles and names from claims."""

from typing import Any

import pytest

from opsroom_contracts.identity import Role
from opsroom_gateway.domain.claims import name_in, role_in

ROLES = {"ops": Role.OPERATOR, "admins": Role.ADMIN, "viewer": Role.VIEWER}


@pytest.mark.parametrize(
    ("claims", "path", "default", "role"),
    [
        ({"groups": ["ops"]}, "groups", None, Role.OPERATOR),
        ({"groups": ["viewer", "admins", "ops"]}, "groups", None, Role.ADMIN),
        ({"groups": "viewer ops"}, "groups", None, Role.OPERATOR),
        ({"realm": {"roles": ["ops"]}}, "realm.roles", None, Role.OPERATOR),
        ({"groups": ["admins2", "Admins"]}, "groups", None, None),
        ({"groups": ["x"]}, "groups", Role.MEMBER, Role.MEMBER),
        ({"groups": ["viewer"]}, "groups", Role.OPERATOR, Role.OPERATOR),
        ({}, "groups", None, None),
        ({"groups": {"admins": True}}, "groups", None, None),
        ({"groups": [{"admins": 1}, 7, None]}, "groups", None, None),
        ({"realm": "admins"}, "realm.roles", None, None),
    ],
)
def test_the_highest_role_of_a_claim_counts(
    claims: dict[str, Any], path: str, default: Role | None, role: Role | None
) -> None:
    assert role_in(claims, path, ROLES, default) is role


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "Ольга", "email": "o@x"}, "Ольга"),
        ({"name": "", "preferred_username": "olga"}, "olga"),
        ({"name": 7, "email": "olga@x.example"}, "olga"),
        ({"name": "\u202eevil", "nickname": "nick"}, "nick"),
        ({"name": "n" * 50}, "n" * 32),
        ({}, "otherwise"),
    ],
)
def test_the_name_is_the_first_valid_one(claims: dict[str, Any], name: str) -> None:
    assert name_in(claims, "otherwise") == name
