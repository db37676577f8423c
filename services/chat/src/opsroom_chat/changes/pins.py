"""Handler of the list of pinned messages."""

from opsroom_chat.log.details import Placed
from opsroom_chat.log.room_details import RoomDetails
from opsroom_chat.messages.store import MessageStore
from opsroom_chat.rooms.access import RoomAccess
from opsroom_contracts.chat.events import CHAT_EVENT, PinChanged, message_of
from opsroom_contracts.chat.models import Pin, PinsReply, PinsRequest
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_messaging.jetstream.stream_reader import StreamReader

_REPLY_BYTES = 700 * 1024
"""Maximum size of a page, well under the broker's payload limit of 1 MiB."""


class Pins:
    """Handler of ``chat.pins``."""

    def __init__(
        self, reader: StreamReader, store: MessageStore, details: RoomDetails, access: RoomAccess
    ) -> None:
        self._reader = reader
        self._store = store
        self._details = details
        self._access = access

    async def page(self, request: PinsRequest) -> PinsReply:
        """Return a page of the pinned messages of a room.

        Raises:
            FaultError: ``room_unknown``.
            UnavailableError: the broker did not respond, or the index is being built.
        """
        await self._access.check_may_read(request.user_id, request.room)
        as_of = await self._details.catch_up(request.room)
        pins: list[Pin] = []
        size, before = 0, request.before
        for placed in await self._details.pinned(request.room):
            if before is not None and placed.seq >= before:
                continue
            pin = await self._pin(request.room, placed)
            size += 0 if pin is None else len(encode(pin))
            if pins and size > _REPLY_BYTES:
                return await self._reply(request, pins, as_of, pins[-1].seq)
            if pin is not None:
                pins.append(pin)
        return await self._reply(request, pins, as_of, None)

    async def _reply(
        self, request: PinsRequest, pins: list[Pin], as_of: int, following: int | None
    ) -> PinsReply:
        messages = [pin.message for pin in pins]
        complete = await self._details.complete(request.room, messages, request.user_id)
        with_reactions = (
            pin.model_copy(update={"message": message}) for pin, message in zip(pins, complete, strict=True)
        )
        return PinsReply(pins=tuple(with_reactions), next=following, as_of=as_of)

    async def _pin(self, room: str, placed: Placed) -> Pin | None:
        """Return a pinned message; None if it is removed, or something has expired."""
        stored = await self._reader.at(placed.seq)
        if stored is None:
            return None
        try:
            event = CHAT_EVENT.read(stored.data)
            if not isinstance(event, PinChanged):
                return None
            last = await self._store.last(room, event.message_id)
        except ContractError:
            return None
        except FaultError as error:
            if error.fault.code is not ErrorCode.MESSAGE_UNKNOWN:
                raise
            return None
        message = message_of(last.event, last.seq)
        if message is None:
            return None
        return Pin(seq=placed.seq, by=event.user, at=event.timestamp, message=message)
