"""The header ``Range`` (RFC 9110, 14.2): one range of bytes."""

import re
from typing import Final

_ONE_RANGE: Final = re.compile(r"\s*bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.ASCII)


class UnsatisfiableRangeError(Exception):
    """The range begins after the end of the file."""


def byte_range(header: str | None, size: int) -> range | None:
    """Return the bytes of a file of ``size`` bytes that are asked for; None: all of them.

    A header that is malformed, or that asks for several ranges, counts as missing, as the standard allows:
    the answer to many small ranges would be longer than the file.

    Raises:
        UnsatisfiableRangeError: there are no such bytes.
    """
    found = None if header is None else _ONE_RANGE.fullmatch(header)
    if found is None:
        return None
    first, last = found.groups()
    if not first:
        if not last:
            return None
        if not int(last) or not size:
            raise UnsatisfiableRangeError
        return range(max(0, size - int(last)), size)
    start, end = int(first), int(last) + 1 if last else size
    if end <= start and last:
        return None
    if start >= size:
        raise UnsatisfiableRangeError
    return range(start, min(end, size))
