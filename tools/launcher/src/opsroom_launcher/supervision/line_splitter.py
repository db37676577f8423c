"""From bytes as they come off a pipe to lines, with a bound on how long a line may grow."""

MAX_LINE_BYTES = 8192
"""Bytes after which a line without an end is given out as it stands."""


class LineSplitter:
    """Cuts a byte stream into lines. It never holds more than one chunk and `MAX_LINE_BYTES` bytes."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that ``chunk`` completes; an overlong one in pieces."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        lines = [piece for line in whole for piece in _pieces(line)]
        if len(self._rest) > MAX_LINE_BYTES:
            lines += _pieces(self._rest)
            self._rest = b""
        return lines

    def end(self) -> list[str]:
        """What is left when the stream has ended."""
        rest, self._rest = self._rest, b""
        return _pieces(rest) if rest else []


def _pieces(line: bytes) -> list[str]:
    starts = range(0, max(len(line), 1), MAX_LINE_BYTES)
    return [line[at : at + MAX_LINE_BYTES].decode(errors="replace").rstrip("\r") for at in starts]
