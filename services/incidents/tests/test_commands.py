"""Commands that are said in the chat, with the real services."""

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import DeleteRequest, EditRequest, Message, ThreadRequest
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.incidents.calls import COMMAND_TRIGGER
from opsroom_contracts.incidents.cards import CardKind, CardStatus
from opsroom_contracts.subjects import command_subject
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import refusal
from services.cloud.tests.harness import each_once
from services.incidents.tests.harness import Room, service, until_state

NO_SERVERS = "There are no servers yet. `/create` makes one."


async def test_a_server_lives_by_commands_of_the_chat(room: Room, broker: NatsConnection) -> None:
    async with service(broker):
        assert (await room.ask("/create as web-1 label:env=test")).startswith(
            "[running] create web-1\nDone at "
        )
        await until_state(room, "web-1", InstanceState.STOPPED)
        assert "[running] start web-1" in await room.ask("/start web-1")
        await until_state(room, "web-1", InstanceState.RUNNING)
        shown = await room.ask("/ps label:env=test")
        assert shown == "[info] 1 server\n- `web-1` running env=test"
        assert await room.ask("/ps label:env=prod") == "There are no such servers."
        assert "is already running" in await room.ask("/start web-1")
        assert "[running] stop web-1" in await room.ask("/stop label:env=test")
        assert await room.ask("/undo web-1") == "Undone: `web-1`."
        assert (await room.servers())["web-1"].state is InstanceState.RUNNING
        assert "[running] rm web-1" in await room.ask("/rm web-1")
        assert await room.ask("/undo") == "Undone: `web-1`."
        assert "simulated servers have no logs" in await room.ask("/logs web-1")
        assert await room.ask("/start nothing") == "`nothing`: there is no instance nothing"
        assert "no server `none`" in await room.ask("/ps none")
    each_once(await room.cloud.all_finished(4))


async def test_several_servers_and_some_that_refuse(room: Room, broker: NatsConnection) -> None:
    async with service(broker):
        for name in ("a", "b"):
            await room.ask(f"/create as {name} label:team=red started")
            await until_state(room, name, InstanceState.RUNNING)
        text = await room.ask("/restart a b c")
    assert text.startswith("[running] restart a, b\nDone at ")
    assert text.endswith("`c`: there is no instance c")
    kept = [one.event for one in await room.cloud.kept() if one.event.command is Command.RESTART]
    assert {event.actor for event in kept} == {"Ann"}
    assert {event.identity for event in kept} == {room.caller.identity}


async def test_a_card_follows_its_operations_to_the_end(room: Room, broker: NatsConnection) -> None:
    async with service(broker):
        await room.say("/create as web-1")
        (begun,) = await room.until_replies(1)
        assert begun.card is not None
        assert (begun.card.kind, begun.card.status) == (CardKind.OPERATION, CardStatus.RUNNING)
        assert [action.command for action in begun.card.actions] == ["/undo web-1"]
        instance = (await room.servers())["web-1"]
        assert begun.card.instances == (instance.id,)
        assert instance.pending is not None
        assert begun.card.operation == instance.pending.id
        await room.until(lambda found: _status(found[0]) is CardStatus.SUCCEEDED)
        await room.say("/start web-1")
        await room.until_replies(2)
        assert await room.ask("/undo") == "Undone: `web-1`."
        await room.until(lambda found: _status(found[1]) is CardStatus.INFO)
    (created, *_) = await room.replies()
    assert created.text == "[succeeded] create web-1"


async def test_a_card_is_finished_by_another_process(room: Room, broker: NatsConnection) -> None:
    async with service(broker):
        await room.say("/create as web-1")
        await room.until_replies(1)
    await until_state(room, "web-1", InstanceState.STOPPED)
    assert _status((await room.replies())[0]) is CardStatus.RUNNING
    async with service(broker):
        await room.until(lambda found: _status(found[0]) is CardStatus.SUCCEEDED)


def _status(message: Message) -> CardStatus | None:
    return None if message.card is None else message.card.status


async def test_the_trigger_has_the_address_and_the_message_has_not(room: Room) -> None:
    stored = await room.say("/ps")
    trigger = await room.chat.messages.last(command_subject(stored.id))
    assert trigger is not None
    assert trigger.seq == stored.seq + 1
    assert COMMAND_TRIGGER.read(trigger.data).caller == room.caller
    (message,) = await room.chat.everything()
    assert message.command is not None
    assert message.command.name == "ps"
    text = await room.chat.messages.at(stored.seq)
    assert text is not None
    assert b"192.0.2.7" not in text.data


async def test_a_repeated_message_is_one_command(room: Room, broker: NatsConnection) -> None:
    first = await room.say("/create as one", "key")
    again = await room.say("/create as one", "key")
    assert (again.id, again.duplicate) == (first.id, True)
    async with service(broker):
        await room.until_replies(1)
        assert "create two" in await room.ask("/create as two")
    assert sorted(await room.servers()) == ["one", "two"]
    assert len(await room.replies()) == 2


async def test_a_command_that_is_removed_before_it_is_done_is_not_done(
    room: Room, broker: NatsConnection
) -> None:
    gone = await room.say("/create as gone")
    request = DeleteRequest(user_id=room.user_id, client_id="d", room="general", id=gone.id)
    await room.chat.requester.request(endpoints.DELETE, request)
    async with service(broker):
        await room.ask("/create as kept")
    assert sorted(await room.servers()) == ["kept"]


async def test_a_command_is_not_done_if_it_is_too_late(room: Room, broker: NatsConnection) -> None:
    await room.say("/create as late")
    await room.say("/ps")
    async with service(broker, command_seconds=0.0):
        replies = await room.until_replies(2)
    assert all("was not done: nobody was there" in one.text for one in replies)
    assert await room.servers() == {}


async def test_a_command_can_not_be_edited(room: Room) -> None:
    stored = await room.say("/ps")
    request = EditRequest(user_id=room.user_id, client_id="e", room="general", id=stored.id, text="/rm web-1")
    fault = await refusal(room.chat.requester.request(endpoints.EDIT, request))
    assert (fault.code, fault.message) == (ErrorCode.INVALID_REQUEST, "id: a command can't be edited")


async def test_a_reply_is_in_the_thread_of_its_command(room: Room, broker: NatsConnection) -> None:
    root = await room.chat.send(room.user_id, "an alert")
    async with service(broker):
        await room.say("/ps", thread=root.id)
        request = ThreadRequest(room="general", id=root.id, user_id=room.user_id)
        thread = await until_answer(
            lambda: room.chat.requester.request(endpoints.THREAD, request),
            lambda found: len(found.replies) == 2,
            30,
        )
    assert [one.text for one in thread.replies] == ["/ps", NO_SERVERS]


async def test_a_malformed_trigger_delays_nothing(room: Room, broker: NatsConnection) -> None:
    await room.chat.put(command_subject("x"), b"{}")
    async with service(broker):
        assert await room.ask("/ps") == NO_SERVERS
