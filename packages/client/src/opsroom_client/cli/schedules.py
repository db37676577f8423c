"""``opsroom schedules``: commands that are given at a time, or again and again."""

from datetime import datetime

import click

from opsroom_client.cli.output import output_options, print_line, show_json, show_table
from opsroom_client.cli.running import Server, run
from opsroom_client.cli.servers.ids import InstanceId
from opsroom_client.cli.servers.operations import label_text
from opsroom_client.cli.servers.options import Moment, selector_option
from opsroom_client.client import Opsroom
from opsroom_client.cloud.commands import ScheduleTimes
from opsroom_contracts.cloud.commands import COMMANDS, Command
from opsroom_contracts.cloud.schedules import Schedule
from opsroom_contracts.serialization.model import rfc3339

_COMMANDS = {spec.name: spec.command for spec in COMMANDS.values() if spec.command is not Command.CREATE}
_COLUMNS = ("NAME", "COMMAND", "SERVERS", "WHEN", "NEXT", "LAST", "BY")


@click.group()
def schedules() -> None:
    """Give commands to servers at a time, or again and again."""


@schedules.command()
@output_options
@click.pass_obj
def ls(server: Server, as_json: bool) -> None:
    """List the schedules, with their next and their last run."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.cloud.schedules()
        if as_json:
            show_json(found)
        else:
            show_table(_COLUMNS, [_row(one) for one in found])

    run(server, work)


@schedules.command()
@click.argument("name")
@click.argument("command", type=click.Choice(list(_COMMANDS)))
@click.argument("ids", metavar="[ID]...", nargs=-1, type=InstanceId())
@selector_option
@click.option("--at", type=Moment(), help="The time: 2026-11-30T19:00, local without a time zone.")
@click.option("--cron", help="Five fields: minute, hour, day of the month, month, day of the week.")
@click.option("--zone", help="The time zone of --cron, such as Europe/Berlin; default: UTC.")
@output_options
@click.pass_obj
def add(
    server: Server,
    /,
    name: str,
    command: str,
    ids: tuple[str, ...],
    selector: dict[str, str] | None,
    as_json: bool,
    **times: datetime | str | None,
) -> None:
    """Make the schedule NAME: COMMAND for the servers ID, or for those that match --selector at that time."""
    if bool(ids) == bool(selector):
        raise click.UsageError("give ID or --selector, and not both")
    if (times["at"] is None) == (times["cron"] is None):
        raise click.UsageError("give --at or --cron, and not both")

    async def work(opsroom: Opsroom) -> None:
        made = await opsroom.cloud.schedule(
            name,
            _COMMANDS[command],  # type: ignore[arg-type]
            ids or None,
            selector=label_text(selector) if selector else None,
            times=ScheduleTimes(**times),  # type: ignore[arg-type]
        )
        _print(made, as_json=as_json)

    run(server, work)


@schedules.command()
@click.argument("name")
@output_options
@click.pass_obj
def rm(server: Server, name: str, as_json: bool) -> None:
    """Remove the schedule NAME. What it has commanded already goes on."""

    async def work(opsroom: Opsroom) -> None:
        removed = await opsroom.cloud.unschedule(name)
        if as_json:
            show_json([removed])
        else:
            print_line(f"{removed.name} removed")

    run(server, work)


def _print(schedule: Schedule, *, as_json: bool) -> None:
    if as_json:
        show_json([schedule])
    else:
        following = "never" if schedule.next_at is None else rfc3339(schedule.next_at)
        print_line(f"{schedule.name} {schedule.command.value} next {following}")


def _row(one: Schedule) -> tuple[str, ...]:
    last = one.last
    refused = f", {last.refused} refused" if last is not None and last.refused else ""
    return (
        one.name,
        one.command.value,
        one.selector or " ".join(one.ids or ()),
        rfc3339(one.at) if one.at is not None else f"{one.cron} {one.zone or 'UTC'}",
        "" if one.next_at is None else rfc3339(one.next_at),
        "" if last is None else f"{last.outcome.value} {rfc3339(last.at)}{refused}",
        one.actor,
    )
