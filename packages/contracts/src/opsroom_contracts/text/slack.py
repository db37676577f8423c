"""Slack's markup of messages, turned into Markdown.

https://docs.slack.dev/messaging/formatting-message-text describes it: ``*bold*``, ``_italic_``, ``~struck~``,
code, and in angle brackets links, people, channels and special mentions. ``&``, ``<`` and ``>`` are escaped.

The scanner takes a time that is linear in the length of the text, whatever the text is.
"""

import re
from collections.abc import Mapping
from typing import Final

_CODE: Final = re.compile(r"(```|`)")
_TOKEN: Final = re.compile(r"<([^<>\n]{1,4000})>")
_SPECIAL: Final = {"here": "@here", "channel": "@room", "everyone": "@room", "group": "@room"}
_MARKS: Final = {"*": "**", "_": "_", "~": "~~"}
_ESCAPES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def to_markdown(text: str, people: Mapping[str, str], channels: Mapping[str, str]) -> str:
    """Return ``text`` as Markdown. ``people`` and ``channels``: names by their ids."""
    pieces = _CODE.split(text)
    made: list[str] = []
    place = 0
    while place < len(pieces):
        piece = pieces[place]
        if piece in {"`", "```"}:
            closing = _closing(pieces, place)
            if closing is not None:
                made.append(_code(piece, "".join(pieces[place + 1 : closing])))
                place = closing + 1
                continue
        made.append(_prose(piece, people, channels))
        place += 1
    return "".join(made)


def _closing(pieces: list[str], place: int) -> int | None:
    """Return where the code that begins at ``place`` ends; None: nowhere."""
    mark, content = pieces[place], place + 2
    if content < len(pieces) and pieces[content] == mark and pieces[place + 1]:
        return content if mark == "```" or "\n" not in pieces[place + 1] else None
    if mark == "`":
        return None
    for end in range(place + 2, min(len(pieces), place + 400), 2):
        if pieces[end] == mark:
            return end
    return None


def _code(mark: str, content: str) -> str:
    content = _unescaped(_TOKEN.sub(lambda found: found[1].rpartition("|")[2], content))
    if mark == "`":
        return f"`{content}`"
    return f"```\n{content.strip(chr(10))}\n```\n"


def _prose(text: str, people: Mapping[str, str], channels: Mapping[str, str]) -> str:
    pieces = _TOKEN.split(text)
    for place in range(1, len(pieces), 2):
        pieces[place] = _token(pieces[place], people, channels)
    for place in range(0, len(pieces), 2):
        pieces[place] = "\n".join(map(_emphasized, pieces[place].split("\n")))
    return "".join(pieces)


def _token(token: str, people: Mapping[str, str], channels: Mapping[str, str]) -> str:
    target, _, label = token.partition("|")
    match target[:1]:
        case "@":
            return f"@{people.get(target[1:]) or label or target[1:]}"
        case "#":
            return f"#{channels.get(target[1:]) or label or target[1:]}"
        case "!":
            name = target[1:].partition("^")[0]
            return _SPECIAL.get(name) or _unescaped(label) or f"@{name}"
        case _:
            url = _unescaped(target)
            shown = _unescaped(label).replace("[", "(").replace("]", ")")
            if not label or shown == url.removeprefix("mailto:"):
                return url.removeprefix("mailto:")
            return f"[{shown}]({url.replace(')', '%29')})"


def _emphasized(line: str) -> str:
    """Return a line with its marks of emphasis replaced; a mark counts at the edge of a word only."""
    parts = list(line)
    opened: dict[str, int] = {}
    for place, char in enumerate(line):
        if char not in _MARKS:
            continue
        before = line[place - 1] if place else " "
        after = line[place + 1] if place + 1 < len(line) else " "
        if char in opened and not before.isspace() and not after.isalnum() and place > opened[char] + 1:
            parts[opened.pop(char)] = parts[place] = _MARKS[char]
        elif not before.isalnum() and not after.isspace():
            opened[char] = place
    return _unescaped("".join(parts))


def _unescaped(text: str) -> str:
    for escape, char in _ESCAPES:
        text = text.replace(escape, char)
    return text
