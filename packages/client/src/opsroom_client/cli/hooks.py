"""``opsroom hooks``: addresses to which other programs post."""

import click

from opsroom_client.cli.output import output_options, print_line, print_note, show_json, show_table
from opsroom_client.cli.running import Server, as_admin, run
from opsroom_client.client import Opsroom
from opsroom_contracts.http_hooks import HookWithSecret
from opsroom_contracts.incidents.hooks import ROTATION_SECONDS, ROTATION_SECONDS_MAX, Hook


@click.group()
def hooks() -> None:
    """Make and remove addresses to which monitors and other programs post (admins).

    Without a token, the one that a server started from here made for its admin is used.
    """


@hooks.command()
@output_options
@click.pass_obj
def ls(server: Server, as_json: bool) -> None:
    """List the hooks."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.hooks.all()
        if as_json:
            show_json(found)
            return
        rows = [(one.id, one.name, one.room, one.created_by, _secrets(one)) for one in found]
        show_table(("ID", "NAME", "ROOM", "MADE BY", "SECRETS"), rows)

    run(as_admin(server), work)


@hooks.command()
@click.argument("name")
@click.option("--room", default="general", show_default=True, help="The id of the room to write to.")
@output_options
@click.pass_obj
def create(server: Server, name: str, room: str, as_json: bool) -> None:
    """Make a hook whose cards have NAME as their author, and print its address."""

    async def work(opsroom: Opsroom) -> None:
        _show(await opsroom.hooks.create(name, room), as_json)

    run(as_admin(server), work)


@hooks.command()
@click.argument("hook", metavar="ID")
@click.option(
    "--seconds",
    type=click.IntRange(0, ROTATION_SECONDS_MAX),
    default=ROTATION_SECONDS,
    show_default=True,
    help="How long the address before works.",
)
@output_options
@click.pass_obj
def rotate(server: Server, hook: str, seconds: int, as_json: bool) -> None:
    """Give the hook ID another address, and print it."""

    async def work(opsroom: Opsroom) -> None:
        _show(await opsroom.hooks.rotate(hook, seconds=seconds), as_json)

    run(as_admin(server), work)


@hooks.command()
@click.argument("hook", metavar="ID")
@click.pass_obj
def remove(server: Server, hook: str) -> None:
    """Remove the hook ID: its address is void at once. Its cards stay."""

    async def work(opsroom: Opsroom) -> None:
        await opsroom.hooks.remove(hook)
        print_line(f"{hook} removed")

    run(as_admin(server), work)


def _show(made: HookWithSecret, as_json: bool) -> None:
    if as_json:
        show_json([made])
        return
    print_line(made.path)
    print_note(f"The address of hook {made.hook.id} ({made.hook.name}); it is shown only once.")
    for secret in made.hook.secrets:
        if secret.until is not None:
            print_note(f"The address before works until {secret.until:%Y-%m-%d %H:%M} UTC.")


def _secrets(hook: Hook) -> str:
    ends = [f"{one.until:%Y-%m-%d %H:%M}" for one in hook.secrets if one.until is not None]
    return f"2, one until {ends[0]}" if ends else "1"
