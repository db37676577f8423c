"""Moderation with the client and the command line, and what the moderated user receives."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from opsroom_client import Chat, ClosedError, Opsroom, RequestRejectedError
from opsroom_client.chat import ChatEvent
from opsroom_client.cli.chat import print_event
from opsroom_client.cli.main import cli
from opsroom_contracts.chat.frames import MutedFrame, RemovedFrame, UnmutedFrame, WelcomeFrame
from opsroom_contracts.close_codes import Close
from opsroom_contracts.errors import ErrorCode
from packages.client.tests.tcp_proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def opsroom(proxy: Proxy) -> AsyncIterator[Opsroom]:
    async with Opsroom(proxy.url, timeout=10) as client:
        yield client


async def next_of(chat: Chat, kind: type[ChatEvent]) -> ChatEvent:
    """The next event of type ``kind``."""
    async with asyncio.timeout(20):
        async for event in chat:
            if isinstance(event, kind):
                return event
    raise AssertionError("the chat ended")


async def moderate(proxy: Proxy, *arguments: str) -> Result:
    """Run ``opsroom moderate``."""
    runner = CliRunner(env={"OPSROOM_URL": proxy.url})
    return await asyncio.to_thread(runner.invoke, cli, ("moderate", *arguments))


async def test_a_removal_is_received_and_advances_the_sequence(
    opsroom: Opsroom, proxy: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    me = await opsroom.register(f"p-{uuid4().hex[:20]}")
    text = f"text {uuid4().hex}"
    async with opsroom.chat(me.token) as chat:
        ack = await chat.send(text)
        listed = (await moderate(proxy, "messages", "--last", "1")).output
        assert ack.id in listed
        assert text in listed
        done = await moderate(proxy, "remove", ack.id, "--reason", "rude")
        assert (done.exit_code, done.output) == (0, f"{ack.id} removed\n")
        removed = await next_of(chat, RemovedFrame)
        assert isinstance(removed, RemovedFrame)
        assert (removed.id, chat.seq) == (ack.id, removed.seq)
        assert text not in [one.text for one in await opsroom.history()]
        print_event(removed, chat, "general")
        assert capsys.readouterr().err == f"* message {ack.id} was removed\n"
        again = await moderate(proxy, "remove", "nothing")
        assert (again.exit_code, again.stdout) == (1, "")
        assert "(message_unknown)" in again.stderr


async def test_a_muted_or_banned_user_is_notified(
    opsroom: Opsroom, proxy: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    me = await opsroom.register(f"p-{uuid4().hex[:20]}")
    name = me.user.name
    async with opsroom.chat(me.token) as chat:
        done = await moderate(proxy, "mute", name, "--minutes", "10", "--reason", "calm down")
        assert done.exit_code == 0, done.output
        key = done.output.split()[0]
        assert f"mute {name}, until 20" in done.output
        muted = await next_of(chat, MutedFrame)
        assert isinstance(muted, MutedFrame)
        assert muted.reason == "calm down"
        assert muted.until is not None
        assert muted.until > datetime.now(UTC)
        with pytest.raises(RequestRejectedError) as refused:
            await chat.send("hello?")
        assert refused.value.code is ErrorCode.MUTED
        async with opsroom.chat(me.token) as second:
            welcome = await next_of(second, WelcomeFrame)
            print_event(welcome, second, "general")
            assert "you are muted until" in capsys.readouterr().err
        assert name in (await moderate(proxy, "ls")).output
        assert "127.0.0.1" in (await moderate(proxy, "addresses", name)).output
        for arguments, field, value in (
            (("ls", "--json"), "id", key),
            (("addresses", name, "-o", "json"), "address", "127.0.0.1"),
        ):
            lines = (await moderate(proxy, *arguments)).output.splitlines()
            assert value in [json.loads(line)[field] for line in lines]
        assert (await moderate(proxy, "lift", key)).output == f"{key} lifted\n"
        print_event(await next_of(chat, UnmutedFrame), chat, "general")
        assert capsys.readouterr().err == "* you are no longer muted\n"
        await chat.send("thanks")
        ban = await opsroom.moderation.ban(name=name, reason="enough")
        with pytest.raises(ClosedError) as closed:
            await next_of(chat, UnmutedFrame)
        assert (closed.value.code, "enough" in str(closed.value)) == (Close.BANNED.value.code, True)
    with pytest.raises(RequestRejectedError) as kept_out:
        await opsroom.register(name)
    assert kept_out.value.code is ErrorCode.BANNED
    await opsroom.moderation.lift(ban.id)
    assert ban.id not in [one.id for one in await opsroom.moderation.restrictions()]


async def test_a_ban_needs_either_a_name_or_an_address(proxy: Proxy) -> None:
    assert (await moderate(proxy, "ban")).exit_code == 2
    assert (await moderate(proxy, "ban", "x", "--address", "203.0.113.7")).exit_code == 2
    done = await moderate(proxy, "ban", "--address", "203.0.113.99")
    assert "ban 203.0.113.99, until lifted" in done.output
    assert (await moderate(proxy, "lift", done.output.split()[0])).exit_code == 0
