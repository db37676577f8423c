"""A command as it was said, and the servers that it means."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from opsroom_contracts.cloud.models import Instance
from opsroom_contracts.cloud.selectors import matches, read_selector
from opsroom_contracts.incidents.calls import CommandCaller
from opsroom_contracts.incidents.commands import Targets
from opsroom_contracts.serialization.model import RoomName


@dataclass(frozen=True, slots=True)
class Said:
    """A command as it was said. ``name``: the word after the slash. ``user_id``: who wrote the message.

    ``bot``: the one that offers the command; None: it is the portal's. ``again``: somebody may have begun it
    before, and died.
    """

    message_id: str
    user_id: str
    room: RoomName
    thread: str | None
    name: str
    caller: CommandCaller
    at: datetime
    bot: str | None = None
    again: bool = False


class RefusalError(Exception):
    """A command can't be planned; the message is the reply."""


def selected(instances: Sequence[Instance], targets: Targets) -> list[Instance]:
    """Return the servers that ``targets`` select, sorted by name.

    Raises:
        RefusalError: a name or an id is not that of a server.
    """
    if targets.selector is not None:
        wanted = read_selector(targets.selector)
        return [one for one in instances if matches(wanted, one.labels)]
    by_key = {**{one.name: one for one in instances}, **{one.id: one for one in instances}}
    missing = [name for name in targets.names if name not in by_key]
    if missing:
        raise RefusalError(f"There is no server {', '.join(f'`{name}`' for name in missing[:10])}.")
    found = {by_key[name].id: by_key[name] for name in targets.names}
    return sorted(found.values(), key=lambda one: (one.name, one.id))
