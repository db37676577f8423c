"""A welcome is the same, whether its users were encoded for it or for another one before."""

import json
from datetime import UTC, datetime

import pytest

from opsroom_contracts.chat.frames import WelcomeFrame
from opsroom_contracts.chat.models import USERS_PAGE, User
from opsroom_contracts.serialization.codec import contract_of, decode
from opsroom_gateway.api.chat_socket.welcomes import Newcomer, Welcomes
from opsroom_gateway.domain.user_list import UserList
from opsroom_gateway.fanout.replay import Cursor

HOSTILE = '"users":[]'
AT = datetime(2026, 11, 30, tzinfo=UTC)
ANN = User(id="ann", name=HOSTILE)


def welcome(welcomes: Welcomes, *, pages: bool) -> WelcomeFrame:
    """Return the next welcome, decoded from its WebSocket frame."""
    frame = welcomes.frame(Newcomer(ANN, None, (), None, None, pages=pages), Cursor(7))
    payload = frame[frame.index(b"{") :]
    assert list(json.loads(payload))[:3] == ["type", "user", "users"]
    return decode(contract_of(WelcomeFrame), payload)


@pytest.mark.parametrize("pages", [True, False])
def test_each_welcome_has_the_users_of_its_moment(pages: bool) -> None:
    users = UserList()
    welcomes = Welcomes(users)
    assert welcome(welcomes, pages=pages).users == ()
    expected: list[User] = []
    for number in range(USERS_PAGE + 20):
        user = User(id=f"u{number}", name=f"{number} {HOSTILE}")
        users.put(user, AT.replace(microsecond=number * 1000))
        expected.append(user)
        if number % 30 == 0 or number > USERS_PAGE:
            for _ in range(2):
                found = welcome(welcomes, pages=pages)
                assert found.user == ANN
                assert list(found.users) == (expected[:USERS_PAGE] if pages else expected)
                assert found.user_count == (len(expected) if pages else None)
                assert (found.next_users is None) == (not pages or len(expected) <= USERS_PAGE)
    renamed = User(id="u3", name="another name")
    users.put(renamed, AT.replace(microsecond=3000))
    assert renamed in welcome(welcomes, pages=pages).users
    users.remove("u3")
    assert renamed not in welcome(welcomes, pages=pages).users
