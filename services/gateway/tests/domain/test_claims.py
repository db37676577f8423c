"""Times, roles and names from claims."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opsroom_contracts.identity import Role
from opsroom_gateway.domain.claims import name_in, role_in, time_problem

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


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"exp": 1060, "nbf": 940, "iat": 940}, None),
        ({"exp": 991, "nbf": 1010, "iat": 1010.0}, None),
        ({"exp": 990}, "the token has expired: sign in again"),
        ({"exp": 1060, "nbf": 1011}, "the token is not valid yet (nbf)"),
        ({"exp": 1060, "iat": 1011}, "the token is not valid yet (iat)"),
        ({"exp": "1060"}, "the token's claim exp must be a time"),
        ({"exp": float("nan")}, "the token's claim exp must be a time"),
        ({"exp": 10**400}, "the token's claim exp must be a time"),
        ({"exp": 1060, "nbf": []}, "the token's claim nbf must be a time"),
    ],
)
def test_the_times_of_a_token_are_compared_with_the_given_clock(
    claims: dict[str, Any], problem: str | None
) -> None:
    assert time_problem(claims, datetime.fromtimestamp(1000, UTC), timedelta(seconds=10)) == problem
