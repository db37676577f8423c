"""The attempts of lesser roles cover every route and every subject."""

import pytest

from opsroom_contracts.identity import Role
from opsroom_gateway.app import describe
from tests.fuzz.cases.role_cases import Identity, RoleRequest, RoleSubject, covers, operations, role_cases

IDS = dict.fromkeys(
    (
        *("room", "name", "user_id", "message_id", "instance_id", "operation_id", "restriction_id"),
        *(
            "invitation_id",
            "provider",
            "bot_id",
            "file_id",
            "source",
            "message",
            "digest",
            "emoji",
            "hook_id",
            "webhook_id",
            "secret",
            "format",
            "schedule",
            "incident_id",
        ),
    ),
    "x",
)


def test_every_route_that_needs_a_role_is_tried_without_one() -> None:
    document = describe()  # in open mode, every route is free
    for methods in document["paths"].values():
        for described in methods.values():
            if "security" in described and described["tags"] != ["session"]:
                described["security"] = [one for one in described["security"] if one]
    tried = operations(document, IDS)
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            free = {} in described.get("security", [{}])
            named = any(
                (one.method, one.path.partition("?")[0]) == (method.upper(), path.format(**IDS))
                for one in tried
            )
            assert named is not free, (method, path)
    nobody = [Identity("nobody", None, None)]
    requests = [one for one in role_cases(nobody, tried, IDS, "secret", 1) if isinstance(one, RoleRequest)]
    assert len(requests) == len(tried)


def test_a_route_with_an_unknown_tag_is_noticed() -> None:
    document = {"paths": {"/new": {"get": {"tags": ["new"], "security": [{"token": []}]}}}}
    with pytest.raises(LookupError):
        operations(document, IDS)


def test_a_role_is_not_tried_at_what_it_may_do() -> None:
    document = {"paths": {"/new": {"post": {"tags": ["cloud"], "security": [{"token": []}]}}}}
    (route,) = (one for one in operations(document, IDS) if one.path == "/new")
    assert route.role is Role.OPERATOR
    everybody = [Identity(role, role, role) for role in Role]
    refused = [
        one for one in role_cases(everybody, [route], IDS, "secret", 1) if isinstance(one, RoleRequest)
    ]
    assert {one.who for one in refused} == {"member", "viewer"}


def test_no_broker_user_is_tried_at_its_own_subjects() -> None:
    subjects = [one for one in role_cases([], [], IDS, "secret", 1) if isinstance(one, RoleSubject)]
    assert RoleSubject("lesser role: NATS", "gateway", "chat.events.x.y", subscribe=False) in subjects
    assert not any(one.user == "chat" and one.subject.startswith("chat.events.") for one in subjects)


@pytest.mark.parametrize(
    ("pattern", "subject", "covered"),
    [
        ("a.*", "a.b", True),
        ("a.*", "a.*", True),
        ("a.*", "a.>", False),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        ("a.b", "a.*", False),
        ("a", "a.b", False),
        (">", "*", True),
    ],
)
def test_a_pattern_covers_what_it_matches(pattern: str, subject: str, covered: bool) -> None:
    assert covers(pattern, subject) is covered
