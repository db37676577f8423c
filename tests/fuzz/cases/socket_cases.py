"""Strategies for hostile WebSocket clients. The same seed gives the same cases."""

import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from hypothesis import strategies as st

from opsroom_contracts.chat.frames import (
    FRAME_MAX_BYTES,
    DeleteFrame,
    EditFrame,
    HelloFrame,
    LeaveFrame,
    PinFrame,
    ReactFrame,
    ReadFrame,
    SendFrame,
    TypingFrame,
)
from opsroom_contracts.serialization.model import Model
from opsroom_testkit.websocket_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FIN,
    PING,
    PONG,
    TEXT,
    close_frame,
    frame,
)
from packages.contracts.tests.strategies import models

V1, CHAT, DASHBOARD = "/api/v1/chat/ws", "/chat/", "/cloud/"
CANARY = "witness"
"""The name of a connected user that cases try to impersonate."""
LOOKALIKES = ("ꓪꓲꓔꓠꓰꓢꓢ", "WITNESS", "wiтness", "w\u200bitness", "witness\u3164", "ｗｉｔｎｅｓｓ")
"""Names that look like that user's, or nearly."""
INSTANCE = "AN-INSTANCE"
"""A placeholder for the id of an existing server."""
WORDS = (
    *("type", "hello", "send", "typing", "leave", "exit", "token", "since", "clientId", "room", "general"),
    *("edit", "delete", "react", "pin", "emoji", "on", "👍"),
    *("text", "message", "user", "name", "id", "userId", "action", "start", "stop", "state", "running"),
    *(CANARY, "version", "seq", "raw", "timestamp", "instanceId", "operationId", "command", INSTANCE),
    *LOOKALIKES,
)
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63, 10**30, 1e308, 0.5, "", " ", "\x00", "\ud800", "\u202e", "\u200b"),
    *("\u3164", "👨\u200d", "\u0301" * 99),
    *("<script>alert(1)</script>", "a\r\nb", "x" * 4001, "../..", "*", ">", "a.b", "%00", [], {}),
)
BAD_TEXT = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80")


class Ending(Enum):
    """What a client does after it has sent its frames."""

    TALK = auto()
    """Send a valid message, expect a response, and close in order."""
    READ = auto()
    """Read until the close with one of the case's codes."""
    HALF = auto()
    """Half-close the connection at any point, and read to the end."""
    ABORT = auto()
    """Abort the connection at once."""


@dataclass(frozen=True, slots=True)
class SocketCase:
    """Input for an open socket: ``texts`` (whole messages), or ``data`` (bytes).

    ``greeted``: on ``/api/v1``, a hello with a valid token comes first; ``pings``: how many must be
    answered; ``messages``: how many messages ``data`` holds; ``codes``: the allowed close codes.
    """

    kind: str
    path: str
    data: bytes = b""
    ending: Ending = Ending.TALK
    texts: tuple[str, ...] = ()
    binary: bool = False
    greeted: bool = True
    pings: int = 0
    messages: int = 0
    codes: frozenset[int] = frozenset()


VALUES = st.recursive(
    st.sampled_from((*WORDS, *ODD)) | st.text(max_size=20) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=4,
)
FIELDS = st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=3)
_TYPES = ("hello", "send", "typing", "leave", "exit", "connect", "connection", "new-user", "ping", "")


def nearly(*kinds: type[Model]) -> st.SearchStrategy[str]:
    """JSON of one of ``kinds``: valid, or with other fields, or without one of its fields."""
    right = st.one_of(*(models(kind) for kind in kinds)).map(
        lambda model: model.model_dump_json(by_alias=True)
    )
    return right | st.builds(_bent, right, FIELDS, st.sampled_from(WORDS))


def _bent(text: str, more: dict[str, Any], without: str) -> str:
    fields = json.loads(text) | more
    return json.dumps({name: value for name, value in fields.items() if name != without})


