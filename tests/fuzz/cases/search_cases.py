"""Strategies for search queries: their own syntax, that of the index behind it, and long ones."""

from urllib.parse import quote

from hypothesis import strategies as st

from opsroom_contracts.search.query import QUERY_MAX
from tests.fuzz.cases.http_cases import HttpCase
from tests.fuzz.cases.socket_cases import WORDS

_FILTERS = ("in", "from", "before", "after", "has")
_VALUES = st.sampled_from(
    (
        *("general", "r-aaaaaaaaaaaaaaaaaaaaaaaa", "", '"', "ann", "2026-11-30", "0001-01-01", "9999-12-31"),
        *("2026-11-30T00:00:00+14:00", "link", "file", "cake", "\u00a4p", "%00", "../../etc"),
    )
)
_PIECES = st.one_of(
    st.sampled_from(
        (
            *(
                '"',
                "\u00ab",
                "*",
                "NEAR(a b, 9)",
                "AND",
                "OR",
                "NOT",
                "^a",
                "{words}:a",
                "words : a",
                "a*",
                "*a",
            ),
            *(
                "(",
                ")",
                "-a",
                "a+b",
                "\u00a4p",
                "\u00a4r1",
                "rowid",
                "'; DROP TABLE texts; --",
                "\ud83d\udc4d",
            ),
            *(
                "\u0301" * 9,
                "\u0438\u0301",
                "\u0451",
                "\u6f22",
                "\x00",
                "a" * 60,
                "a.b.c.d",
                "https://a.example/b",
            ),
        )
    ),
    st.tuples(st.sampled_from(_FILTERS), _VALUES).map(":".join),
    st.sampled_from(WORDS),
    st.text(max_size=8),
)
_QUERIES = st.one_of(
    st.lists(_PIECES, max_size=20).map(" ".join),
    st.lists(_PIECES, max_size=20).map("".join),
    st.sampled_from(("a ", '"', "in:", "a.", "a* ", "\u0301", "has:link ", "before:2026-11-30 ")).map(
        lambda unit: unit * QUERY_MAX
    ),
)
_PARAMETERS = {
    **dict.fromkeys(("in", "from", "before", "after"), _VALUES),
    "limit": st.sampled_from(("0", "1", "50", "51", "-1", "x")),
    "cursor": st.sampled_from(("e30", "AAAA", "", "eyJtZXNzYWdlcyI6MX0", "eyJ3b3JrbG9nIjoxfQ", "%"))
    | st.binary(max_size=30).map(bytes.hex),
}


@st.composite
def searches(draw: st.DrawFn) -> HttpCase:
    """A search. Whatever it asks for, it has a response, and nobody else waits for it."""
    parameters = {"q": draw(_QUERIES)}
    for name in draw(st.lists(st.sampled_from(sorted(_PARAMETERS)), max_size=2, unique=True)):
        parameters[name] = draw(_PARAMETERS[name])
    query = "&".join(f"{name}={_quoted(value)}" for name, value in parameters.items())
    head = f"GET /api/v1/search?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    return HttpCase("search syntax", head.encode("latin-1"), whole=True)


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


SEARCHES = (searches(),)
