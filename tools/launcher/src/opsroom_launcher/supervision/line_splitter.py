"""Split the bytes of a pipe into lines of limited length."""

MAX_LINE_BYTES = 8192
"""An unfinished line is returned as it is after this many bytes."""


class LineSplitter:
    """Splits a byte stream into lines. Buffers at most one chunk and `MAX_LINE_BYTES` bytes."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that ``chunk`` completes; one that is too long in pieces."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        lines = [piece for line in whole for piece in _pieces(line)]
        if len(self._rest) > MAX_LINE_BYTES:
            lines += _pieces(self._rest)
            self._rest = b""
        return lines

    def end(self) -> list[str]:
        """Return the rest when the stream has ended."""
        rest, self._rest = self._rest, b""
        return _pieces(rest) if rest else []


def _pieces(line: bytes) -> list[str]:
    starts = range(0, max(len(line), 1), MAX_LINE_BYTES)
    return [line[at : at + MAX_LINE_BYTES].decode(errors="replace").rstrip("\r") for at in starts]
