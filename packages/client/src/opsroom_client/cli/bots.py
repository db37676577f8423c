"""``opsroom bots``: programs that take part in the chat, each with an owner."""

import click

from opsroom_client.cli.output import output_options, print_line, print_note, show_json, show_table
from opsroom_client.cli.running import Server, as_admin, run
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError
from opsroom_contracts.http_people import Bot
from opsroom_contracts.identity import Role


class UnknownBotError(OpsroomError):
    """The owner has no bot with this name or id."""


@click.group()
def bots() -> None:
    """Make and remove your bots (--token-file or OPSROOM_TOKEN).

    Without a token, the admin's token of the portal that was started from here is used.
    """


@bots.command()
@output_options
@click.pass_obj
def ls(server: Server, as_json: bool) -> None:
    """List your bots; for admins, those of everybody."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.access.bots()
        if as_json:
            show_json(found)
            return
        rows = [(one.id, one.name, one.role or "none", one.owner or "", _state(one)) for one in found]
        show_table(("ID", "NAME", "ROLE", "OWNER", "STATE"), rows)

    run(as_admin(server), work)


@bots.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.MEMBER.value,
    show_default=True,
    help="What it may do; never more than you may.",
)
@output_options
@click.pass_obj
def create(server: Server, name: str, role: str, as_json: bool) -> None:
    """Make the bot NAME, and print its token. For a bot that you have already: another role and token."""

    async def work(opsroom: Opsroom) -> None:
        made = await opsroom.access.create_bot(name, Role(role))
        if as_json:
            show_json([made])
            return
        print_line(made.token)
        print_note(f"The token of {made.user.name} ({made.user.id}); it is shown only once.")

    run(as_admin(server), work)


@bots.command()
@click.argument("bot", metavar="NAME")
@click.pass_obj
def remove(server: Server, bot: str) -> None:
    """Remove the bot NAME (or its id): its token is no longer valid, and its name is free."""

    async def work(opsroom: Opsroom) -> None:
        found = [one for one in await opsroom.access.bots() if bot in {one.id, one.name}]
        if not found:
            raise UnknownBotError(f"there is no bot {bot!r}; `opsroom bots ls` lists them")
        await opsroom.access.remove_bot(found[0].id)
        print_line(f"{found[0].name} removed")

    run(as_admin(server), work)


def _state(bot: Bot) -> str:
    return "here" if bot.present else "not connected"
