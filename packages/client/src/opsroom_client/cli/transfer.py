"""``opsroom export`` and ``opsroom import``: rooms, people and messages as a file."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from opsroom_client.cli.output import print_line, print_note
from opsroom_client.cli.running import Server, as_admin, run
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError
from opsroom_client.transfer.exported_files import FileFolder, folder_of
from opsroom_client.transfer.exporting import Progress, export
from opsroom_client.transfer.importing import Imports, batches, forget, read_export
from opsroom_client.transfer.portal_export import continued
from opsroom_client.transfer.reading import TransferError
from opsroom_contracts.serialization.codec import encode

_FLUSH_RECORDS = 500


@click.command("export")
@click.option(
    "--out",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file to write; it must not exist. Until it is complete it is called FILE.part.",
)
@click.option("--files/--no-files", default=True, help="With the contents of files, in FILE.files, or not.")
@click.pass_obj
def export_command(server: Server, path: Path, files: bool) -> None:
    """Write the rooms that you may read, with people, messages and pins, to a file of JSON Lines.

    The contents of files go to the folder FILE.files. With the token of a registered user (--token-file or
    OPSROOM_TOKEN). If FILE.part is there, that export is continued.
    """

    async def work(opsroom: Opsroom) -> None:
        part = path.with_name(path.name + ".part")
        folder = FileFolder(folder_of(path)) if files else None
        with _writable(part) as (file, progress):
            if progress.header is not None:
                print_note(f"continuing {part}: {progress.messages} messages so far")
            written = 0
            async for record in export(opsroom, progress, folder):
                file.write(encode(record) + b"\n")
                written += 1
                if written % _FLUSH_RECORDS == 0:
                    file.flush()
        counts = f"{progress.rooms} rooms, {len(progress.people)} people, {progress.messages} messages"
        print_line(f"{path}: {counts}")

    if path.exists():
        raise click.BadParameter(f"{path} exists already", param_hint="--out")
    run(server, work)
    path.with_name(path.name + ".part").rename(path)


@click.command("import")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, path_type=Path))
@click.option("--source", help="A name for where it is from; with another name, all of it is imported again.")
@click.option("--owner", help="The name or id of the user who owns the imported rooms.")
@click.option(
    "--accounts",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="A JSON object: ids of users here, by ids or names in the export.",
)
@click.option("--dry-run", is_flag=True, help="Read everything, and store nothing.")
@click.pass_obj
def import_command(
    server: Server,
    path: Path,
    source: str | None,
    owner: str | None,
    accounts: Path | None,
    dry_run: bool,
) -> None:
    """Import rooms and messages: an export of Opsroom, of Slack (zip) or of Mattermost (JSONL or zip).

    For admins (--token-file or OPSROOM_TOKEN). Each room becomes a new one. Messages keep their times and
    authors, and are marked as imported. A repeated import changes nothing, so repeat it after an
    interruption.
    """

    async def work(opsroom: Opsroom) -> None:
        with read_export(path, _accounts(accounts)) as reader:
            if dry_run:
                count = 0
                for batch in batches(reader.records()):
                    count += len(batch)
                    forget(reader, batch)
                print_line(f"{path}: {count} records")
            else:
                owner_id = None if owner is None else await _owner(opsroom, owner)
                done = await Imports(opsroom.requests).run(
                    reader, default_source=_source_of(path), source=source, owner=owner_id
                )
                print_line(
                    f"{done.rooms} rooms, {done.members} memberships, {done.messages} messages, "
                    f"{done.files} files, {done.pins} pins stored"
                )
            for what, count in sorted(reader.skipped.items()):
                if count:
                    print_note(f"skipped: {count} {what}")

    run(server if dry_run else as_admin(server), work)


@contextmanager
def _writable(part: Path) -> Iterator[tuple[IO[bytes], Progress]]:
    """Open the file of an export to continue it, or a new one."""
    try:
        file = part.open("r+b" if part.exists() else "x+b")
    except OSError as error:
        raise TransferError(f"{part}: can't be written: {error.strerror}") from None
    with file:
        progress, size = continued(file, part.name)
        file.seek(size)
        file.truncate()
        yield file, progress


def _accounts(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise TransferError(f"{file}: can't be read: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise TransferError(f"{file}: must be an object with ids of users as values")
    return found


async def _owner(opsroom: Opsroom, name: str) -> str:
    for person in await opsroom.access.all():
        if person.id is not None and name in {person.id, person.name}:
            return person.id
    raise OpsroomError(f"there is no user {name!r}")


def _source_of(path: Path) -> str:
    """Return a name of the source from that of its file."""
    return re.sub(r"[^a-z0-9.-]+", "-", path.stem.lower()).strip("-.")[:64] or "import"
