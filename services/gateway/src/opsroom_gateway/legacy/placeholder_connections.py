"""Placeholder connections: they keep course users on the list until a socket is bound to them."""

import asyncio
import logging
from uuid import uuid4

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import (
    Connection,
    JoinRequest,
    LeaveReason,
    ProtocolVersion,
    RegisterReply,
    RegisterRequest,
)
from opsroom_contracts.errors import FaultError
from opsroom_contracts.legacy import REGISTRATION_PREFIX
from opsroom_gateway.presence.sessions import Sessions
from opsroom_messaging.client.request_client import RequestClient
from opsroom_runtime.process import cancel_and_wait

log = logging.getLogger(__name__)


class PlaceholderConnections:
    """The placeholders of this process. Each lasts ``seconds``, or until a socket on any gateway replaces it.

    They have no sessions, so that a placeholder that was removed from the record is not joined again.
    """

    def __init__(self, requester: RequestClient, sessions: Sessions, seconds: float) -> None:
        self._requester = requester
        self._sessions = sessions
        self._seconds = seconds
        self._tasks: set[asyncio.Task[None]] = set()

    async def register(self, name: str, origin: str) -> RegisterReply:
        """Register ``name``; the user is listed from the returned sequence on.

        Raises:
            FaultError: ``name_taken``, ``name_invalid``, ``unavailable``.
        """
        connection = self._connection()
        request = RegisterRequest(
            name=name,
            client_id=uuid4().hex,
            dialect=ProtocolVersion.COURSE,
            origin=origin,
            connection=connection,
        )
        with self._sessions.pending(connection.id):
            reply = await self._requester.request(endpoints.REGISTER, request)
        self._expire_later(reply.user.id, connection)
        return reply

    async def restore(self, user_id: str) -> None:
        """Give a user without a socket a new placeholder."""
        connection = self._connection()
        request = JoinRequest(connection=connection, user_id=user_id, dialect=ProtocolVersion.COURSE)
        try:
            with self._sessions.pending(connection.id):
                await self._requester.request(endpoints.JOIN, request)
        except FaultError as error:
            log.info("could not restore the placeholder of %s: %s", user_id, error)
            return
        self._expire_later(user_id, connection)

    async def stop(self) -> None:
        """Cancel the timers. Remaining placeholders are removed when this process's lease expires."""
        await cancel_and_wait(self._tasks)

    def _connection(self) -> Connection:
        plain = self._sessions.new_connection()
        return Connection(id=REGISTRATION_PREFIX + plain.id, gateway=plain.gateway)

    def _expire_later(self, user_id: str, connection: Connection) -> None:
        self._sessions.mark_pending(connection.id)
        task = asyncio.create_task(self._expire(user_id, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _expire(self, user_id: str, connection: Connection) -> None:
        await asyncio.sleep(self._seconds)
        await self._sessions.leave_connections(user_id, (connection.id,), LeaveReason.CLOSED)
