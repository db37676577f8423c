"""A minimal HTTP client: one keep-alive connection, one request at a time."""

import asyncio
from types import TracebackType

_ANSWER_SECONDS = 60.0


class HttpClient:
    """Sends POST requests to a server on this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> "HttpClient":
        self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._streams is not None
        self._streams[1].close()

    async def post(self, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Return the status and body of the response, which must have a Content-Length.

        Raises:
            TimeoutError: no response in 60 s. IncompleteReadError: the server closed the connection.
        """
        assert self._streams is not None
        reader, writer = self._streams
        writer.write(
            b"POST %s HTTP/1.1\r\nHost: bench\r\nOpsroom-Name: bench\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (path.encode(), len(body), body)
        )
        async with asyncio.timeout(_ANSWER_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
            return int(head[9:12]), await reader.readexactly(_length(head))


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
