"""Strategies for HTTP requests: odd ones, broken ones, and broken handshakes."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from opsroom_contracts.chat.models import RegisterRequest
from opsroom_gateway.app import describe
from opsroom_testkit.websocket_frames import upgrade_request
from tests.fuzz.cases.socket_cases import CHAT, DASHBOARD, FIELDS, INSTANCE, ODD, V1, VALUES, WORDS, nearly


def _handshake(path: str) -> bytes:
    """Build a request to open a socket that no server can object to."""
    return upgrade_request(path, subprotocol="opsroom.v1")


@dataclass(frozen=True, slots=True)
class HttpCase:
    """Bytes for a new connection. ``whole``: it is a request that needs a response.

    ``stream``: the response may be endless; ``answers``: the maximum number of responses.
    """

    kind: str
    data: bytes
    whole: bool
    stream: bool = False
    answers: int = 1


_COURSE = (
    *(("post", "/chat/new-user"), ("get", "/chat/x"), ("get", "/cloud/"), ("patch", "/cloud/{id}")),
    *(("delete", "/cloud/{id}"), ("delete", "/cloud/"), ("get", "/cloud/sse"), ("get", "/nothing/here")),
)
_CREATES = ("post", "/api/v1/cloud/instances")
"""Excluded: any body is valid, and each creates a server; the canaries create some."""
_ROUTES = (
    *((method, path) for path, methods in describe()["paths"].items() for method in methods),
    *_COURSE,
    *(("options", path) for _, path in _COURSE),
)
_STREAMS = ("/events", "/sse")
_HEADERS = (
    *("Authorization", "Origin", "Idempotency-Key", "Last-Event-ID", "Content-Type", "Range", "Cookie"),
    *("Accept", "Accept-Encoding", "If-None-Match", "X-Forwarded-For", "X-Forwarded-Proto", "traceparent"),
    *("Access-Control-Request-Method", "Access-Control-Request-Headers", "Upgrade", "TE", "X-Http-Method"),
)
_VALUES = st.one_of(
    st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=60),
    st.sampled_from(
        (
            *("", "null", "Bearer", "Bearer x", "Bearer " + "x" * 300, "Basic eDp4", "-1", "0", "99" * 20),
            *("http://evil.example", "application/json", "text/plain", "multipart/form-data", "bytes=0-1"),
            *("00-" + "0" * 32 + "-" + "0" * 16 + "-01", "127.0.0.1, 127.0.0.1", "[::1", "x" * 9000),
        )
    ),
)
_TEXTS = st.sampled_from((*WORDS, "%00", "..", "-1", "9" * 25, "1e9", "true")) | st.text(max_size=10)
_BODIES = st.one_of(
    nearly(RegisterRequest),
    FIELDS.map(json.dumps),
    VALUES.map(json.dumps),
    st.sampled_from(("", "{", "null", '"x"', "[" * 5000, '{"name":"a","name":"b"}', "NaN", "\ufeff{}")),
).map(str.encode) | st.binary(max_size=60)


@st.composite
def requests(draw: st.DrawFn) -> HttpCase:
    """Valid HTTP, with anything in path, query, headers and body."""
    method, path = draw(st.sampled_from([route for route in _ROUTES if route != _CREATES]))
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + quote(draw(_TEXTS | st.just(INSTANCE)), safe="") + rest.partition("}")[2]
    query = draw(
        st.dictionaries(st.sampled_from(("before", "after", "limit", "since", "id", "x")), _TEXTS, max_size=3)
    )
    asked = (
        path + ("?" if query else "") + "&".join(f"{name}={quote(value)}" for name, value in query.items())
    )
    head = [f"{method.upper()} {asked} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    named = draw(st.dictionaries(st.sampled_from(_HEADERS), _VALUES, max_size=4))
    head += [f"{name}: {value}" for name, value in named.items()]
    body = draw(_BODIES) if method in {"post", "patch", "put", "delete"} else b""
    if body and draw(st.booleans()):
        head.append("Transfer-Encoding: chunked")
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    elif body:
        head.append(f"Content-Length: {len(body)}")
    data = "\r\n".join((*head, "", "")).encode("latin-1") + body
    return HttpCase(
        "requests", data, whole=True, stream=path.startswith("/") and any(s in path for s in _STREAMS)
    )


_SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_CONFLICTS = (
    *(b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 5\r\nTransfer-Encoding: chunked"),
    *(b"Transfer-Encoding: chunked\r\nContent-Length: 3", b"Content-Length: +5", b"Content-Length: -1"),
    *(b"Content-Length: 5, 6", b"Transfer-Encoding: xchunked", b"Transfer-Encoding : chunked"),
    *(b"Content-Length: 0x5", b"Content-Length: 99999999999999999999", b"Transfer-Encoding: chunked, x"),
    *(b"X: \x00", b"X: a\n b: c", b"X\r\n folded: y", b": empty", b"no colon", b"X: a\rY: b"),
)  # fmt: skip


@st.composite
def conflicts(draw: st.DrawFn) -> HttpCase:
    """Request smuggling: requests that two programs might parse differently."""
    path = draw(st.sampled_from(("/api/v1/chat/users", "/chat/new-user", "/cloud/", "/healthz")))
    lines = draw(st.lists(st.sampled_from(_CONFLICTS), min_size=1, max_size=2))
    head = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n\r\n" % (path.encode(), b"\r\n".join(lines))
    body = draw(st.sampled_from((b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"hello", b"zz\r\n", b"")))
    return HttpCase("conflicting heads", head + body + _SMUGGLED, whole=False, answers=2)


@st.composite
def broken(draw: st.DrawFn) -> HttpCase:
    """A request or a handshake with bytes changed, dropped or duplicated."""
    if draw(st.booleans()):
        kind, data = (
            "broken handshakes",
            bytearray(_handshake(draw(st.sampled_from((V1, CHAT, DASHBOARD))))),
        )
    else:
        kind, data = "broken requests", bytearray(draw(requests()).data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        size = draw(st.integers(0, 5))
        old = bytes(data[at : at + size])
        new: Any = draw(
            st.sampled_from((b"", old * 2, b"\r\n", b"\n", b"\x00", b" ", b"%")) | st.binary(max_size=3)
        )
        data[at : at + size] = new
    return HttpCase(kind, bytes(data), whole=False, answers=3)


@st.composite
def handshakes(draw: st.DrawFn) -> HttpCase:
    """A handshake with lines omitted, duplicated, or changed."""
    lines = _handshake(draw(st.sampled_from((V1, CHAT, DASHBOARD)))).split(b"\r\n")[:-2]
    at = draw(st.integers(1, len(lines) - 1))
    name = lines[at].partition(b":")[0]
    odd = draw(st.sampled_from([one for one in ODD if isinstance(one, str)]) | st.text(max_size=10))
    clean = odd.encode("utf-8", "replace").replace(b"\r", b"").replace(b"\n", b"").replace(b"\x00", b"")
    lines[at : at + 1] = draw(
        st.sampled_from(([], [lines[at]] * 2, [name + b": " + clean], [lines[at], name + b": " + clean]))
    )
    return HttpCase("broken handshakes", b"\r\n".join((*lines, b"", b"")), whole=False)


HTTP_CASES: tuple[st.SearchStrategy[HttpCase], ...] = (
    requests(),
    conflicts() | broken() | handshakes(),
)
