"""Threads that the user follows, and what is unread in them."""

from collections.abc import AsyncIterator

from opsroom_client.errors import validating_request
from opsroom_client.requests import Call, Requests
from opsroom_contracts.chat.threads import (
    THREADS_PAGE,
    FollowedThread,
    ThreadsReply,
    ThreadsUnread,
    ThreadUnread,
)
from opsroom_contracts.http import NewRead


class Threads:
    """Requires the token of a registered user. Methods raise the same as :meth:`Requests.request`.

    A thread is given by the id of its first message.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def followed(self) -> AsyncIterator[FollowedThread]:
        """Iterate over the followed threads that have replies, the one with the newest reply first."""
        params: dict[str, str | int] = {"limit": THREADS_PAGE}
        while True:
            call = Call("GET", "/chat/threads", params=params)
            page = await self._requests.request(call, ThreadsReply)
            for thread in page.threads:
                yield thread
            if page.next is None:
                return
            params["before"] = page.next

    async def unread(self) -> ThreadsUnread:
        """Count what the user has not read in each of these threads."""
        return await self._requests.request(Call("GET", "/chat/threads/unread"), ThreadsUnread)

    async def follow(self, thread: str, *, on: bool = True, room: str = "general") -> ThreadUnread:
        """Follow a thread; with ``on`` false, stop until the user replies in it or is mentioned."""
        call = Call("PUT" if on else "DELETE", f"{_path(room, thread)}/follow")
        return await self._requests.request(call, ThreadUnread)

    async def read(self, thread: str, seq: int, *, room: str = "general") -> ThreadUnread:
        """Note that a thread is read up to ``seq``, on all devices; a lower position changes nothing."""
        with validating_request():
            body = NewRead(seq=seq)
        return await self._requests.request(
            Call("PUT", f"{_path(room, thread)}/read", body=body), ThreadUnread
        )


def _path(room: str, thread: str) -> str:
    return f"/chat/rooms/{room}/messages/{thread}"
