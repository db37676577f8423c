"""Commands for servers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import uuid4

from pydantic import BaseModel

from opsroom_client.cloud.queries import Queries, part
from opsroom_client.errors import validating_request
from opsroom_client.requests import Call
from opsroom_contracts.cloud.commands import COMMANDS, Command
from opsroom_contracts.cloud.models import Operation
from opsroom_contracts.cloud.schedules import Schedule
from opsroom_contracts.http import (
    BatchCommand,
    BatchResult,
    BatchResults,
    InstanceChanged,
    InstancePatch,
    NewAdoption,
    NewApproval,
    NewDenial,
    NewInstance,
    NewSchedule,
    OperationAccepted,
    ScheduleList,
    ScheduleMade,
)

BatchableCommand = Literal[Command.START, Command.STOP, Command.RESTART, Command.REMOVE]
"""A command that can be sent to several servers at once."""


@dataclass(frozen=True, slots=True)
class ScheduleTimes:
    """When a schedule runs: ``at`` a time, or by ``cron``, five fields, in the time zone ``zone`` (UTC)."""

    at: datetime | None = None
    cron: str | None = None
    zone: str | None = None


class Commands(Queries):
    """Commands. Each is stored when its method returns."""

    async def create(
        self,
        *,
        name: str | None = None,
        template: str | None = None,
        labels: Mapping[str, str] | None = None,
        start: bool = False,
        key: str | None = None,
    ) -> Operation:
        """Create a server, and start it afterwards if ``start`` is true.

        ``template``: as in :meth:`templates`, or ``provider/template``; None: a simulated server. ``name``:
        None: one is made up.
        """
        body: NewInstance | None = None
        if name is not None or template is not None or labels or start:
            with validating_request():
                body = NewInstance(
                    name=name, template=template, labels=dict(labels) if labels else None, start=start
                )
        return await self._accepted(Command.CREATE, None, key, body)

    async def start(self, instance_id: str, *, key: str | None = None) -> Operation:
        """Start a server."""
        return await self.command(Command.START, instance_id, key=key)

    async def stop(self, instance_id: str, *, key: str | None = None) -> Operation:
        """Stop a server."""
        return await self.command(Command.STOP, instance_id, key=key)

    async def restart(self, instance_id: str, *, key: str | None = None) -> Operation:
        """Restart a server."""
        return await self.command(Command.RESTART, instance_id, key=key)

    async def remove(self, instance_id: str, *, key: str | None = None) -> Operation:
        """Remove a server."""
        return await self.command(Command.REMOVE, instance_id, key=key)

    async def command(
        self, command: Command, instance_id: str | None = None, *, key: str | None = None
    ) -> Operation:
        """Send a command of a lifecycle; ``create`` takes no ``instance_id``, all others need one.

        Raises:
            ValueError: ``instance_id`` is missing, or the command has a method with more parameters.
        """
        if command is not Command.CREATE and instance_id is None:
            raise ValueError(f"{command.value} needs an instance_id")
        if command not in COMMANDS:
            raise ValueError(f"{command.value} has its own method")
        return await self._accepted(command, instance_id, key)

    async def batch(
        self,
        command: BatchableCommand,
        ids: Sequence[str] | None = None,
        *,
        selector: str | None = None,
        key: str | None = None,
    ) -> tuple[BatchResult, ...]:
        """Send a command to several servers: those of ``ids``, or those whose labels match ``selector``.

        ``selector``: such as ``env=prod,role=web``. Returns an operation or a problem for each server, in the
        order of ``ids``, or by name.
        """
        with validating_request():
            body = BatchCommand(command=command, ids=None if ids is None else tuple(ids), selector=selector)
        call = Call("POST", "/cloud/batch", body=body, key=key or uuid4().hex)
        return (await self._requests.request(call, BatchResults)).results

    async def adopt(
        self,
        provider: str,
        resource: str,
        *,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Operation:
        """Take in ``resource``, which ``provider`` runs already; :meth:`adoptable` lists what there is."""
        with validating_request():
            body = NewAdoption(
                provider=provider, resource=resource, name=name, labels=dict(labels) if labels else None
            )
        call = Call("POST", "/cloud/adoptions", body=body, key=key or uuid4().hex)
        return (await self._requests.request(call, OperationAccepted)).operation

    async def change(
        self,
        instance_id: str,
        *,
        name: str | None = None,
        labels: Mapping[str, str | None] | None = None,
        protected: bool | None = None,
        key: str | None = None,
    ) -> InstanceChanged:
        """Change a server's name, labels or protection at once; what is None stays as it is.

        ``labels``: those to set, and those to remove (None). A protected server can't be stopped, restarted
        or removed.
        """
        with validating_request():
            body = InstancePatch(name=name, labels=dict(labels) if labels else None, protected=protected)
        call = Call("PATCH", f"/cloud/instances/{part(instance_id)}", body=body, key=key or uuid4().hex)
        return await self._requests.request(call, InstanceChanged)

    async def cancel(self, operation_id: str) -> Operation:
        """Cancel a pending command; idempotent. While it awaits approval, only its author can."""
        call = Call("DELETE", f"/cloud/operations/{part(operation_id)}")
        return (await self._requests.request(call, OperationAccepted)).operation

    async def approve(self, operation_id: str, *, alone: str | None = None) -> Operation:
        """Approve a command that awaits it; idempotent.

        The last approval that is needed lets its delay begin. ``alone``: why an admin needs no others.
        """
        with validating_request():
            body = NewApproval(alone=alone)
        call = Call("POST", f"/cloud/operations/{part(operation_id)}/approve", body=body)
        return (await self._requests.request(call, OperationAccepted)).operation

    async def deny(self, operation_id: str, *, reason: str | None = None) -> Operation:
        """Deny a command that awaits approval; idempotent."""
        with validating_request():
            body = NewDenial(reason=reason)
        call = Call("POST", f"/cloud/operations/{part(operation_id)}/deny", body=body)
        return (await self._requests.request(call, OperationAccepted)).operation

    async def schedule(
        self,
        name: str,
        command: BatchableCommand,
        ids: Sequence[str] | None = None,
        *,
        selector: str | None = None,
        times: ScheduleTimes,
    ) -> Schedule:
        """Give a command at a time, or again and again: to ``ids``, or to servers that match ``selector``.

        The same call again is a retry; the name of another schedule is taken.
        """
        with validating_request():
            body = NewSchedule(
                name=name,
                command=command,
                ids=None if ids is None else tuple(ids),
                selector=selector,
                cron=times.cron,
                zone=times.zone,
                at=times.at,
            )
        call = Call("POST", "/cloud/schedules", body=body)
        return (await self._requests.request(call, ScheduleMade)).schedule

    async def unschedule(self, name: str) -> Schedule:
        """Remove a schedule. What it has commanded already goes on."""
        call = Call("DELETE", f"/cloud/schedules/{part(name)}")
        return (await self._requests.request(call, ScheduleMade)).schedule

    async def schedules(self) -> tuple[Schedule, ...]:
        """All schedules, sorted by name, with their next and their last run."""
        return (await self._requests.request(Call("GET", "/cloud/schedules"), ScheduleList)).schedules

    async def _accepted(
        self, command: Command, instance_id: str | None, key: str | None, body: BaseModel | None = None
    ) -> Operation:
        spec = COMMANDS[command]
        path = "/cloud" + spec.path.format(instance_id=part(instance_id or ""))
        call = Call(spec.method, path, body=body, key=key or uuid4().hex)
        return (await self._requests.request(call, OperationAccepted)).operation