def _typed(kind: str, fields: dict[str, Any]) -> str:
    return json.dumps(fields | {"type": kind})


def _deep(depth: int) -> str:
    return "[" * depth + "]" * depth


_SPOKEN = st.builds(
    lambda name, rest, key: json.dumps(
        {"type": "send", "clientId": key, "room": "general", "text": f"/{name}{rest}"}
    ),
    st.sampled_from(("ps", "start", "stop", "logs", "undo", "help", "search", "PS", "", "/", "approve", "x")),
    st.text(' \t\u00a0\u3000"\n:=,abc019-label🙂', max_size=40) | st.sampled_from(ODD).map(str),
    st.text("abcdef", min_size=1, max_size=12),
)
"""Commands, valid and not. They name no server that others need."""
_ANY_TEXT = st.one_of(
    st.builds(_typed, st.sampled_from(_TYPES), FIELDS),
    VALUES.map(json.dumps),
    st.text(max_size=40),
    st.sampled_from((30, 40, 2000, 20_000)).map(_deep),
)
_USERS = VALUES | st.fixed_dictionaries({}, optional={"id": VALUES, "name": VALUES})
_SAID = st.fixed_dictionaries(
    {"type": st.sampled_from(("send", "exit"))},
    optional=dict.fromkeys(("user", "name", "message", "text", "msg", "userId"), _USERS),
).map(json.dumps)
_ASKED = st.fixed_dictionaries(
    {"id": st.just(INSTANCE) | VALUES}, optional={"action": st.sampled_from(("start", "stop")) | VALUES}
).map(json.dumps)
_TEXTS = {
    V1: nearly(HelloFrame, SendFrame, TypingFrame, ReadFrame, LeaveFrame)
    | nearly(EditFrame, DeleteFrame, ReactFrame, PinFrame)
    | _SPOKEN
    | _ANY_TEXT,
    CHAT: _SAID | _ANY_TEXT,
    DASHBOARD: _ASKED | _ANY_TEXT,
}


@st.composite
def messages(draw: st.DrawFn, path: str, *, greeted: bool = True) -> SocketCase:
    """Messages that are valid, nearly valid, or garbage."""
    fits = _TEXTS[path].filter(lambda text: len(text) * 4 < FRAME_MAX_BYTES)
    texts = tuple(draw(st.lists(fits, min_size=1, max_size=4)))
    binary = path == CHAT and draw(st.booleans())
    kind = f"messages, {path}" if greeted else f"messages, {path}, no hello"
    ending = draw(st.sampled_from((Ending.TALK, Ending.TALK, Ending.TALK, Ending.ABORT)))
    return SocketCase(kind, path, b"", ending, texts, binary, greeted)


_PATHS = st.sampled_from((V1, CHAT, DASHBOARD))
_INERT = VALUES.map(lambda value: json.dumps([value])[:5000].encode())


@st.composite
def fragments(draw: st.DrawFn) -> SocketCase:
    """A fragmented message, with pings in between."""
    data = draw(_INERT)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    parts = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    sent, pings = b"", 0
    for number, part in enumerate(parts):
        flags = FIN if number == len(parts) - 1 else 0
        sent += frame(CONTINUATION if number else TEXT, part, flags=flags)
        if not flags and draw(st.booleans()):
            sent, pings = sent + frame(PING, b"between"), pings + 1
    return SocketCase("fragments", draw(_PATHS), sent, pings=pings, messages=1)


def _pieces(data: bytes, at: int) -> bytes:
    return frame(TEXT, data[:at], flags=0) + frame(CONTINUATION, data[at:])


