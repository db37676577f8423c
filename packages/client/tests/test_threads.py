"""Followed threads with the client and the command line."""

import json
from uuid import uuid4

import pytest

from opsroom_client import Opsroom
from packages.client.tests.shell import Shell
from packages.client.tests.tcp_proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_threads_are_followed_read_and_left(proxy: Proxy) -> None:
    async with Opsroom(proxy.url, timeout=10) as anybody:
        tokens = [(await anybody.register(f"p-{uuid4().hex[:20]}")).token for _ in range(2)]
    async with Opsroom(proxy.url, token=tokens[0], timeout=10) as author:
        async with Opsroom(proxy.url, token=tokens[1], timeout=10) as other:
            root = (await author.messages.send("root")).id
            replies = [await other.messages.send(text, thread=root) for text in ("one", "two")]
        await author.rooms.read("general", replies[-1].seq)  # so the index has the replies
        (unread,) = (await author.threads.unread()).threads
        assert (unread.id, unread.unread) == (root, 2)
        assert (await author.threads.read(root, replies[0].seq)).unread == 1
        found = [one async for one in author.threads.followed()]
        assert [(one.root.id, one.last.text, one.unread) for one in found] == [(root, "two", 1)]
    shell = Shell(proxy.url, tokens[0])
    listed = json.loads((await shell("threads", "ls", "--unread", "--json")).stdout.splitlines()[0])
    assert listed["root"]["id"] == root
    assert "two" not in (await shell("threads", "ls")).stdout
    assert (await shell("threads", "read", root)).stdout == f"{root} is read\n"
    assert (await shell("threads", "ls", "--unread", "--json")).stdout == ""
    assert (await shell("threads", "unfollow", root)).stdout == f"{root} not followed\n"
    assert "you follow no thread" in (await shell("threads", "read", root)).output
    assert (await shell("threads", "follow", root)).stdout == f"{root} followed\n"
