"""Names that look alike are one name, also beside processes and records of an older release."""

import asyncio
from datetime import UTC, datetime

import pytest

from opsroom_chat.domain.names import name_keys
from opsroom_contracts.chat.models import (
    NAME_CLAIM,
    LeaveReason,
    Member,
    MemberStatus,
    NameClaim,
    ProtocolVersion,
    RegisterReply,
    User,
)
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import member_subject, name_subject
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat, another, connection, refusal


async def holders(chat: Chat, name: str) -> list[str | None]:
    """Return who claims each key of a name."""
    stored = [await chat.members.last(name_subject(key)) for key in name_keys(name)]
    return [None if one is None else NAME_CLAIM.read(one.data).user_id for one in stored]


@pytest.mark.parametrize(("held", "other"), [("ADMIN", "ꓮꓓꓟꓲꓠ"), ("alice", "aIice"), ("cop", "сор")])
async def test_a_name_that_looks_like_a_held_one_is_taken_until_it_is_free(
    chat: Chat, held: str, other: str
) -> None:
    ann = await chat.present(held)
    assert (await refusal(chat.register(other))).code is ErrorCode.NAME_TAKEN
    await chat.leave(ann.user.id, manner=LeaveReason.EXIT)
    assert (await chat.until_free(other)).user.name == other
    assert (await refusal(chat.register(held))).code is ErrorCode.NAME_TAKEN


async def test_one_of_two_names_that_look_alike_is_claimed_at_two_processes_at_once(
    chat: Chat, broker_process: BrokerProcess
) -> None:
    async with another(broker_process.url) as other:
        for n in range(4):
            attempts: tuple[RegisterReply | BaseException, ...] = await asyncio.gather(
                chat.register(f"ADMIN {n}"), Chat(other).register(f"ꓮꓓꓟꓲꓠ {n}"), return_exceptions=True
            )
            refused = [one for one in attempts if isinstance(one, FaultError)]
            assert [one.fault.code for one in refused] == [ErrorCode.NAME_TAKEN]


async def test_names_are_kept_as_typed(chat: Chat) -> None:
    for name in ("Вася№1", "Кот™", "H₂O", "Маша ❤️", "\U0001fae8"):
        assert (await chat.register(name)).user.name == name
    assert (await chat.register("Anna  Smith")).user.name == "Anna Smith"
    assert (await refusal(chat.register("Anna\u2003Smith"))).code is ErrorCode.NAME_TAKEN


async def test_a_user_of_an_older_release_gets_the_keys_of_this_one(chat: Chat) -> None:
    """An older release claims the first key only, and releases only that one."""
    user = User(id="old", name="ADMIN")
    record = Member(
        user=user,
        dialect=ProtocolVersion.V1,
        status=MemberStatus.PRESENT,
        connections=(connection("c1"),),
        joined_at=datetime.now(UTC),
    )
    first, *others = name_keys(user.name)
    await chat.put(member_subject(user.id), encode(record))
    await chat.put(name_subject(first), encode(NameClaim(user_id=user.id)))
    await until_answer(lambda: holders(chat, user.name), lambda found: set(found) == {user.id})
    assert (await refusal(chat.register("ꓮꓓꓟꓲꓠ"))).code is ErrorCode.NAME_TAKEN

    gone = record.model_copy(update={"status": MemberStatus.AWAY, "connections": ()})
    await chat.put(member_subject(user.id), encode(gone))
    await chat.put(name_subject(first), encode(NameClaim()))
    await until_answer(lambda: holders(chat, user.name), lambda found: set(found) == {None})
    assert others
    assert (await chat.register("ꓮꓓꓟꓲꓠ")).user.name == "ꓮꓓꓟꓲꓠ"


async def test_two_users_of_an_older_release_keep_their_names(chat: Chat) -> None:
    """They look alike for this release only: the first one gets the common key, and both can stay."""
    for user_id, name in (("one", "ADMIN"), ("two", "ꓮꓓꓟꓲꓠ")):
        record = Member(
            user=User(id=user_id, name=name),
            dialect=ProtocolVersion.V1,
            status=MemberStatus.PRESENT,
            connections=(connection("c1"),),
            joined_at=datetime.now(UTC),
        )
        await chat.put(member_subject(user_id), encode(record))
        await chat.put(name_subject(name_keys(name)[0]), encode(NameClaim(user_id=user_id)))
    await until_answer(lambda: holders(chat, "ADMIN"), lambda found: None not in found)
    assert await chat.names() == ["ADMIN", "ꓮꓓꓟꓲꓠ"]
    assert (await refusal(chat.register("admin"))).code is ErrorCode.NAME_TAKEN
