"""A private room with something of every kind in it, and requests for it."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from services.gateway.tests.files.kit import Sharer
from services.gateway.tests.kit.portal import Address

Ids = dict[str, str]
"""What to put into a request in place of its words in capitals."""


@dataclass(frozen=True, slots=True)
class SecretRoom:
    """The room. ``word``: it is in every text and name, and nowhere else.

    ``root``, ``reply``: the ids of its message with a file, a reaction and a pin, and of the reply to it.
    ``seq``: that of its first message.
    """

    owner: Sharer
    word: str
    room: str
    root: str
    reply: str
    file: str
    seq: int

    @property
    def ids(self) -> Ids:
        """The ids as they are."""
        return {
            "ROOM": self.room,
            "NAME": f"Room {self.word}",
            "MESSAGE": self.root,
            "FILE": self.file,
            "OWNER": self.owner.user_id,
        }

    def absent(self) -> Ids:
        """Return ids of the same form, of what does not exist."""
        return {
            "ROOM": "r-" + "a" * 24,
            "NAME": f"Room {uuid4().hex}",
            "MESSAGE": uuid4().hex,
            "FILE": uuid4().hex,
            "OWNER": self.owner.user_id,
        }

    def seen_in(self, shown: object) -> list[str]:
        """Return what of the room is in something that was shown to others."""
        text = shown if isinstance(shown, str) else json.dumps(shown)
        return [
            secret for secret in (self.word, self.room, self.root, self.reply, self.file) if secret in text
        ]


async def secret_room(owner: Sharer, *guests: Sharer) -> SecretRoom:
    """Create the room, with ``guests`` in it."""
    word = f"w{uuid4().hex[:12]}"
    room = await owner.http.create(f"Room {word}", private=True)
    if guests:
        await owner.http.act(f"/rooms/{room}/invite", {"users": [guest.user_id for guest in guests]})
    file = (await owner.upload(word.encode() * 100, room=room, name=f"{word}.txt"))["id"]
    root = await _done(owner, "send", room=room, text=f"{word} root", files=[file])
    reply = await _done(owner, "send", room=room, text=f"{word} reply", thread=root["id"], broadcast=True)
    await _done(owner, "edit", room=room, id=reply["id"], text=f"{word} edited")
    await _done(owner, "react", room=room, id=root["id"], emoji="\N{THUMBS UP SIGN}", on=True)
    await _done(owner, "pin", room=room, id=root["id"], on=True)
    return SecretRoom(owner, word, room, root["id"], reply["id"], file, root["seq"])


async def _done(owner: Sharer, kind: str, **fields: object) -> dict[str, Any]:
    reply = await owner.socket.request(kind, None, **fields)
    assert reply["type"] == "ack", reply
    return reply


@dataclass(frozen=True, slots=True)
class Door:
    """A request. Words in capitals in path and body are replaced by ids. ``body``: JSON, or bytes."""

    method: str
    path: str
    body: Any = None

    def filled(self, ids: Ids) -> "Door":
        """Return the request with ``ids``."""
        body = self.body
        if body is not None and not isinstance(body, bytes):
            body = json.loads(_filled(json.dumps(body), ids))
        return Door(self.method, _filled(self.path, ids), body)

    async def knock(self, address: Address, token: str | None, ids: Ids) -> httpx.Response:
        """Send the request, with ``token`` if there is one."""
        filled = self.filled(ids)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        more: dict[str, Any] = {}
        if isinstance(filled.body, bytes):
            more["content"] = filled.body
        elif filled.body is not None:
            more["json"] = filled.body
        async with address.requests() as client:
            return await client.request(filled.method, f"/api/v1{filled.path}", headers=headers, **more)


def outcome(response: httpx.Response, ids: Ids) -> tuple[int, str, list[str]]:
    """Return all of a response that a client can tell apart, without the ids that it sent itself."""
    text = response.text
    for word, value in sorted(ids.items(), key=lambda one: -len(one[1])):
        text = text.replace(value, word)
    return response.status_code, text, sorted(response.headers)


def _filled(text: str, ids: Ids) -> str:
    for word, value in ids.items():
        text = text.replace(word, value)
    return text


_MESSAGES = "/chat/rooms/ROOM/messages"
_MESSAGE = f"{_MESSAGES}/MESSAGE"
DOORS = {
    "history": Door("GET", _MESSAGES),
    "history before": Door("GET", f"{_MESSAGES}?before=9999999&limit=200"),
    "history after": Door("GET", f"{_MESSAGES}?after=0"),
    "a thread": Door("GET", f"{_MESSAGE}/thread"),
    "pins": Door("GET", "/chat/rooms/ROOM/pins"),
    "members": Door("GET", "/chat/rooms/ROOM/members"),
    "the search in the room": Door("GET", "/search?q=root&in=ROOM"),
    "the search by the room's name": Door("GET", "/search?q=in:%22NAME%22"),
    "a file": Door("GET", "/chat/files/FILE"),
    "the head of a file": Door("HEAD", "/chat/files/FILE"),
    "an upload": Door("POST", "/chat/files?room=ROOM&name=a.txt", b"x"),
    "its file in another room": Door("POST", "/chat/rooms/general/messages", {"text": "", "files": ["FILE"]}),
    "a message": Door("POST", _MESSAGES, {"text": "x"}),
    "a reply": Door("POST", _MESSAGES, {"text": "x", "thread": "MESSAGE"}),
    "a reply in another room": Door(
        "POST", "/chat/rooms/general/messages", {"text": "x", "thread": "MESSAGE"}
    ),
    "an edit": Door("PATCH", _MESSAGE, {"text": "x"}),
    "a removal": Door("DELETE", _MESSAGE),
    "a reaction": Door("PUT", f"{_MESSAGE}/reactions/%F0%9F%91%8D"),
    "taking a reaction back": Door("DELETE", f"{_MESSAGE}/reactions/%F0%9F%91%8D"),
    "a pin": Door("PUT", f"{_MESSAGE}/pin"),
    "taking a pin away": Door("DELETE", f"{_MESSAGE}/pin"),
    "joining": Door("POST", "/chat/rooms/ROOM/join"),
    "leaving": Door("POST", "/chat/rooms/ROOM/leave"),
    "inviting": Door("POST", "/chat/rooms/ROOM/invite", {"users": ["OWNER"]}),
    "removing a member": Door("DELETE", "/chat/rooms/ROOM/members/OWNER"),
    "renaming": Door("PATCH", "/chat/rooms/ROOM", {"name": "Renamed"}),
    "archiving": Door("PATCH", "/chat/rooms/ROOM", {"archived": True}),
    "reading": Door("PUT", "/chat/rooms/ROOM/read", {"seq": 1}),
}
"""Requests about the room. Each must be refused as if there were no such room, message or file."""
