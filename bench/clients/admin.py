"""A process's metrics, from its admin port."""

import asyncio
import re

_POLL_SECONDS = 0.05


async def until_metric(port: int, name: str, stream: str, value: float, timeout: float) -> None:
    """Wait until a metric, about ``stream`` if it has that label, is at least ``value``.

    Raises:
        TimeoutError: not within ``timeout`` seconds.
    """
    line = re.compile(rb"^%s(?:\{stream=\"%s\"\})? (\S+)$" % (name.encode(), stream.encode()), re.MULTILINE)
    async with asyncio.timeout(timeout):
        while True:
            found = line.search(await _metrics(port))
            if found is not None and float(found[1]) >= value:
                return
            await asyncio.sleep(_POLL_SECONDS)


async def _metrics(port: int) -> bytes:
    """Return the metrics; nothing if the process does not reply."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return b""
    try:
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: opsroom\r\nConnection: close\r\n\r\n")
        return await reader.read(-1)
    except OSError:
        return b""
    finally:
        writer.transport.abort()
