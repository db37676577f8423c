"""A parser of JSON text, whatever its depth and however long its numbers.

Python's parser has limits that depend on its version: a number of digits, and a depth. JSON has neither, and
JavaScript's parser accepts both.
"""

import json
import re
from typing import Any, NoReturn

from opsroom_gateway.domain.json_depth import exceeds_depth

_PARSED_DEPTH = 100
"""How deep a text may nest that is parsed at once."""
_PART = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
"""A string, closed or not, or a bracket outside of strings. Possessive, so matching is linear."""


def parse_json(data: str | bytes) -> Any:
    """Parse a JSON text in UTF-8. All numbers become floats, and what nests deeper than 100 becomes None.

    Raises:
        ValueError: it is not JSON (RFC 8259). ``NaN`` and ``Infinity`` are not.
    """
    text = data.decode() if isinstance(data, bytes) else data
    return _parse(_flatten(text) if exceeds_depth(text, _PARSED_DEPTH) else text)


def _parse(text: str) -> Any:
    return json.loads(text, parse_int=float, parse_constant=_reject)


def _flatten(text: str) -> str:
    """Replace each value that is nested too deep by ``null``, from the innermost on, and parse each."""
    texts: list[list[str]] = [[]]
    """The parts of the text, and of each value in progress that is to be replaced."""
    copied = depth = 0
    for part in _PART.finditer(text):
        mark = part[0]
        if mark in {"[", "{"}:
            depth += 1
            if depth % _PARSED_DEPTH == 0:
                texts[-1].append(text[copied : part.start()])
                copied = part.start()
                texts.append([])
        elif mark in {"]", "}"}:
            if depth == 0:
                raise ValueError("a bracket is closed that is not open")
            if depth % _PARSED_DEPTH == 0:
                _parse("".join(texts.pop()) + text[copied : part.end()])
                texts[-1].append("null")
                copied = part.end()
            depth -= 1
    if depth:
        raise ValueError("a bracket is not closed")
    return "".join(texts[0]) + text[copied:]


def _reject(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
