"""Cheap variants of drawn cases: other characters, or the same input at another socket."""

import random
from dataclasses import replace

from tests.fuzz.attackers.client import Case
from tests.fuzz.cases.http_cases import HttpCase
from tests.fuzz.cases.markdown_cases import MarkdownCase
from tests.fuzz.cases.nats_cases import NatsEvent, NatsRequest
from tests.fuzz.cases.socket_cases import CHAT, DASHBOARD, V1, SocketCase

_SPLICES = ('"', "\\", "{", "}", "[", "]", ",", ":", "null", "0", "-", "e9", "\u2028", "\x7f", "\\ud800", "é")


def variant(case: Case, chance: random.Random) -> Case:  # noqa: PLR0911 - one for each kind
    """Return a small variation of ``case``."""
    match case:
        case SocketCase(texts=(), data=data):
            if case.kind == "noise":
                return replace(case, data=_bytes(data, chance))
            return replace(
                case, path=chance.choice([path for path in (V1, CHAT, DASHBOARD) if path != case.path])
            )
        case SocketCase(texts=texts):
            return replace(case, texts=tuple(_text(text, chance) for text in texts))
        case HttpCase():
            kind = "broken requests" if case.whole else case.kind
            return replace(case, kind=kind, data=_bytes(case.data, chance), whole=False, answers=3)
        case MarkdownCase(text=text):
            return replace(case, text=_text(text, chance))
        case NatsRequest() | NatsEvent():
            return replace(case, payload=_bytes(case.payload, chance))
        case _:
            return case  # too expensive, or complete as they are


def _text(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 3)):
        start = chance.randint(0, len(text))
        end = min(len(text), start + chance.choice((0, 0, 1, 5)))
        text = text[:start] + chance.choice((*_SPLICES, text[start:end] * 2, "")) + text[end:]
    return text


def _bytes(data: bytes, chance: random.Random) -> bytes:
    return _text(data.decode("latin-1"), chance).encode("latin-1", "replace")
