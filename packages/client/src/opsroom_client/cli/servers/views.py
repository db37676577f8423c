"""``opsroom servers logs|stats``: what a server writes, and how much it uses."""

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from opsroom_client.cli.output import is_colored, output_options, print_line, print_note, show_json
from opsroom_client.cli.running import EXIT_FAILED, Server, report_connection, run
from opsroom_client.cli.servers.ids import resolve
from opsroom_client.cli.servers.options import id_argument
from opsroom_client.cli.servers.table import size
from opsroom_client.client import Opsroom
from opsroom_client.cloud import LogGap
from opsroom_client.errors import OpsroomError
from opsroom_contracts.agents.protocol import TAIL_MAX, LogLine, LogSource, StatsSample
from opsroom_contracts.http import StreamEnd
from opsroom_contracts.serialization.model import rfc3339
from opsroom_contracts.text import visible

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""Colors and the like, which programs write although nobody may see them."""
_TAB = "    "
_BEGINNING = datetime.min.replace(tzinfo=UTC)


@click.command()
@id_argument
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines until interrupted.")
@click.option(
    "-n",
    "--tail",
    type=click.IntRange(0, TAIL_MAX),
    default=200,
    show_default=True,
    help="How many past lines to print first.",
)
@click.option("-t", "--timestamps", is_flag=True, help="Print when each line was written.")
@output_options
@click.pass_obj
def logs(server: Server, instance_id: str, follow: bool, tail: int, timestamps: bool, as_json: bool) -> None:
    """Print the log of the server ID. Its standard error is red on a terminal.

    With --follow it reconnects by itself, prints no line twice, and says so if lines may be missing.
    """

    async def work(opsroom: Opsroom) -> bool:
        found = await _id_of(opsroom, instance_id)
        followed = opsroom.cloud.follow_log(found, tail=tail, on_connection=report_connection)
        async with followed if follow else opsroom.cloud.logs(found, tail=tail) as chunks:
            async for chunk in chunks:
                if isinstance(chunk, StreamEnd):
                    return _ended_well(chunk)
                if isinstance(chunk, LogGap):
                    print_note(f"opsroom: {chunk.reason}")
                    continue
                if chunk.skipped:
                    print_note(f"opsroom: {chunk.skipped} lines were skipped: they came too fast")
                if as_json:
                    show_json(chunk.lines)
                else:
                    _print_lines(chunk.lines, timestamps=timestamps)
        return True

    _exit_unless(run(server, work))


@click.command()
@id_argument
@click.option("-f", "--follow", is_flag=True, help="Keep printing new samples until interrupted.")
@click.option(
    "-n",
    "--last",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="How many past samples to print first; 15 minutes are kept.",
)
@output_options
@click.pass_obj
def stats(server: Server, instance_id: str, follow: bool, last: int, as_json: bool) -> None:
    """Print how much CPU (in cores) and memory the server ID uses."""

    async def work(opsroom: Opsroom) -> bool:
        found = await _id_of(opsroom, instance_id)
        past = await _samples(opsroom, found)
        _print_samples(past[-last:] if last else [], as_json=as_json)
        if not follow:
            if last and not past:
                print_note("opsroom: there is no sample yet; --follow waits for the next one")
            return True
        shown = past[-1].at if past else _BEGINNING
        async with opsroom.cloud.follow_stats(found, on_connection=report_connection) as chunks:
            async for chunk in chunks:
                if isinstance(chunk, StreamEnd):
                    return _ended_well(chunk)
                # It begins with the past, which has been printed.
                _print_samples([one for one in chunk.samples if one.at > shown], as_json=as_json)
        return True

    _exit_unless(run(server, work))


async def _samples(opsroom: Opsroom, instance_id: str) -> list[StatsSample]:
    """The samples of the last 15 minutes.

    Raises:
        OpsroomError: they are not available.
    """
    past: list[StatsSample] = []
    async with opsroom.cloud.stats(instance_id) as chunks:
        async for chunk in chunks:
            if not isinstance(chunk, StreamEnd):
                past += chunk.samples
            elif chunk.reason is not None:
                raise OpsroomError(chunk.reason)
    return past


def _print_lines(lines: Sequence[LogLine], *, timestamps: bool) -> None:
    red = is_colored(sys.stdout)
    for line in lines:
        text = visible(_STYLE.sub("", line.text).replace("\t", _TAB))
        if timestamps and line.at is not None:
            text = f"{rfc3339(line.at)} {text}"
        click.echo(click.style(text, fg="red") if red and line.source is LogSource.STDERR else text)
    sys.stdout.flush()


def _print_samples(samples: Sequence[StatsSample], *, as_json: bool) -> None:
    if as_json:
        show_json(samples)
        return
    for one in samples:
        cpu = f"{one.cpu:.2f}" + (f" of {one.cpu_limit:g}" if one.cpu_limit else "")
        memory = size(one.memory) + (f" of {size(one.memory_limit)}" if one.memory_limit else "")
        print_line(f"{rfc3339(one.at)}  cpu {cpu}  memory {memory}")


async def _id_of(opsroom: Opsroom, given: str) -> str:
    (found,) = resolve((await opsroom.cloud.instances()).instances, [given])
    return found.id


def _ended_well(end: StreamEnd) -> bool:
    if end.reason is not None:
        print_note(f"opsroom: {end.reason}")
    return end.reason is None


def _exit_unless(ended_well: bool) -> None:
    if not ended_well:
        raise click.exceptions.Exit(EXIT_FAILED)
