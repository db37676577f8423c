"""The websockets library with its own ``broadcast()``."""

import asyncio
import logging
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosedError


async def main(port: int) -> None:
    """Serve until killed."""
    readers: set[ServerConnection] = set()

    async def relay(socket: ServerConnection) -> None:
        assert socket.request is not None
        try:
            if socket.request.path == "/publish":
                async for text in socket:
                    broadcast(readers, text)
            else:
                readers.add(socket)
                await socket.wait_closed()
        except ConnectionClosedError:
            pass
        finally:
            readers.discard(socket)

    async with serve(relay, "127.0.0.1", port, compression=None, backlog=4096):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    logging.disable(logging.ERROR)
    asyncio.run(main(int(sys.argv[1])))
