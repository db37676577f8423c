"""Messages over HTTP, for programs that don't keep a chat open."""

from urllib.parse import quote
from uuid import uuid4

from opsroom_client.errors import validating_request
from opsroom_client.requests import Call, Requests
from opsroom_contracts.chat.models import HISTORY_MAX, Pin, PinsReply, SendReply, ThreadReply
from opsroom_contracts.http import NewMessage, NewText
from opsroom_contracts.incidents.bot_commands import BotCommand, BotCommandsReply


class Messages:
    """Requires the token of a registered user. Methods raise the same as :meth:`Requests.request`.

    Each returns once the change is stored, and repeats a request without a response; so it is made once.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def send(
        self,
        text: str,
        *,
        room: str = "general",
        key: str | None = None,
        thread: str | None = None,
        broadcast: bool = False,
    ) -> SendReply:
        """Send a message. Sends with the same ``key`` are stored once.

        ``thread``: the message (id) that it replies to; ``broadcast``: the room shows the reply, too.
        """
        with validating_request():
            body = NewMessage(text=text, thread=thread, broadcast=broadcast or None)
        path = f"/chat/rooms/{room}/messages"
        return await self._requests.request(Call("POST", path, body=body, key=key or uuid4().hex), SendReply)

    async def edit(
        self, message_id: str, text: str, *, room: str = "general", key: str | None = None
    ) -> SendReply:
        """Replace the text of an own message. A retry with the same ``key`` does not undo a later edit."""
        with validating_request():
            body = NewText(text=text)
        call = Call("PATCH", _path(room, message_id), body=body, key=key or uuid4().hex)
        return await self._requests.request(call, SendReply)

    async def delete(self, message_id: str, *, room: str = "general") -> None:
        """Delete an own message, or remove one as a moderator."""
        await self._requests.send(Call("DELETE", _path(room, message_id)))

    async def react(
        self, message_id: str, emoji: str, *, on: bool = True, room: str = "general"
    ) -> SendReply:
        """React to a message; with ``on`` false, take the reaction back."""
        path = f"{_path(room, message_id)}/reactions/{quote(emoji, safe='')}"
        return await self._requests.request(Call("PUT" if on else "DELETE", path), SendReply)

    async def pin(self, message_id: str, *, on: bool = True, room: str = "general") -> SendReply:
        """Pin a message in its room; with ``on`` false, unpin it."""
        path = f"{_path(room, message_id)}/pin"
        return await self._requests.request(Call("PUT" if on else "DELETE", path), SendReply)

    async def thread(
        self, message_id: str, *, room: str = "general", before: int | None = None, limit: int = 50
    ) -> ThreadReply:
        """A message and a page of the replies to it: the last ones, or those before a sequence."""
        params: dict[str, str | int] = {"limit": min(limit, HISTORY_MAX)}
        params |= {} if before is None else {"before": before}
        call = Call("GET", f"{_path(room, message_id)}/thread", params=params)
        return await self._requests.request(call, ThreadReply)

    async def commands(self) -> tuple[BotCommand, ...]:
        """Return the commands that bots offer now, by name. A message with one is sent like any other."""
        return (await self._requests.request(Call("GET", "/chat/commands"), BotCommandsReply)).commands

    async def pins(self, room: str = "general") -> tuple[Pin, ...]:
        """Return the pinned messages of a room, the one that was pinned last first."""
        found: tuple[Pin, ...] = ()
        before: dict[str, str | int] | None = None
        while True:
            call = Call("GET", f"/chat/rooms/{room}/pins", params=before)
            page = await self._requests.request(call, PinsReply)
            found += page.pins
            if page.next is None:
                return found
            before = {"before": page.next}


def _path(room: str, message_id: str) -> str:
    return f"/chat/rooms/{room}/messages/{message_id}"
