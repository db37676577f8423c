"""Erasing messages of a stream so that nothing of them is left."""

from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.jetstream.stream_reader import UnavailableError

_NO_SUCH_SEQUENCE = 10043
_DELETE_FAILED = 10057
"""For whatever reason its store gave: most often that the message is gone, which it says in words alone."""
_NO_MESSAGE = 10037


class SecureDeleter:
    """Erases by sequence. Readers pass over the gap; the order and all other sequences stay."""

    def __init__(self, broker: NatsConnection, stream: str) -> None:
        self._broker = broker
        self._stream = stream

    async def erase(self, seq: int) -> None:
        """Have the broker overwrite a message where it lies on disk; one that is gone already is no error.

        Raises:
            UnavailableError: no answer, or it could not be done now; it may be erased or not.
        """
        try:
            await self._broker.jetstream.delete_msg(self._stream, seq)
        except (JetStreamError, NatsError, TimeoutError) as error:
            code = getattr(error, "err_code", None)
            if code == _NO_SUCH_SEQUENCE or (code == _DELETE_FAILED and await self._is_gone(seq)):
                return
            raise UnavailableError(f"erasing {seq} of {self._stream}: {describe(error)}") from error

    async def _is_gone(self, seq: int) -> bool:
        try:
            await self._broker.jetstream.get_msg(self._stream, seq)
        except (JetStreamError, NatsError, TimeoutError) as error:
            return getattr(error, "err_code", None) == _NO_MESSAGE
        return False
