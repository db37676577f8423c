"""Strategies for files: uploads that are odd, broken or lie, and requests for ranges of a file."""

from dataclasses import dataclass
from urllib.parse import quote

from hypothesis import strategies as st

from tests.fuzz.cases.http_cases import HttpCase
from tests.fuzz.cases.socket_cases import ODD, WORDS

TOKEN = "A-TOKEN"
"""A placeholder for the token of a user."""
CONTENT = bytes(range(256)) * 2500
"""A file in ``general``: larger than a chunk of the store."""


@dataclass(frozen=True, slots=True)
class RangeCase:
    """A download of that file with these headers. The response must fit the file."""

    kind: str
    method: str
    headers: tuple[tuple[str, str], ...]


_TEXT = st.sampled_from([one for one in ODD if isinstance(one, str)]) | st.sampled_from(WORDS)
_NAMES = st.one_of(
    st.sampled_from(
        (
            "a.txt",
            "../../etc/passwd",
            "a" * 1024,
            "a" * 1025,
            "con.",
            ".",
            "a\r\nSet-Cookie: x",
            '"; x="',
            "%2e%2e",
        )
    ),
    _TEXT,
    st.text(max_size=30),
)
_ROOMS = st.sampled_from(
    ("general", "general", "general", "r-aaaaaaaaaaaaaaaaaaaaaaaa", "", "GENERAL", "a.b", ">")
)
_TYPES = st.sampled_from(
    (
        *("text/html", "image/svg+xml", "application/pdf", "application/xhtml+xml", "text/javascript", ""),
        *(
            "video/mp4",
            "audio/x;charset=utf-7",
            "application/vnd.x",
            "multipart/form-data; boundary=x",
            "a/b" * 90,
        ),
    )
)
_HEADS = st.sampled_from(
    (
        *(
            b"",
            b"<script>alert(1)</script>",
            b"%PDF-1.7",
            b"GIF89a",
            b"GIF89a\xff\xff\xff\xff",
            b"\xff\xd8\xff",
        ),
        *(
            b"\xff\xd8\xff\xe1\x00\x00",
            b"\xff\xd8" + b"\xff" * 50,
            b"RIFF\0\0\0\0WEBPVP8X",
            b"PK\x03\x04",
            b"\x1f\x8b",
        ),
        *(
            b"\x89PNG\r\n\x1a\n",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xef\xbb\xbf<svg/>",
        ),
    )
)
_BODIES = st.builds(
    lambda head, more, times: head + more * times,
    _HEADS,
    st.binary(max_size=40),
    st.sampled_from((0, 1, 200)),
)
_KEYS = st.sampled_from(("", "", "k", "k" * 300, "a b", "\u00e9"))


@st.composite
def uploads(draw: st.DrawFn) -> HttpCase:
    """An upload. It is stored or refused; its client may also lie about its length, or vanish."""
    query = f"room={quote(draw(_ROOMS), safe='')}&name={_quoted(draw(_NAMES))}"
    body, lie = (
        draw(_BODIES),
        draw(st.sampled_from(("no", "no", "no", "longer", "shorter", "both", "odd", "gzip"))),
    )
    head = [f"POST /api/v1/chat/files?{query} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    head += [f"Authorization: Bearer {TOKEN}", f"Content-Type: {draw(_TYPES)}"]
    if key := draw(_KEYS):
        head.append(f"Idempotency-Key: {key}")
    if draw(st.booleans()):
        pieces = [body[: len(body) // 2], body[len(body) // 2 :]]
        sent = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in pieces if one)
        head.append("Transfer-Encoding: chunked")
        sent += {"longer": b"zz\r\n", "shorter": b"", "odd": b"-1\r\n\r\n"}.get(lie, b"0\r\n\r\n")
    else:
        sent = body
        length = len(body) + {"longer": 100, "shorter": -1}.get(lie, 0)
        head.append(f"Content-Length: {'9' * 30 if lie == 'odd' else max(0, length)}")
    if lie == "both":
        head += ["Content-Length: 1", "Transfer-Encoding: chunked"]
    if lie == "gzip":
        head.append("Content-Encoding: gzip")
    if draw(st.integers(0, 9)) == 0:
        head.append("Expect: 100-continue")
    data = "\r\n".join((*head, "", "")).encode("latin-1") + sent
    return HttpCase("files: uploads", data, whole=lie in {"no", "gzip"}, answers=2)


_NUMBERS = st.one_of(
    st.integers(0, 2 * len(CONTENT)).map(str),
    st.sampled_from(
        ("", "0", "-1", "+1", "00", "9" * 18, "9" * 19, "9" * 4000, "1.5", "0x1", "\u0661", " 1 ")
    ),
    st.sampled_from((524_287, 524_288, 524_289, len(CONTENT) - 1, len(CONTENT))).map(str),
)
_ONE = st.tuples(_NUMBERS, st.sampled_from(("-", "-", "-", "--", "", ":")), _NUMBERS).map("".join)
_RANGES = st.one_of(
    _ONE.map("bytes={}".format),
    st.lists(_ONE, max_size=30).map(lambda parts: "bytes=" + ",".join(parts)),
    st.tuples(st.sampled_from(("bytes", "BYTES", "chars", "", "bytes ")), _ONE).map("=".join),
    st.sampled_from(("bytes", "=", "bytes=-", "bytes=" + "0-," * 500, "x" * 3000)),
)
_TAGS = st.sampled_from(("*", '"x"', 'W/"x"', "", '"', "x," * 500, "ETAG", "W/ETAG", '"a", ETAG'))


@st.composite
def ranges(draw: st.DrawFn) -> RangeCase:
    """A request for a range, maybe with conditions. ``ETAG`` stands for the tag of the file."""
    headers = [("Range", draw(_RANGES))]
    headers += [("If-Range", one) for one in draw(st.lists(_TAGS, max_size=1))]
    headers += [("If-None-Match", one) for one in draw(st.lists(_TAGS, max_size=1))]
    # A client strips spaces around a value, or refuses to send it.
    sent = ((name, value.encode("ascii", "replace").decode().strip()) for name, value in headers)
    return RangeCase("files: ranges", draw(st.sampled_from(("GET", "GET", "GET", "HEAD"))), tuple(sent))


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


FILES = (uploads(), ranges())
