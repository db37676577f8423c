"""Strategies for floods: thousands of frames or parts of requests in one case, on every dialect."""

import json
from dataclasses import dataclass

from hypothesis import strategies as st

from opsroom_contracts.chat.frames import FRAME_MAX_BYTES
from opsroom_contracts.close_codes import Close
from opsroom_testkit.websocket_frames import CLOSE, CONTINUATION, PING, PONG, TEXT, frame
from tests.fuzz.cases.socket_cases import CHAT, DASHBOARD, V1

TOKEN = "A-TOKEN"
"""A placeholder for a valid registration token."""
POLICY_VIOLATION = 1008
_FLOOD_BYTES = 1024 * 1024
_MALFORMED = frozenset({Close.PROTOCOL.value.code})
_LARGE = 60_000


@dataclass(frozen=True, slots=True)
class FloodCase:
    """``count`` times ``unit`` after ``head`` on each of ``sockets`` connections from one address.

    ``path``: of the socket; None: the bytes are HTTP. ``greeted``: on ``/api/v1``, a hello with a valid token
    comes first. ``reads``: whether the client reads what is sent to it. ``resets``: every connection is reset
    once all was sent. ``codes``: the close codes that are allowed in addition to those of an exceeded limit.
    """

    kind: str
    path: str | None
    unit: bytes
    count: int
    head: bytes = b""
    greeted: bool = True
    sockets: int = 1
    reads: bool = True
    resets: bool = False
    codes: frozenset[int] = frozenset()


def _text(**fields: object) -> bytes:
    return frame(TEXT, json.dumps(fields).encode())


_PATHS = st.sampled_from((V1, CHAT, DASHBOARD))
_THOUSANDS = st.integers(2_000, 10_000) | st.sampled_from((20_000, 60_000))
_HUNDREDS = st.integers(100, 400)
_SOCKETS = st.sampled_from((1, 1, 4))
_BEGIN = frame(TEXT, b"", flags=0)
_SEND = {"type": "send", "room": "general", "clientId": "flood"}
_COURSE_FRAMES = (
    _text(),
    _text(type="exit"),
    _text(type="connect", user={"name": "x"}),
    _text(id="x"),
    _text(id="x", action="start"),
    frame(TEXT, b"[" * 30 + b"]" * 30),
)


def _flood(
    kind: str, unit: bytes, counts: st.SearchStrategy[int], **fixed: object
) -> st.SearchStrategy[FloodCase]:
    """Floods of ``unit`` on one or a few sockets, within a limit of bytes."""

    def build(path: str, count: int, sockets: int, reads: bool) -> FloodCase:
        most = max(1, _FLOOD_BYTES // (sockets * len(unit)))
        chosen = {"path": path, "sockets": sockets, "reads": reads} | fixed
        return FloodCase(kind=f"flood: {kind}", unit=unit, count=min(count // sockets, most), **chosen)  # type: ignore[arg-type]

    return st.builds(build, _PATHS, counts, _SOCKETS, st.sampled_from((True, True, False)))


SOCKET_FLOODS: tuple[st.SearchStrategy[FloodCase], ...] = (
    _flood("empty pings", frame(PING), _THOUSANDS),
    _flood("pings", frame(PING, b"x" * 125), _THOUSANDS),
    _flood("pongs", frame(PONG), _THOUSANDS),
    _flood("empty fragments", frame(CONTINUATION, b"", flags=0), _THOUSANDS, head=_BEGIN),
    _flood("one-byte fragments", frame(CONTINUATION, b"x", flags=0), _THOUSANDS, head=_BEGIN),
    _flood("empty messages", frame(TEXT), _THOUSANDS, codes=_MALFORMED),
    _flood("typing frames", _text(type="typing", room="general"), _THOUSANDS, path=V1),
    _flood("refused sends", _text(**_SEND, text=" "), _THOUSANDS, path=V1),
    _flood("malformed sends", _text(**_SEND, text=""), _THOUSANDS, path=V1, codes=_MALFORMED),
    _flood("repeated sends", _text(**_SEND, text="flood"), _HUNDREDS, path=V1),
    _flood("hellos", _text(type="hello", token=TOKEN), _THOUSANDS, path=V1),
    _flood("wrong hellos", _text(type="hello", token="x.y"), _HUNDREDS, path=V1, greeted=False, sockets=20,
           codes=frozenset({Close.TOKEN_INVALID.value.code})),
    st.sampled_from(_COURSE_FRAMES).flatmap(
        lambda unit: _flood("course frames", unit, _THOUSANDS, path=CHAT)
        | _flood("course frames", unit, _THOUSANDS, path=DASHBOARD)
    ),
    _flood("course sends", _text(type="send", text="flood"), _HUNDREDS, path=CHAT),
    _flood("large texts", frame(TEXT, b"x" * _LARGE), _HUNDREDS, codes=_MALFORMED),
    _flood("large texts", _text(**_SEND, text="x" * 4000), _HUNDREDS, path=V1),
    _flood("too large texts", frame(TEXT, b"x" * (FRAME_MAX_BYTES + 1)), st.just(10),
           codes=frozenset({Close.TOO_BIG.value.code})),
    _flood("close races", frame(CLOSE) + frame(PING), _HUNDREDS, sockets=50, resets=True,
           codes=frozenset({1005})),
)  # fmt: skip

_POST = b"POST /api/v1/chat/users HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
_GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
HTTP_FLOODS: tuple[st.SearchStrategy[FloodCase], ...] = (
    _flood("headers", b"a:\r\n", st.just(200_000), path=None, head=_GET),
    _flood("long headers", b"a: " + b"x" * 4000 + b"\r\n", _HUNDREDS, path=None, head=_GET),
    _flood("trailers", b"a:\r\n", st.just(200_000), path=None, head=_POST + b"0\r\n"),
    _flood("chunk extensions", b"1;" + b"x" * 400 + b"\r\n \r\n", _THOUSANDS, path=None, head=_POST),
    _flood("tiny chunks", b"1\r\n \r\n", _THOUSANDS, path=None, head=_POST),
    _flood("pipelining", _GET + b"\r\n", _HUNDREDS, path=None),
    _flood("pipelining", _GET.replace(b"/healthz", b"/api/v1/cloud/instances") + b"\r\n", _HUNDREDS,
           path=None),
    _flood("empty lines", b"\r\n", st.just(200_000), path=None),
    _flood("connects and resets", b"G", st.just(300), path=None, sockets=300, resets=True),
    _flood("socket resets", frame(PING), st.just(100), sockets=50, resets=True, path=CHAT),
    _flood("socket resets", frame(PING), st.just(100), sockets=50, resets=True, path=DASHBOARD),
)  # fmt: skip

HEADERS_AND_TRAILERS = (HTTP_FLOODS[0], HTTP_FLOODS[2])
FLOODS = (*SOCKET_FLOODS, *HTTP_FLOODS)
