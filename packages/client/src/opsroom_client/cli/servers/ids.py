"""Servers on the command line: by name, or by an id, which may be shortened."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

import click
from click.shell_completion import CompletionItem

from opsroom_client.cli.running import chosen_server
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError
from opsroom_contracts.cloud.models import Instance

SHORT_ID = 8
"""How many digits of an id are shown."""
_COMPLETION_SECONDS = 1.0

Find = Callable[[Opsroom], Awaitable[list[CompletionItem]]]


def completions(ctx: click.Context, find: Find) -> list[CompletionItem]:
    """What ``find`` finds on the server; nothing if the server does not respond in time."""

    async def found() -> list[CompletionItem]:
        async with chosen_server(ctx).client() as opsroom:
            return await find(opsroom)

    with suppress(TimeoutError, OpsroomError, click.BadParameter):
        return asyncio.run(asyncio.wait_for(found(), _COMPLETION_SECONDS))
    return []


class InstanceId(click.ParamType[str]):
    """The name of a server, its id, or a unique prefix of the id.

    ``pending``: complete only those with a pending command.
    """

    name = "server"

    def __init__(self, *, pending: bool = False) -> None:
        self._pending = pending

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names and ids that begin so, of servers that are not given yet."""
        return completions(ctx, partial(self._found, ctx.params.get(param.name or "") or (), incomplete))

    async def _found(self, given: Sequence[str], incomplete: str, opsroom: Opsroom) -> list[CompletionItem]:
        servers = [
            one
            for one in (await opsroom.cloud.instances()).instances
            if not {one.id, one.name}.intersection(given) and (one.pending is not None or not self._pending)
        ]
        names = [(one.name, f"{one.state.value} {one.id}") for one in servers]
        ids = [(one.id, f"{one.state.value} {one.name}") for one in servers if incomplete]
        return [
            CompletionItem(text, help=about) for text, about in names + ids if text.startswith(incomplete)
        ]


def resolve(instances: Sequence[Instance], given: Sequence[str]) -> list[Instance]:
    """The servers with the ids, names or prefixes of ids in ``given``, each once, in the order given.

    Raises:
        OpsroomError: there is no such server, or there are several. It names all such inputs.
    """
    found: dict[str, Instance] = {}
    faults: list[str] = []
    for text in given:
        matching = _matching(instances, text)
        if len(matching) == 1:
            found[matching[0].id] = matching[0]
        elif matching:
            faults.append(f"the ids of {len(matching)} servers start with {text!r}")
        else:
            faults.append(f"no server has the name {text!r} or an id that starts with it")
    if faults:
        raise OpsroomError(f"{'; '.join(faults)} (see `opsroom servers ls`)")
    return list(found.values())


def _matching(instances: Sequence[Instance], text: str) -> list[Instance]:
    """An id wins over a name, and a name over the beginning of an id."""
    return (
        [one for one in instances if one.id == text]
        or [one for one in instances if one.name == text]
        or [one for one in instances if one.id.startswith(text)]
    )