_CONTROL = st.sampled_from((PING, PONG, CLOSE))
_RESERVED = st.sampled_from((3, 4, 5, 6, 7, 11, 12, 13, 14, 15))
_NO_CODES = st.sampled_from((0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535))
_BAD = st.sampled_from(BAD_TEXT)
_BROKEN = st.one_of(
    st.builds(lambda bits, data: frame(TEXT, data, flags=FIN | bits << 4), st.integers(1, 7), _INERT),
    st.builds(frame, _RESERVED, _INERT),
    st.builds(lambda code, data: frame(code, data, masked=False), st.sampled_from((TEXT, PING)), _INERT),
    st.builds(lambda code: frame(code, b"x", flags=0), _CONTROL),
    st.builds(lambda code, size: frame(code, b"x" * size), _CONTROL, st.integers(126, 300)),
    st.builds(lambda data: frame(CONTINUATION, data), _INERT),
    st.builds(lambda data: frame(TEXT, data, flags=0) + frame(BINARY, data), _INERT),
    st.builds(close_frame, _NO_CODES),
    st.just(frame(CLOSE, b"\x03")),
)
_BAD_UTF8 = st.one_of(
    st.builds(lambda good, bad: frame(TEXT, good + bad), _INERT, _BAD),
    st.builds(lambda good, bad, at: _pieces(good + bad, at), _INERT, _BAD, st.integers(0, 40)),
    st.builds(lambda bad: close_frame(1000, bad), _BAD),
)
_OVERSIZED = st.one_of(
    st.integers(FRAME_MAX_BYTES + 1, 2**63 - 1).map(
        lambda size: b"\x81\xff" + size.to_bytes(8, "big") + b"\x00" * 4 + b"x" * 50
    ),
    st.integers(1, 400).map(lambda more: _pieces(b"x" * (FRAME_MAX_BYTES + more), 60_000)[:60_100]),
)


@st.composite
def violations(draw: st.DrawFn) -> SocketCase:
    """Protocol violations after valid frames."""
    kind, faults, codes = draw(
        st.sampled_from(
            (
                ("broken frames, wrong masks", _BROKEN, {1002}),
                ("bad UTF-8", _BAD_UTF8, {1007}),
                ("oversized", _OVERSIZED, {1009}),
            )
        )
    )
    before = b"".join(frame(TEXT, data) for data in draw(st.lists(_INERT, max_size=2)))
    return SocketCase(kind, draw(_PATHS), before + draw(faults), Ending.READ, codes=frozenset(codes))


@st.composite
def floods(draw: st.DrawFn) -> SocketCase:
    """Floods of pings and pongs."""
    count, payload = draw(st.integers(1, 300)), draw(st.binary(max_size=125))
    code = draw(st.sampled_from((PING, PING, PONG)))
    pings = count if code == PING else 0
    return SocketCase("ping flood", draw(_PATHS), frame(code, payload) * count, pings=pings)


@st.composite
def closes(draw: st.DrawFn) -> SocketCase:
    """Close frames followed by data, connections that end within frames, and clients that vanish."""
    path, data = draw(_PATHS), frame(TEXT, draw(_INERT))
    if draw(st.booleans()):
        code = draw(st.sampled_from((1000, 1001, 1003, 1008, 3000, 4999)))
        behind = draw(
            st.sampled_from((b"", close_frame(1000), data, frame(PING, b"late"), b"\xff\xff", b"\x81"))
        )
        return SocketCase(
            "close races", path, data + close_frame(code) + behind, Ending.READ, codes=frozenset({code})
        )
    cut = data[: draw(st.integers(0, len(data)))]
    return SocketCase("close races", path, cut, draw(st.sampled_from((Ending.HALF, Ending.ABORT))))


@st.composite
def noise(draw: st.DrawFn) -> SocketCase:
    """Random bytes."""
    data = draw(st.binary(min_size=1, max_size=200))
    return SocketCase("noise", draw(_PATHS), data, draw(st.sampled_from((Ending.HALF, Ending.ABORT))))


SOCKET_CASES: tuple[st.SearchStrategy[SocketCase], ...] = (
    messages(V1),
    messages(CHAT),
    messages(DASHBOARD) | messages(V1, greeted=False),
    violations(),
    fragments() | floods(),
    closes() | noise(),
)
