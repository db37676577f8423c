"""The stream of members is replaced or purged under a running service: its own view starts over."""

from collections.abc import Awaitable, Callable

import pytest

from opsroom_contracts.chat.models import MEMBER
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.subjects import MEMBERS_STREAM, member_subject
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.streams import ensure_stream, members_stream
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat, refusal


async def recreate(broker: NatsConnection) -> None:
    await broker.jetstream.delete_stream(MEMBERS_STREAM)
    await ensure_stream(broker, members_stream(replicas=1))


async def purge(broker: NatsConnection) -> None:
    await broker.jetstream.purge_stream(MEMBERS_STREAM)


@pytest.mark.parametrize("replace", [recreate, purge])
async def test_members_without_a_record_are_gone_and_their_names_are_free(
    chat: Chat, broker: NatsConnection, replace: Callable[[NatsConnection], Awaitable[None]]
) -> None:
    await chat.present("Ann")
    bob = await chat.present("Bob", "c2")
    await replace(broker)
    assert (await refusal(chat.join(bob.token, "c3"))).code is ErrorCode.TOKEN_INVALID
    ann = await chat.register("Ann")  # at once, while the service still has the old members
    await chat.join(ann.token, "c4")
    await until_answer(chat.names, lambda names: names == ["Ann"])
    assert (await refusal(chat.register("ann"))).code is ErrorCode.NAME_TAKEN
    assert (await chat.register("Bob")).user.name == "Bob"


async def test_the_user_list_says_of_which_epoch_it_is(chat: Chat, broker: NatsConnection) -> None:
    await chat.present("Ann")
    before = (await chat.users()).epoch
    assert before is not None
    await recreate(broker)
    page = await until_answer(chat.users, lambda page: page.epoch != before)
    assert page.epoch is not None
    assert page.users == ()


async def test_a_change_is_based_on_the_record_that_the_stream_has_now(
    chat: Chat, broker: NatsConnection
) -> None:
    """After a restore, a member has an older record at a lower sequence."""
    ann = await chat.register("Ann")
    subject = member_subject(ann.user.id)
    older = await chat.members.last(subject)
    assert older is not None
    await chat.join(ann.token, "lost")
    await chat.lists("Ann")
    await recreate(broker)
    await chat.put(subject, older.data)
    await chat.join(ann.token, "c2")
    stored = await chat.members.last(subject)
    assert stored is not None
    assert [connection.id for connection in MEMBER.read(stored.data).connections] == ["c2"]
