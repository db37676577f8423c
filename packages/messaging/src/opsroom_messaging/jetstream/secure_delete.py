"""Secure deletion of single stream messages."""

from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.errors import UnavailableError

_NO_SUCH_SEQUENCE = 10043
_DELETE_FAILED = 10057
"""A store error; usually the message does not exist, which only the error's text says."""
_NO_MESSAGE = 10037


class SecureDeleter:
    """Erases messages by sequence. All other messages keep their sequences; readers skip the gap."""

    def __init__(self, broker: NatsConnection, stream: str) -> None:
        self._broker = broker
        self._stream = stream

    async def erase(self, seq: int) -> None:
        """Let the broker overwrite a message on disk; does nothing if it no longer exists.

        Raises:
            UnavailableError: no reply, or a temporary error; the message may be erased or not.
        """
        try:
            await self._broker.jetstream.delete_msg(self._stream, seq)
        except (JetStreamError, NatsError, TimeoutError) as error:
            code = getattr(error, "err_code", None)
            if code == _NO_SUCH_SEQUENCE or (code == _DELETE_FAILED and await self._is_missing(seq)):
                return
            raise UnavailableError(f"erasing {seq} of {self._stream}: {describe(error)}") from error

    async def _is_missing(self, seq: int) -> bool:
        try:
            await self._broker.jetstream.get_msg(self._stream, seq)
        except (JetStreamError, NatsError, TimeoutError) as error:
            return getattr(error, "err_code", None) == _NO_MESSAGE
        return False
