"""The name of a signed-in user belongs to their identity until the session ends."""

from datetime import UTC, datetime, timedelta

import pytest

from opsroom_chat.domain.name_holders import NameHolders
from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import LeaveReason, Member, MemberStatus, ProtocolVersion, User
from opsroom_contracts.chat.moderation import RevokeRequest
from opsroom_contracts.identity import Grant, Role
from opsroom_testkit.broker import BrokerProcess
from services.chat.tests.harness import Chat, another, refusal

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
END = NOW + timedelta(hours=1)


def grant(subject: str) -> Grant:
    """Return the grant of a subject of the issuer, whose session ends much later."""
    until = datetime.now(UTC) + timedelta(hours=12)
    return Grant(role=Role.MEMBER, source=f"oidc:{subject}", until=until)


async def signed_in_and_left(chat: Chat, name: str, subject: str) -> str:
    """Register with a grant, and leave. Returns the token."""
    registered = await chat.register(name, grant=grant(subject))
    assert registered.token is not None
    await chat.join(registered.token)
    await chat.leave(registered.user.id, manner=LeaveReason.EXIT)
    return registered.token


async def test_while_a_signed_in_user_is_away_nobody_else_can_take_the_name(
    chat: Chat, broker_process: BrokerProcess
) -> None:
    guest = await chat.register("Olga")
    await chat.leave(guest.user.id, manner=LeaveReason.EXIT)
    token = await signed_in_and_left(chat, "Olga", "olga")
    async with another(broker_process.url) as other:
        for client in (chat, Chat(other)):
            for dialect in ProtocolVersion:
                assert (await refusal(client.register("OLGA", dialect=dialect))).code == "name_taken"
            assert (await refusal(client.register("Olga", grant=grant("eve")))).code == "name_taken"
            assert (await refusal(client.join(guest.token))).code == "name_taken"
    await chat.join(token)
    assert await chat.names() == ["Olga"]


async def test_the_same_identity_can_take_its_name_again_and_signing_out_frees_it(chat: Chat) -> None:
    await signed_in_and_left(chat, "Olga", "olga")
    again = await chat.register("Olga", grant=grant("olga"))
    await chat.requester.request(endpoints.REVOKE, RevokeRequest(user_id=again.user.id))
    assert (await chat.register("Olga", grant=grant("eve"))).user.name == "Olga"


def record(user_id: str, joined_at: datetime, source: str | None, until: datetime | None = None) -> Member:
    return Member(
        user=User(id=user_id, name="Olga"),
        dialect=ProtocolVersion.V1,
        status=MemberStatus.AWAY,
        joined_at=joined_at,
        grant=None if source is None else Grant(role=Role.MEMBER, source=source, until=until),
    )


def test_a_name_has_its_owner_until_the_session_ends() -> None:
    holders, name = NameHolders(), "Olga"
    holders.put(record("1", NOW, "oidc:olga", END))
    assert holders.owner(name, NOW) == "oidc:olga"
    assert holders.owner(name, END) is None
    assert holders.identity(name) == "oidc:olga"


@pytest.mark.parametrize("late", [False, True], ids=["in order", "the earlier record late"])
def test_the_last_holder_counts(late: bool) -> None:
    holders, name = NameHolders(), "Olga"
    first, second = record("1", NOW, "oidc:olga", END), record("2", NOW + timedelta(minutes=1), None)
    for one in (first, second, first) if late else (first, second):
        holders.put(one)
    assert holders.identity(name) is None
    assert holders.owner(name, NOW) is None


def test_names_of_static_tokens_are_remembered_but_not_owned() -> None:
    holders = NameHolders()
    holders.put(record("1", NOW, "token:abc"))
    assert holders.identity("OLGA") == "token:abc"
    assert holders.owner("OLGA", NOW) is None
