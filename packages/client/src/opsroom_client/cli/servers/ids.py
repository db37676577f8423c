"""Ids of servers on the command line, which may be shortened."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import click
from click.shell_completion import CompletionItem

from opsroom_client.cli.running import chosen_server
from opsroom_client.errors import OpsroomError
from opsroom_contracts.cloud.models import Instance

_COMPLETION_SECONDS = 1.0


class InstanceId(click.ParamType[str]):
    """The id of a server, or a unique prefix of it. ``pending``: complete only those with a command."""

    name = "id"

    def __init__(self, *, pending: bool = False) -> None:
        self._pending = pending

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The existing ids that are not given yet; none if the server does not respond in time."""
        given = ctx.params.get(param.name or "") or ()

        async def ids() -> list[CompletionItem]:
            async with chosen_server(ctx).client() as opsroom:
                listed = await opsroom.cloud.instances()
            return [
                CompletionItem(one.id, help=one.state.value)
                for one in listed.instances
                if one.id.startswith(incomplete)
                and one.id not in given
                and (one.pending is not None or not self._pending)
            ]

        with suppress(TimeoutError, OpsroomError, click.BadParameter):
            return asyncio.run(asyncio.wait_for(ids(), _COMPLETION_SECONDS))
        return []


def resolve(instances: Sequence[Instance], prefixes: Sequence[str]) -> list[Instance]:
    """The servers with ``prefixes``, each once, in the order given.

    Raises:
        OpsroomError: no server has one of them, or several have. It names all such prefixes.
    """
    found: dict[str, Instance] = {}
    faults: list[str] = []
    for prefix in prefixes:
        matching = [one for one in instances if one.id == prefix] or [
            one for one in instances if one.id.startswith(prefix)
        ]
        if len(matching) == 1:
            found[matching[0].id] = matching[0]
        else:
            matches = f"{len(matching)} servers start" if matching else "no server starts"
            faults.append(f"{matches} with {prefix!r}")
    if faults:
        raise OpsroomError(f"{'; '.join(faults)} (see `opsroom servers ls`)")
    return list(found.values())
