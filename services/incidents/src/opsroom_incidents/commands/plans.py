"""The stored plans of commands."""

import hashlib
from collections.abc import Container
from typing import Final

from opsroom_contracts.incidents.commands import CommandName
from opsroom_contracts.incidents.plans import (
    COMMAND_PLAN,
    LAST_COMMAND,
    OPEN_COMMAND,
    CommandPlan,
    LastCommand,
    OpenCommand,
)
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_contracts.subjects import OPEN_COMMANDS, command_plan, last_command, open_command
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.writes import Write

_DECISIONS: Final = frozenset({CommandName.UNDO, CommandName.APPROVE, CommandName.DENY})
"""Commands about operations of others, which have cards already."""
_OPEN_SECONDS: Final = 86_400
"""How long the card of a command is kept up to date, after the last of its operations is due."""
_PAGE: Final = 100
_LAST_SECONDS: Final = 3600
_SECONDS: Final = 90 * 86_400
"""How long a plan is kept: longer than a trigger, so that a late redelivery finds what was done, and so long
that the report of an incident finds the operations of its commands."""


class Plans:
    """Reads and writes plans. Every write is guarded, so that of two processes one decides."""

    def __init__(self, reader: StreamReader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def find(self, message_id: str) -> CommandPlan | None:
        """Return the plan of a command.

        Raises:
            UnavailableError: the broker did not reply, or a newer release stored the plan.
        """
        plan, _ = await self._read(message_id)
        return plan

    async def begin(self, plan: CommandPlan) -> CommandPlan:
        """Store a plan, unless there is one; return the one that counts.

        Raises:
            UnavailableError: the broker did not reply, or a newer release stored the plan.
        """
        try:
            await self._writer.write(_write(plan, 0))
        except ConflictError:
            stored, _ = await self._read(plan.message_id)
            if stored is None:
                raise UnavailableError(f"the plan of {plan.message_id} has just expired") from None
            return stored
        return plan

    async def finish(self, plan: CommandPlan) -> CommandPlan:
        """Store the results of a plan, unless another process has; return the plan that counts.

        Raises:
            UnavailableError: the broker did not reply, or a newer release stored the plan.
        """
        stored, seq = await self._read(plan.message_id)
        if stored is not None and stored.results is not None:
            return stored
        try:
            await self._writer.write(_write(plan, seq), *_last(plan), *_open(plan))
        except ConflictError:
            stored, _ = await self._read(plan.message_id)
            if stored is None or stored.results is None:
                raise UnavailableError(f"the plan of {plan.message_id} is being written") from None
            return stored
        return plan

    async def last(self, room: str, thread: str | None, identity: str) -> CommandPlan | None:
        """Return the plan of the last command that began something, of ``identity`` in a room or a thread.

        Raises:
            UnavailableError: the broker did not reply, or a newer release stored it.
        """
        stored = await self._reader.last(last_command(_place(room, thread, identity)))
        if stored is None:
            return None
        try:
            return await self.find(LAST_COMMAND.read(stored.data).message_id)
        except NewerVersionError as error:
            raise UnavailableError(f"{stored.subject}: {error}") from error
        except ContractError:
            return None

    async def open(self, known: Container[str]) -> list[CommandPlan]:
        """Return the plans of the commands that are not closed. ``known``: messages whose plans are not read.

        Raises:
            UnavailableError: the broker did not reply, or a newer release stored one.
        """
        found: list[CommandPlan] = []
        start = 1
        while page := await self._reader.page(OPEN_COMMANDS, start=start, count=_PAGE):
            for stored in page:
                try:
                    message_id = OPEN_COMMAND.read(stored.data).message_id
                except ContractError:
                    continue
                plan = None if message_id in known else await self.find(message_id)
                found += [] if plan is None else [plan]
            start = page[-1].seq + 1
        return found

    async def close(self, plan: CommandPlan) -> None:
        """Note that nothing is left to do for a command.

        Raises:
            UnavailableError: the broker did not reply.
        """
        record = encode(OpenCommand(message_id=plan.message_id))
        await self._writer.write(Write(open_command(plan.message_id), record, ttl=1, replaces=True))

    async def _read(self, message_id: str) -> tuple[CommandPlan | None, int]:
        stored = await self._reader.last(command_plan(message_id))
        if stored is None:
            return None, 0
        try:
            return COMMAND_PLAN.read(stored.data), stored.seq
        except NewerVersionError as error:
            raise UnavailableError(f"{stored.subject}: {error}") from error
        except ContractError:
            return None, stored.seq


def _write(plan: CommandPlan, expected: int) -> Write:
    ttl = _SECONDS + _wait_of(plan)
    return Write(
        command_plan(plan.message_id), encode(plan), expected=expected, ttl=ttl, replaces=expected > 0
    )


def _last(plan: CommandPlan) -> tuple[Write, ...]:
    if plan.name in _DECISIONS:
        return ()
    subject = last_command(_place(plan.room, plan.thread, plan.identity))
    record = encode(LastCommand(message_id=plan.message_id))
    return (Write(subject, record, ttl=_LAST_SECONDS, replaces=True),)


def _open(plan: CommandPlan) -> tuple[Write, ...]:
    """Return the write that keeps a command open, if operations of it can end."""
    if plan.name in _DECISIONS or not plan.accepted():
        return ()
    record = encode(OpenCommand(message_id=plan.message_id))
    ttl = _OPEN_SECONDS + _wait_of(plan)
    return (Write(open_command(plan.message_id), record, ttl=ttl, replaces=True),)


def _wait_of(plan: CommandPlan) -> int:
    """Return until how long after it was said the operations of a command await approval, in seconds."""
    dues = [one.due_at for one in plan.results or () if one.is_awaiting and one.due_at is not None]
    return max((int((due - plan.said_at).total_seconds()) for due in dues), default=0)


def _place(room: str, thread: str | None, identity: str) -> str:
    return hashlib.sha256(f"{room}\n{thread or ''}\n{identity}".encode()).hexdigest()[:32]
