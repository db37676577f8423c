"""The grammar of the chat's commands, and `opsroom chat` on a terminal and in a pipe."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_client import Opsroom
from opsroom_client.cli.chat_commands import COMMANDS, Place
from opsroom_client.cli.slash_commands import (
    Invocation,
    SlashCommand,
    Text,
    Unknown,
    help_lines,
    parse,
    registry,
)
from packages.client.tests.shell import piped, terminal
from packages.client.tests.tcp_proxy import Proxy


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        ("hello", Text("hello")),
        (" /help", Text(" /help")),
        ("a /help", Text("a /help")),
        ("//help", Text("/help")),
        ("//", Text("/")),
        ("///", Text("//")),
        ("/* a comment\n*/", Text("/* a comment\n*/")),
        ("// a comment\nx = 1", Text("// a comment\nx = 1")),
        ("/help", Invocation(COMMANDS["help"], "")),
        ("/HELP", Invocation(COMMANDS["help"], "")),
        ("/who  is there ", Invocation(COMMANDS["who"], "is there")),
        ("/", Unknown("")),
        ("/ help", Unknown("")),
        ("/usr/bin/env", Unknown("usr/bin/env")),
        ("/helps", Unknown("helps")),
    ],
)
def test_lines(line: str, parsed: object) -> None:
    assert parse(line, COMMANDS) == parsed


@given(st.text())
def test_every_text_can_be_sent(text: str) -> None:
    escaped = f"/{text}" if text.startswith("/") and "\n" not in text else text
    assert parse(escaped, COMMANDS) == Text(text)


async def _nothing(_context: object, _argument: str) -> bool:
    return True


@pytest.mark.parametrize("names", [("a", "a"), ("A",), ("a b",), ("",), ("/a",)])
def test_names_are_unique_and_can_be_typed(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="names are unique"):
        registry(SlashCommand(name, "", _nothing) for name in names)


def test_the_help_lists_every_command() -> None:
    more: SlashCommand[Place] = SlashCommand("ps", "list servers", _nothing, "[STATE]")
    commands = registry([more, *COMMANDS.values()])
    assert list(help_lines(commands)) == [
        "/ps [STATE]      list servers",
        "/help [COMMAND]  list the commands, or explain one",
        "/who             list who is here",
        "/quit            leave the chat",
        "//text           send text that begins with a slash",
    ]


@pytest.mark.asyncio(loop_scope="package")
async def test_commands_are_run_and_not_sent(proxy: Proxy) -> None:
    name = f"p-{uuid4().hex[:20]}"
    async with terminal(proxy.url, "chat", "--name", name, "--last", "0") as shown:
        await shown.shows("/help lists commands")
        shown.type("/help\n")
        await shown.shows("leave the chat")
        shown.type("/who\n")
        await shown.shows("here (")
        assert name in shown.text.rpartition("here (")[2]
        shown.type("/dance\n")
        await shown.shows("not sent: /dance: there is no command /dance: see /help, or begin with //")
        shown.type(f"//{name}\n")
        shown.type("/quit\n")
        assert await shown.exit_code() == 0
    async with Opsroom(proxy.url) as opsroom:
        sent = [one.text for one in await opsroom.history() if one.user.name == name]
    assert sent == [f"/{name}"]


@pytest.mark.asyncio(loop_scope="package")
async def test_a_pipe_has_the_same_commands_unless_its_lines_are_literal(proxy: Proxy) -> None:
    name = f"p-{uuid4().hex[:20]}"
    code, out, err = await piped(proxy.url, f"opsroom chat --name {name}", "one\n/help\n/quit\ntwo\n")
    assert (code, out, "/who" in err) == (0, "", True)
    code, out, err = await piped(proxy.url, f"opsroom chat --name {name}", "three\n/nothing\nfour\n")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("not sent: /nothing: there is no command /nothing")
    assert await piped(proxy.url, f"opsroom chat --literal --name {name}", "/help\n//\n") == (0, "", "")
    async with Opsroom(proxy.url) as opsroom:
        sent = [one.text for one in await opsroom.history() if one.user.name == name]
    assert sent == ["one", "three", "four", "/help", "//"]
