"""Messages that were sent and not yet acknowledged."""

import asyncio

from opsroom_client.errors import OpsroomError, RequestRejectedError
from opsroom_contracts.chat.frames import AckFrame, AcknowledgedFrame, ErrorFrame

MAX_PENDING = 1000


class PendingSends:
    """Keeps each message until the server acknowledges it, to send it again after a reconnect."""

    def __init__(self) -> None:
        self._pending: dict[str, tuple[AcknowledgedFrame, asyncio.Future[AckFrame]]] = {}

    def add(self, frame: AcknowledgedFrame) -> asyncio.Future[AckFrame]:
        """Add ``frame``; returns a future for its acknowledgement.

        Raises:
            ValueError: a message with this id is pending.
            OpsroomError: too many messages are pending.
        """
        if frame.client_id in self._pending:
            raise ValueError(f"a message {frame.client_id!r} is already pending")
        if len(self._pending) >= MAX_PENDING:
            raise OpsroomError(f"{MAX_PENDING} messages are not yet acknowledged")
        future: asyncio.Future[AckFrame] = asyncio.get_running_loop().create_future()
        self._pending[frame.client_id] = (frame, future)
        return future

    def remove(self, client_id: str) -> None:
        """Remove a message whose acknowledgement is no longer awaited."""
        self._pending.pop(client_id, None)

    def frames(self) -> list[AcknowledgedFrame]:
        """The pending messages, in the order of sending."""
        return [frame for frame, _ in self._pending.values()]

    def acknowledge(self, ack: AckFrame) -> None:
        """Complete the message that ``ack`` is about."""
        pending = self._pending.get(ack.client_id)
        if pending and not pending[1].done():
            pending[1].set_result(ack)

    def reject(self, error: ErrorFrame) -> bool:
        """Fail the message that ``error`` is about; returns whether there is one."""
        pending = self._pending.get(error.client_id or "")
        if pending and not pending[1].done():
            pending[1].set_exception(
                RequestRejectedError(
                    error.code, error.message, field=error.field, retry_after=error.retry_after
                )
            )
        return pending is not None

    def fail_all(self, error: OpsroomError) -> None:
        """Fail all messages with ``error``."""
        for _, future in self._pending.values():
            if not future.done():
                future.set_exception(error)
