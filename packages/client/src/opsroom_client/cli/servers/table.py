"""The table of servers, and how quantities are written."""

from collections.abc import Sequence
from datetime import UTC, datetime

from opsroom_client.cli.output import age, show_table
from opsroom_client.cli.servers.ids import SHORT_ID
from opsroom_client.cli.servers.operations import label_text
from opsroom_client.client import Opsroom
from opsroom_contracts.cloud.instances import SIMULATED, Condition
from opsroom_contracts.cloud.models import Instance

_COLUMNS = (
    "NAME",
    "ID",
    "STATE",
    "FOR",
    "PENDING",
    "CONDITION",
    "PROVIDER",
    "TEMPLATE",
    "ADDRESS",
    "LABELS",
    "PROTECTED",
)
_ALWAYS = 5
"""The first columns are there even if all their cells are empty."""
_UNITS = ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"))


async def now_of(opsroom: Opsroom) -> datetime:
    """The portal's time: this device's clock may be wrong. Servers of earlier releases don't say theirs."""
    return (await opsroom.session()).now or datetime.now(UTC)


def show_servers(instances: Sequence[Instance], now: datetime) -> None:
    """Print the table, without the columns that say nothing."""
    rows = [_row(one, now) for one in instances]
    shown = [at for at in range(len(_COLUMNS)) if at < _ALWAYS or any(row[at] for row in rows)]
    show_table([_COLUMNS[at] for at in shown], [[row[at] for at in shown] for row in rows])


def _row(one: Instance, now: datetime) -> tuple[str, ...]:
    reason = f": {one.reason}" if one.reason else ""
    return (
        one.name,
        one.id[:SHORT_ID],
        one.state.value,
        age(one.timestamp, now),
        _pending(one, now),
        "" if one.condition is Condition.OK else f"{one.condition.value}{reason}",
        "" if one.provider == SIMULATED else one.provider,
        one.template or "",
        one.address or "",
        label_text(one.labels),
        "yes" if one.protected else "",
    )


def _pending(instance: Instance, now: datetime) -> str:
    pending = instance.pending
    if pending is None:
        return ""
    if pending.approval is not None:
        seconds = max(0.0, (pending.due_at - now).total_seconds())
        return f"{pending.command.value} by {pending.actor} awaits approval for {seconds:.0f}s"
    if pending.progress is None:
        seconds = max(0.0, (pending.due_at - now).total_seconds())
        return f"{pending.command.value} in {seconds:.0f}s by {pending.actor}"
    percent = "" if pending.progress.percent is None else f" {pending.progress.percent} %"
    return f"{pending.command.value}{percent} by {pending.actor}"


def size(count: int) -> str:
    """``count`` bytes in the largest suitable unit: ``512 MiB``, ``1.5 GiB``."""
    for unit, name in _UNITS:
        if count >= unit:
            return f"{count / unit:.1f}".removesuffix(".0") + f" {name}"
    return f"{count} B"
