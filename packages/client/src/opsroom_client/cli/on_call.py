"""``opsroom on-call``: who is on call, by weekly rotas."""

from calendar import day_name
from pathlib import Path
from typing import Final

import click
from pydantic import ValidationError

from opsroom_client.cli.output import output_options, print_line, show_json, show_table
from opsroom_client.cli.running import Server, as_admin, run
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError
from opsroom_contracts.incidents.on_call import ESCALATION_MINUTES_MAX, Override, Rota, RotaView
from opsroom_contracts.serialization.model import rfc3339

_DAYS: Final = tuple(name.lower() for name in day_name)
_COLUMNS: Final = ("NAME", "ROOM", "ON DUTY", "UNTIL", "NEXT", "AFTER")


class OverrideType(click.ParamType[Override]):
    """Who is on duty instead, and when."""

    name = "override"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Override:
        """Read the override."""
        try:
            person, start, end = value.split(",")
            return Override.model_validate({"person": person, "from": start, "to": end})
        except ValueError as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "it is malformed"
            example = "u-bob,2026-12-24T08:00:00Z,2026-12-26T08:00:00Z"
            self.fail(f"must be like {example}, not {value!r}: {reason}", param, ctx)


@click.group()
def on_call() -> None:
    """Show who is on call; admins change the rotas."""


@on_call.command()
@click.option("--room", help="The id of a room: its rotas alone.")
@output_options
@click.pass_obj
def show(server: Server, room: str | None, as_json: bool) -> None:
    """Show who is on duty, until when, and who is next."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.on_call.all(room)
        if as_json:
            show_json(found)
        else:
            show_table(_COLUMNS, [_row(one) for one in found])

    run(server, work)


@on_call.command("set")
@click.argument("name")
@click.option("--room", default="general", show_default=True, help="The id of the room.")
@click.option("--person", "people", multiple=True, required=True, help="An id; once for each week, in order.")
@click.option("--day", type=click.Choice(_DAYS), default=_DAYS[0], show_default=True, help="Of the handover.")
@click.option("--time", "clock", default="09:00", show_default=True, help="Of the handover.")
@click.option("--zone", default="UTC", show_default=True, help="The time zone, such as Europe/Berlin.")
@click.option(
    "--minutes",
    type=click.IntRange(1, ESCALATION_MINUTES_MAX),
    default=10,
    show_default=True,
    help="How long an alert may fire without /ack before it goes one step further.",
)
@click.option("--override", "overrides", type=OverrideType(), multiple=True, help="PERSON,FROM,TO.")
@click.option("--webhook", help="The id of a webhook for the last step.")
@output_options
@click.pass_obj
def set_rota(
    server: Server,
    /,
    name: str,
    people: tuple[str, ...],
    day: str,
    clock: str,
    as_json: bool,
    **more: object,
) -> None:
    """Make the rota NAME, or replace it (admins). `opsroom people ls --json` has the ids of people."""
    fields = {"name": name, "people": people, "weekday": _DAYS.index(day), "time": clock, **more}
    try:
        rota = Rota.model_validate(fields)
    except ValidationError as error:
        raise click.UsageError(_reason(error)) from None
    _put(server, rota, as_json=as_json)


@on_call.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@output_options
@click.pass_obj
def import_rota(server: Server, file: Path, as_json: bool) -> None:
    """Make or replace the rota in FILE (admins): JSON as `rota` in the output of `show --json`."""
    try:
        rota = Rota.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise click.UsageError(f"{file}: {_reason(error)}") from None
    _put(server, rota, as_json=as_json)


@on_call.command()
@click.argument("name")
@click.pass_obj
def remove(server: Server, name: str) -> None:
    """Remove the rota NAME (admins)."""

    async def work(opsroom: Opsroom) -> None:
        wanted = name.casefold()
        found = [one for one in await opsroom.on_call.all() if one.rota.name.casefold() == wanted]
        if not found:
            raise OpsroomError(f"there is no rota {name} in a room that you may read")
        await opsroom.on_call.remove(found[0].rota)
        print_line(f"{found[0].rota.name} removed")

    run(as_admin(server), work)


def _put(server: Server, rota: Rota, *, as_json: bool) -> None:
    async def work(opsroom: Opsroom) -> None:
        view = await opsroom.on_call.put(rota)
        if as_json:
            show_json([view])
        else:
            show_table(_COLUMNS, [_row(view)])

    run(as_admin(server), work)


def _reason(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _row(view: RotaView) -> tuple[str, ...]:
    following = "" if view.following is None else view.following.name
    minutes = f"{view.rota.minutes}m"
    return view.rota.name, view.rota.room, view.on_duty.name, rfc3339(view.until), following, minutes
