"""What bots say about themselves, hostile descriptions included."""

import json
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from opsroom_contracts.identity import Role
from opsroom_contracts.incidents.bot_commands import BOT_COMMANDS_MAX, BOTS_MAX
from opsroom_incidents.domain.bots import catalog, names_in


def described(bot: str, *commands: Mapping[str, str], subject: str | None = None) -> tuple[str, bytes]:
    """Return a description, as nats.micro makes it."""
    endpoints = [
        {
            "name": one["command"],
            "subject": subject or f"bots.{bot}.{one['command']}",
            "queue_group": "q",
            "metadata": dict(one),
        }
        for one in commands
    ]
    info = {"name": bot, "id": "x", "version": "1.0.0", "type": "io.nats.micro.v1.info_response"}
    return bot, json.dumps({**info, "endpoints": endpoints}).encode()


DEPLOY = {"command": "deploy", "help": "Deploy a service", "arguments": "SERVICE", "role": "admin"}


def test_a_command_is_as_it_is_described() -> None:
    found = catalog([described("ship", DEPLOY)])
    assert found.problems == ()
    (command,) = found.commands
    assert (command.name, command.bot, command.role) == ("deploy", "ship", Role.ADMIN)
    assert (command.help, command.arguments) == ("Deploy a service", "SERVICE")


def test_a_command_needs_the_role_operator_if_nothing_is_said() -> None:
    (command,) = catalog([described("ship", {"command": "deploy", "help": "Deploy"})]).commands
    assert command.role is Role.OPERATOR


def test_names_of_the_portal_are_taken() -> None:
    found = catalog([described("ship", {**DEPLOY, "command": "restart"})])
    assert found.commands == ()
    assert found.problems == ("the bot ship can't offer 'restart': /restart is a command of the portal",)


def test_of_two_bots_the_first_by_name_has_the_command() -> None:
    for order in (("b", "a"), ("a", "b")):
        found = catalog([described(bot, DEPLOY) for bot in order])
        assert [one.bot for one in found.commands] == ["a"]
        assert found.problems == ("the bot b can't offer 'deploy': /deploy is a command of the bot a",)


def test_a_bot_offers_nothing_on_the_subject_of_another() -> None:
    found = catalog([described("ship", DEPLOY, subject="bots.other.deploy")])
    assert found.commands == ()
    assert "its subject must be bots.ship.deploy" in found.problems[0]


def test_bad_fields_are_named() -> None:
    wrong = (
        ({**DEPLOY, "role": "king"}, "role: must be one of"),
        ({**DEPLOY, "help": "x" * 201}, "help: String should have at most 200 characters"),
        ({**DEPLOY, "help": "a\nb"}, "help: Value error, must be one line"),
        ({**DEPLOY, "command": "De ploy"}, "name: String should match pattern"),
        ({"command": "deploy"}, "help: String should have at least 1 character"),
    )
    for metadata, reason in wrong:
        found = catalog([described("ship", metadata)])
        assert found.commands == ()
        assert reason in found.problems[0]


def test_there_are_at_most_so_many_commands() -> None:
    names = [f"c{number}" for number in range(BOT_COMMANDS_MAX)]
    bots = [described(bot, *({**DEPLOY, "command": f"{bot}-{name}"} for name in names)) for bot in ("a", "b")]
    found = catalog(bots)
    assert len(found.commands) == BOT_COMMANDS_MAX
    assert len(found.problems) == BOT_COMMANDS_MAX


def test_names_are_bounded_and_those_of_services_are_refused() -> None:
    many = [json.dumps({"name": f"bot-{number}"}).encode() for number in range(2 * BOTS_MAX)]
    assert len(names_in(many)) == BOTS_MAX
    odd = [b"", b"[]", b'{"name": "chat"}', b'{"name": "opsroom"}', b'{"name": "a.b"}', b"[" * 100_000]
    assert names_in([*odd, b'{"name": "ship"}']) == ("ship",)


@given(st.binary(max_size=200) | st.lists(st.integers()).map(json.dumps).map(str.encode))
def test_any_description_is_read_or_refused(description: bytes) -> None:
    assert names_in([description]) is not None
    found = catalog([("ship", description), described("other", DEPLOY)])
    assert [one.bot for one in found.commands] == ["other"]
