"""``opsroom approve`` and ``opsroom deny``: decisions about commands that must be approved."""

from collections.abc import Awaitable, Callable
from functools import partial

import click

from opsroom_client.cli.output import output_options
from opsroom_client.cli.running import Server
from opsroom_client.cli.servers.ids import InstanceId, resolve
from opsroom_client.cli.servers.operations import Manner, Send, position_now, run_all
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError, RequestRejectedError
from opsroom_contracts.cloud.models import Operation, OperationStatus
from opsroom_contracts.errors import ErrorCode

Decide = Callable[[Opsroom, str], Awaitable[Operation]]


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=InstanceId(pending=True))
@click.option("--alone", metavar="REASON", help="For admins: approve without the others, and say why.")
@click.option("-w", "--wait", is_flag=True, help="Wait until it is done, not only approved.")
@output_options
@click.pass_obj
def approve(server: Server, ids: tuple[str, ...], alone: str | None, wait: bool, as_json: bool) -> None:
    """Approve commands that await it: ID is an operation, or the server that it is for."""

    async def decide(opsroom: Opsroom, operation_id: str) -> Operation:
        return await opsroom.cloud.approve(operation_id, alone=alone)

    run_all(server, _sends(ids, decide), position_now(server), Manner(wait, as_json))


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=InstanceId(pending=True))
@click.option("--reason", help="Why; everybody sees it.")
@output_options
@click.pass_obj
def deny(server: Server, ids: tuple[str, ...], reason: str | None, as_json: bool) -> None:
    """Deny commands that await approval: ID is an operation, or the server that it is for."""

    async def decide(opsroom: Opsroom, operation_id: str) -> Operation:
        return await opsroom.cloud.deny(operation_id, reason=reason)

    manner = Manner(as_json=as_json, expected=OperationStatus.DENIED)
    run_all(server, _sends(ids, decide), position_now(server), manner)


def _sends(ids: tuple[str, ...], decide: Decide) -> dict[str, Send]:
    async def send(given: str, opsroom: Opsroom) -> Operation:
        return await decide(opsroom, await _operation_of(opsroom, given))

    return {one: partial(send, one) for one in ids}


async def _operation_of(opsroom: Opsroom, given: str) -> str:
    """The operation ``given``, or the one that awaits approval on the server ``given``.

    Raises:
        OpsroomError: there is none.
    """
    instances = (await opsroom.cloud.instances()).instances
    if any(one.pending is not None and one.pending.id == given for one in instances):
        return given
    try:
        (found,) = resolve(instances, [given])
    except OpsroomError:
        if await _is_operation(opsroom, given):
            return given
        raise
    if found.pending is None or found.pending.approval is None:
        raise OpsroomError(f"{found.name} has no command that awaits approval")
    return found.pending.id


async def _is_operation(opsroom: Opsroom, given: str) -> bool:
    try:
        await opsroom.cloud.operation(given)
    except RequestRejectedError as error:
        if error.code in {ErrorCode.OPERATION_NOT_FOUND, ErrorCode.INVALID_REQUEST}:
            return False
        raise
    return True
