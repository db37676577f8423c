"""What the portal posts in a room as its replies."""

from opsroom_contracts import endpoints
from opsroom_contracts.errors import RETRYABLE, FaultError
from opsroom_contracts.incidents.cards import Card
from opsroom_contracts.incidents.posts import OPSROOM, CardRequest, ReplyRequest
from opsroom_contracts.serialization.model import RoomName
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import UnavailableError


class Posts:
    """Posts replies. Their ids follow from the message of the command, so each is stored once.

    Methods raise FaultError if the room or the thread is gone, and UnavailableError if nothing is known.
    """

    def __init__(self, requester: RequestClient) -> None:
        self._requester = requester

    async def text(self, message_id: str, room: RoomName, thread: str | None, text: str) -> None:
        """Post a text."""
        await self.reply(
            ReplyRequest(
                room=room, author=OPSROOM, text=text, idempotency_key=reply_key(message_id), thread=thread
            )
        )

    async def reply(self, request: ReplyRequest) -> None:
        """Post a text, or a card that is never updated."""
        try:
            await self._requester.request(endpoints.REPLY, request)
        except FaultError as error:
            raise _or_unavailable(error) from error

    async def mention(self, key: str, place: tuple[RoomName, str], text: str, users: tuple[str, ...]) -> None:
        """Post a text in the thread ``place``, a room and a message's id, that mentions people by their ids.

        ``key``: an idempotency key.
        """
        room, thread = place
        request = ReplyRequest(
            room=room, author=OPSROOM, text=text, idempotency_key=key, thread=thread, mentions=users
        )
        try:
            await self._requester.request(endpoints.REPLY, request)
        except FaultError as error:
            raise _or_unavailable(error) from error

    async def card(self, room: RoomName, thread: str | None, card: Card, key: str | None = None) -> None:
        """Post a card, or update the one with its key.

        ``key``: an idempotency key, for cards that have a status several times.
        """
        request = CardRequest(
            room=room,
            card=card,
            author=OPSROOM,
            idempotency_key=key or f"card/{card.key}/{card.status}",
            thread=thread,
        )
        try:
            await self._requester.request(endpoints.CARD, request)
        except FaultError as error:
            raise _or_unavailable(error) from error


def reply_key(message_id: str) -> str:
    """Return the idempotency key of the reply to the command of a message."""
    return f"reply/{message_id}"


def _or_unavailable(error: FaultError) -> Exception:
    if error.fault.code in RETRYABLE:
        return UnavailableError(f"storing a reply: {error.fault.message}")
    return error
