"""Search with the client and the command line."""

import json
from uuid import uuid4

import pytest

from opsroom_client import Opsroom, RequestRejectedError
from opsroom_client.search import SearchFilter
from opsroom_testkit.waiting import until_answer
from packages.client.tests.shell import Shell
from packages.client.tests.tcp_proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_message_is_found_by_its_author_and_word(proxy: Proxy) -> None:
    word = f"w{uuid4().hex[:12]}"
    async with Opsroom(proxy.url, timeout=10) as opsroom:
        me = await opsroom.register(f"p-{uuid4().hex[:20]}")
        async with opsroom.chat(me.token) as chat:
            await chat.send(f"about {word} and more")
        found = await until_answer(lambda: opsroom.search(word), lambda page: page.messages)
        assert found.messages[0].message.text == f"about {word} and more"
        assert [(one.start, one.end) for one in found.messages[0].highlights] == [(6, 6 + len(word))]
        mine = SearchFilter(author=me.user.name, room="general")
        assert len((await opsroom.search(word, narrowed=mine)).messages) == 1
        others = SearchFilter(author="somebody else")
        assert (await opsroom.search(word, narrowed=others)).messages == ()
        with pytest.raises(RequestRejectedError) as rejected:
            await opsroom.search("x before:soon")
        assert rejected.value.field == "before"


async def test_the_command_line_prints_a_table_or_json(proxy: Proxy) -> None:
    word = f"w{uuid4().hex[:12]}"
    async with Opsroom(proxy.url, timeout=10) as opsroom:
        me = await opsroom.register(f"p-{uuid4().hex[:20]}")
        async with opsroom.chat(me.token) as chat:
            await chat.send(f"about {word}")
        await until_answer(lambda: opsroom.search(word), lambda page: page.messages)
    shell = Shell(proxy.url)
    table = (await shell("search", word, "--in", "general")).output
    assert f"about {word}" in table
    assert me.user.name in table
    [line] = (await shell("search", word, "--json")).output.splitlines()
    assert json.loads(line)["messages"][0]["message"]["text"] == f"about {word}"
    refused = await shell("search", word, "--after", "soon")
    assert refused.exit_code == 2
    assert "must be a date like 2026-11-30" in refused.output
