"""Nesting depth of JSON, measured without parsing."""

import re

_PART = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
"""A string, closed or not, or a bracket outside of strings. Possessive, so matching is linear."""


def exceeds_depth(data: bytes | str, limit: int) -> bool:
    """Return whether arrays and objects in ``data`` nest deeper than ``limit``. It need not be valid."""
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
