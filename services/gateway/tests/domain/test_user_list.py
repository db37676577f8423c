"""The list of users in the order of joining, and its pages."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from opsroom_contracts.chat.models import User
from opsroom_gateway.domain.user_list import UserList

START = datetime(2026, 1, 1, tzinfo=UTC)


def user(number: int, name: str = "") -> User:
    return User(id=f"u{number}", name=name or f"person {number}")


def pages(users: UserList, limit: int) -> list[User]:
    found: list[User] = []
    cursor: str | None = None
    while True:
        page, cursor = users.page(cursor, limit)
        assert len(page) <= limit
        found += page
        if cursor is None:
            return found
        assert len(page) == limit


changes = st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 5))), max_size=60)
"""Who changes, and when they joined, in seconds after the start; None: they leave."""


@given(changes, st.integers(1, 7))
def test_the_list_has_everybody_once_and_in_order(steps: list[tuple[int, int | None]], limit: int) -> None:
    users, model = UserList(), dict[int, int]()
    for number, joined in steps:
        before = users.version, users.all()
        if joined is None:
            users.remove(f"u{number}")
            model.pop(number, None)
        else:
            users.put(user(number), START + timedelta(seconds=joined))
            model[number] = joined
        assert (users.all() == before[1]) or users.version > before[0]
        expected = tuple(user(one) for one in sorted(model, key=lambda one: (model[one], f"u{one}")))
        assert users.all() == expected
        assert len(users) == len(expected)
        assert all((f"u{one}" in users) == (one in model) for one in range(10))
    assert pages(users, limit) == list(users.all())


def test_who_joins_and_leaves_between_pages_hides_nobody() -> None:
    users = UserList()
    for number in range(10):
        users.put(user(number), START + timedelta(seconds=number))
    first, cursor = users.page(None, 4)
    users.remove("u3")  # the page ended with it
    users.remove("u5")
    users.put(user(10), START + timedelta(seconds=10))
    second, following = users.page(cursor, 10)
    assert [one.id for one in (*first, *second)] == [
        "u0",
        "u1",
        "u2",
        "u3",
        "u4",
        "u6",
        "u7",
        "u8",
        "u9",
        "u10",
    ]
    assert following is None


def test_a_new_name_is_a_change() -> None:
    users = UserList()
    users.put(user(1), START)
    version = users.version
    users.put(user(1), START)
    assert users.version == version
    users.put(user(1, "another"), START)
    assert users.version > version
    assert users.all() == (user(1, "another"),)
