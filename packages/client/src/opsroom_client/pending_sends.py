"""Messages that were said and not yet acknowledged."""

import asyncio

from opsroom_client.errors import OpsroomError, RefusedError
from opsroom_contracts.frames import AckFrame, ErrorFrame, SendFrame

MOST_WAITING = 1000


class PendingSends:
    """Keeps each message until the server says that it is stored, to say it again after a break."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[SendFrame, asyncio.Future[AckFrame]]] = {}

    def expect(self, frame: SendFrame) -> asyncio.Future[AckFrame]:
        """Remember ``frame``; what is returned gets its acknowledgement.

        Raises:
            ValueError: one with this id waits already.
            OpsroomError: too many wait.
        """
        if frame.client_id in self._waiting:
            raise ValueError(f"a message {frame.client_id!r} is under way already")
        if len(self._waiting) >= MOST_WAITING:
            raise OpsroomError(f"{MOST_WAITING} messages wait for their acknowledgement already")
        future: asyncio.Future[AckFrame] = asyncio.get_running_loop().create_future()
        self._waiting[frame.client_id] = (frame, future)
        return future

    def forget(self, client_id: str) -> None:
        """Nobody waits for this one any more."""
        self._waiting.pop(client_id, None)

    def frames(self) -> list[SendFrame]:
        """What to say again, in the order in which it was said."""
        return [frame for frame, _ in self._waiting.values()]

    def acknowledged(self, ack: AckFrame) -> None:
        """One is stored."""
        waiting = self._waiting.get(ack.client_id)
        if waiting and not waiting[1].done():
            waiting[1].set_result(ack)

    def refused(self, error: ErrorFrame) -> bool:
        """One was refused; answers whether ``error`` was about one of ours."""
        waiting = self._waiting.get(error.client_id or "")
        if waiting and not waiting[1].done():
            waiting[1].set_exception(
                RefusedError(error.code, error.message, field=error.field, retry_after=error.retry_after)
            )
        return waiting is not None

    def fail(self, error: OpsroomError) -> None:
        """None of them will be acknowledged."""
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(error)
