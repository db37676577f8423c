"""Messages with the client over HTTP, on a socket, and with the command line."""

import json

import pytest

from opsroom_client import Opsroom, RequestRejectedError
from opsroom_contracts.chat.frames import EditedFrame, PinnedFrame, ReactionFrame, RemovedFrame
from opsroom_contracts.errors import ErrorCode
from packages.client.tests.shell import Shell
from packages.client.tests.tcp_proxy import Proxy
from packages.client.tests.test_rooms import next_of, registered

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_messages_are_changed_over_http_and_seen_on_a_socket(proxy: Proxy) -> None:
    token, other = await registered(proxy), await registered(proxy)
    async with (
        Opsroom(proxy.url, token=token, timeout=10) as opsroom,
        Opsroom(proxy.url, token=other, timeout=10) as at_other,
        at_other.chat(other) as listening,
    ):
        sent = await opsroom.messages.send("hi", key="once")
        assert (await opsroom.messages.send("hi", key="once")).duplicate
        await opsroom.messages.edit(sent.id, "ho")
        edited = await next_of(listening, EditedFrame)
        assert isinstance(edited, EditedFrame)
        assert (edited.message.id, edited.message.text) == (sent.id, "ho")
        await at_other.messages.react(sent.id, "👍")
        await listening.react(sent.id, "🎉")
        reactions = [await next_of(listening, ReactionFrame) for _ in range(2)]
        assert [one.emoji for one in reactions if isinstance(one, ReactionFrame)] == ["👍", "🎉"]
        await listening.react(sent.id, "🎉", on=False)
        await listening.pin(sent.id)
        assert isinstance(await next_of(listening, PinnedFrame), PinnedFrame)
        (pin,) = (one for one in await opsroom.messages.pins() if one.message.id == sent.id)
        assert (pin.message.text, pin.by.id) == ("ho", listening.user.id)
        await opsroom.messages.pin(sent.id, on=False)
        with pytest.raises(RequestRejectedError) as refused:
            await listening.edit(sent.id, "mine")
        assert refused.value.code is ErrorCode.FORBIDDEN
        await opsroom.messages.delete(sent.id)
        removed = await next_of(listening, RemovedFrame)
        assert isinstance(removed, RemovedFrame)
        assert (removed.id, removed.by_author) == (sent.id, True)


async def test_a_socket_edits_and_deletes_its_own_messages(proxy: Proxy) -> None:
    token = await registered(proxy)
    async with Opsroom(proxy.url, token=token, timeout=10) as opsroom, opsroom.chat(token) as chat:
        sent = await chat.send("hi")
        edited = await chat.edit(sent.id, "ho", client_id="e")
        assert edited.seq > sent.seq
        await chat.edit(sent.id, "later")
        assert (await chat.edit(sent.id, "ho", client_id="e")).duplicate
        (shown,) = (one for one in await opsroom.history() if one.id == sent.id)
        assert (shown.seq, shown.text) == (sent.seq, "later")
        await chat.delete(sent.id)
        assert sent.id not in {one.id for one in await opsroom.history()}


async def test_the_command_line(proxy: Proxy) -> None:
    shell = Shell(proxy.url, await registered(proxy))

    async def output(*arguments: str) -> str:
        result = await shell("messages", *arguments)
        assert result.exit_code == 0, result.output
        return result.output

    message = (await output("send", "hi")).strip()
    assert await output("edit", message, "ho") == f"{message} edited\n"
    assert await output("edit", message, "ho") == f"{message} unchanged\n"
    assert await output("react", message, "👍") == f"{message} reaction added\n"
    assert await output("pin", message) == f"{message} pinned\n"
    listed = [json.loads(line) for line in (await output("ls", "--pinned", "--json")).splitlines()]
    (shown,) = (one for one in listed if one["id"] == message)
    assert (shown["text"], shown["reactions"][0]["emoji"]) == ("ho", "👍")
    assert await output("pin", message, "--off") == f"{message} unpinned\n"
    assert "ho (edited)" in await output("ls")
    assert await output("delete", message) == f"{message} deleted\n"
    refused = await shell("messages", "edit", message, "back")
    assert (refused.exit_code, "there is no message" in refused.output) == (1, True)
