"""``opsroom moderate``: moderation of messages and users."""

import click

from opsroom_client.cli.output import output_options, print_line, show_json, show_table
from opsroom_client.cli.running import Server, run
from opsroom_client.client import Opsroom
from opsroom_contracts.chat.moderation import Restriction
from opsroom_contracts.serialization.model import rfc3339

_room = click.option("--room", default="general", show_default=True, help="The room.")
_reason = click.option("--reason", help="The reason; at most 200 characters.")
_minutes = click.option("--minutes", type=click.IntRange(min=1), help="The duration; default: until lifted.")


@click.group()
def moderate() -> None:
    """Remove messages, mute and ban; for admins (--token-file or OPSROOM_TOKEN)."""


@moderate.command()
@_room
@click.option("--last", type=click.IntRange(1, 200), default=20, show_default=True, help="How many.")
@output_options
@click.pass_obj
def messages(server: Server, room: str, last: int, as_json: bool) -> None:
    """List the last messages with their ids."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.history(room, limit=last)
        if as_json:
            show_json(found)
            return
        rows = [(one.id, rfc3339(one.timestamp), one.user.name, one.text) for one in found]
        show_table(("ID", "SENT", "BY", "TEXT"), rows)

    run(server, work)


@moderate.command()
@click.argument("message_id", metavar="ID")
@_room
@_reason
@click.pass_obj
def remove(server: Server, message_id: str, room: str, reason: str | None) -> None:
    """Remove the message ID; `messages` lists the ids."""

    async def work(opsroom: Opsroom) -> None:
        await opsroom.moderation.remove(message_id, room=room, reason=reason)
        print_line(f"{message_id} removed")

    run(server, work)


@moderate.command()
@click.argument("name")
@_minutes
@_reason
@click.pass_obj
def mute(server: Server, name: str, minutes: int | None, reason: str | None) -> None:
    """Mute NAME. They can still read."""

    async def work(opsroom: Opsroom) -> None:
        _print_restriction(await opsroom.moderation.mute(name, seconds=_seconds(minutes), reason=reason))

    run(server, work)


@moderate.command()
@click.argument("name", required=False)
@click.option("--address", help="Ban an address instead of a name.")
@_minutes
@_reason
@click.pass_obj
def ban(
    server: Server, name: str | None, address: str | None, minutes: int | None, reason: str | None
) -> None:
    """Ban NAME, or an address."""
    if (name is None) == (address is None):
        raise click.UsageError("give either NAME or --address")

    async def work(opsroom: Opsroom) -> None:
        seconds = _seconds(minutes)
        _print_restriction(
            await opsroom.moderation.ban(name=name, address=address, seconds=seconds, reason=reason)
        )

    run(server, work)


@moderate.command()
@click.argument("name")
@output_options
@click.pass_obj
def addresses(server: Server, name: str, as_json: bool) -> None:
    """List the addresses of NAME, now and in the last day, for `ban --address`."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.moderation.addresses(name)
        if as_json:
            show_json(found)
            return
        show_table(("ADDRESS", "LAST SEEN"), [(one.address, rfc3339(one.at)) for one in found])

    run(server, work)


@moderate.command()
@output_options
@click.pass_obj
def ls(server: Server, as_json: bool) -> None:
    """List the active mutes and bans."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.moderation.restrictions()
        if as_json:
            show_json(found)
            return
        rows = [
            (one.id, one.kind.value, _target(one), _until(one), one.by, one.reason or "") for one in found
        ]
        show_table(("ID", "KIND", "TARGET", "UNTIL", "BY", "REASON"), rows)

    run(server, work)


@moderate.command()
@click.argument("restriction_id", metavar="ID")
@_reason
@click.pass_obj
def lift(server: Server, restriction_id: str, reason: str | None) -> None:
    """End the mute or ban ID; `ls` lists the ids."""

    async def work(opsroom: Opsroom) -> None:
        await opsroom.moderation.lift(restriction_id, reason=reason)
        print_line(f"{restriction_id} lifted")

    run(server, work)


def _print_restriction(restriction: Restriction) -> None:
    print_line(f"{restriction.id} {restriction.kind.value} {_target(restriction)}, {_until(restriction)}")


def _target(restriction: Restriction) -> str:
    return restriction.name or restriction.address or ""


def _until(restriction: Restriction) -> str:
    return "until lifted" if restriction.until is None else f"until {rfc3339(restriction.until)}"


def _seconds(minutes: int | None) -> int | None:
    return None if minutes is None else minutes * 60
