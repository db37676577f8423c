"""``opsroom people`` and ``opsroom invite``: people and invitations."""

import re
from typing import Final

import click

from opsroom_client.cli.output import output_options, print_line, print_note, show_json, show_table
from opsroom_client.cli.running import Server, as_admin, run
from opsroom_client.client import Opsroom
from opsroom_contracts.chat.invitations import (
    INVITATION_SECONDS,
    INVITATION_SECONDS_MAX,
    INVITATION_SECONDS_MIN,
)
from opsroom_contracts.http_people import Person
from opsroom_contracts.identity import Role
from opsroom_contracts.serialization.model import rfc3339

_AGE = re.compile(r"(\d{1,5})([mhd])")
_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400}


class Lifetime(click.ParamType[int]):
    """How long something is valid, such as ``7d``, in seconds."""

    name = "duration"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the duration, and check that the server would accept it."""
        if isinstance(value, int):
            return value
        found = _AGE.fullmatch(value)
        seconds = 0 if found is None else int(found[1]) * _UNITS[found[2]]
        if not INVITATION_SECONDS_MIN <= seconds <= INVITATION_SECONDS_MAX:
            days = INVITATION_SECONDS_MAX // _UNITS["d"]
            self.fail(f"must be like 7d, 12h or 30m, from 1m to {days}d, not {value!r}", param, ctx)
        return seconds


@click.command()
@click.argument("name")
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), required=True, help="What they may do."
)
@click.option(
    "--expires", type=Lifetime(), default=INVITATION_SECONDS, help="How long the link is valid; default: 7d."
)
@output_options
@click.pass_obj
def invite(server: Server, name: str, role: str, expires: int, as_json: bool) -> None:
    """Invite NAME: hold the name, and print a link that signs one person in with it, once.

    For admins (--token-file or OPSROOM_TOKEN). Without a token, the admin's token of the portal
    that was started from here is used.
    """

    async def work(opsroom: Opsroom) -> None:
        made = await opsroom.access.invite(name, Role(role), seconds=expires)
        if as_json:
            show_json([made])
            return
        print_line(made.link)
        print_note(
            f"Send it to {made.invitation.name} privately: the first to open it is signed in as {role}."
        )
        print_note(f"It works once, until {rfc3339(made.invitation.until)}.")

    run(as_admin(server), work)


@click.group()
def people() -> None:
    """List people and invitations; for admins (--token-file or OPSROOM_TOKEN)."""


@people.command()
@output_options
@click.pass_obj
def ls(server: Server, as_json: bool) -> None:
    """List people with their roles and devices, and when they were last seen."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.access.all()
        if as_json:
            show_json(found)
            return
        rows = [
            (one.name, "" if one.role is None else one.role.value, _state(one), str(one.devices))
            for one in found
        ]
        show_table(("NAME", "ROLE", "SEEN", "DEVICES"), rows)

    run(as_admin(server), work)


@people.command()
@output_options
@click.pass_obj
def invitations(server: Server, as_json: bool) -> None:
    """List the pending invitations."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.access.invitations()
        if as_json:
            show_json(found)
            return
        rows = [(one.id, one.name, one.role.value, one.by, rfc3339(one.until)) for one in found]
        show_table(("ID", "NAME", "ROLE", "BY", "UNTIL"), rows)

    run(as_admin(server), work)


@people.command()
@click.argument("invitation_id", metavar="ID")
@click.option("--reason", help="The reason, for the audit log; at most 200 characters.")
@click.pass_obj
def withdraw(server: Server, invitation_id: str, reason: str | None) -> None:
    """Withdraw the invitation ID; `invitations` lists the ids."""

    async def work(opsroom: Opsroom) -> None:
        await opsroom.access.withdraw(invitation_id, reason=reason)
        print_line(f"{invitation_id} withdrawn")

    run(as_admin(server), work)


def _state(person: Person) -> str:
    if person.pending:
        return "invited"
    if person.present:
        return "here"
    return "never" if person.seen_at is None else rfc3339(person.seen_at)
