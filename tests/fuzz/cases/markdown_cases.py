"""Strategies for messages with markup: marks without end, deep nesting, repetition, addresses that run."""

from dataclasses import dataclass

from hypothesis import strategies as st

_TEXT_MAX = 4000


@dataclass(frozen=True, slots=True)
class MarkdownCase:
    """A message, as the page gets it."""

    kind: str
    text: str


_MARKS = (
    *(
        "*",
        "**",
        "***",
        "_",
        "__",
        "~~",
        "`",
        "``",
        "```",
        "```js\n",
        "\n```\n",
        "[",
        "]",
        "](",
        "[]()",
        "(",
        ")",
    ),
    *(
        "<",
        ">",
        "> ",
        ">> ",
        "- ",
        "* ",
        "1. ",
        "999999999. ",
        "  - ",
        "    ",
        "\\",
        "\n",
        "\n\n",
        "\r\n",
        "\t",
    ),
    *(":", ":tada:", ":a", "@", "@ann", "@@", "@room", "&lt;", "<script>", "<img src=x onerror=alert(1)>"),
)
_ADDRESSES = (
    *(
        "http://",
        "https://a.example/b?c=d#e",
        "https://a.example/(((",
        "www.",
        "mailto:a@b.example",
        "javascript:alert(1)",
    ),
    *(
        "data:text/html,x",
        "vbscript:x",
        "//a.example",
        "https://\u0430.example",
        "https://a:b@c.example",
        "http://[::1]/",
    ),
    *(
        "https://a.example/\u202e",
        "HTTPS://A.EXAMPLE",
        "https://a\u200b.example",
        "java\tscript:alert(1)",
        "file:///etc",
    ),
)
_WORDS = (
    "a",
    "bc",
    " ",
    "  ",
    "\u0441\u043b\u043e\u0432\u043e",
    "\u5b57",
    "\U0001f600",
    "e\u0301",
    "\u200d",
    "\u0000",
    "\ufeff",
    "0",
)
_PIECES = st.sampled_from((*_MARKS, *_ADDRESSES, *_WORDS)) | st.text(max_size=6)
_TEXTS = st.one_of(
    st.lists(_PIECES, max_size=60).map("".join),
    st.lists(_PIECES, min_size=1, max_size=4)
    .map("".join)
    .map(lambda unit: unit * (_TEXT_MAX // max(1, len(unit)) + 1)),
    st.builds(
        lambda opening, inner, closing: opening * 500 + inner + closing * 500,
        st.sampled_from(_MARKS),
        _PIECES,
        st.sampled_from(_MARKS),
    ),
    st.builds(
        lambda text, address: f"[{text}]({address})",
        _PIECES,
        st.sampled_from(_ADDRESSES) | st.text(max_size=20),
    ),
)


def _case(text: str) -> MarkdownCase:
    readable = text.encode("utf-8", "replace").decode()
    return MarkdownCase("markdown", readable[:_TEXT_MAX])


MARKDOWN = (_TEXTS.filter(bool).map(_case),)
