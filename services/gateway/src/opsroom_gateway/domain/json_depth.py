"""How deep JSON is nested, told without parsing it."""

import re

_PART = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
"""A string, closed or not, or a bracket outside of one; possessive, so that no text makes it slow."""


def exceeds_depth(data: bytes | str, limit: int) -> bool:
    """Whether arrays and objects in ``data`` are nested more than ``limit`` deep; it need not be JSON."""
    raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
    if raw.count(b"[") + raw.count(b"{") <= limit:
        return False
    depth = 0
    for part in _PART.finditer(raw):
        mark = part[0]
        if mark in {b"[", b"{"}:
            depth += 1
            if depth > limit:
                return True
        elif mark in {b"]", b"}"}:
            depth -= 1
    return False
