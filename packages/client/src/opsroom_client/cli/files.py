"""``opsroom files``: send and get files."""

from pathlib import Path

import click

from opsroom_client.cli.output import output_options, print_line, show_json
from opsroom_client.cli.rooms import find_room
from opsroom_client.cli.running import Server, run
from opsroom_client.client import Opsroom
from opsroom_contracts.chat.files import FILES_MAX


@click.group()
def files() -> None:
    """Send and get files; with the token of a registered user (--token-file or OPSROOM_TOKEN)."""


@files.command()
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--text", default="", help="The text of the message.")
@click.option("--room", default="general", help="The room's name or id.")
@output_options
@click.pass_obj
def send(server: Server, paths: tuple[Path, ...], text: str, room: str, as_json: bool) -> None:
    """Send each FILE, ten at most, with one message."""
    if len(paths) > FILES_MAX:
        raise click.UsageError(f"a message has {FILES_MAX} files at most")
    token = server.token
    if token is None:
        raise click.UsageError("a token is required: --token-file or OPSROOM_TOKEN")

    async def work(opsroom: Opsroom) -> None:
        found = (await find_room(opsroom, room)).room.id
        uploaded = [await opsroom.files.upload(path, room=found) for path in paths]
        async with opsroom.chat(token) as chat:
            ack = await chat.send(text, room=found, files=[file.id for file in uploaded])
        if as_json:
            show_json(uploaded)
            return
        for file in uploaded:
            print_line(f"{file.id} {file.name} {file.size} bytes")
        print_line(f"sent as {ack.id}")

    run(server, work)


@files.command()
@click.argument("file_id", metavar="ID")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Where to write it; the name is the id by default."
)
@click.pass_obj
def get(server: Server, file_id: str, output: Path | None) -> None:
    """Download the file ID."""
    target = output or Path(file_id)

    async def work(opsroom: Opsroom) -> None:
        size = await opsroom.files.download(file_id, target)
        print_line(f"{target}: {size} bytes")

    run(server, work)
