"""An in-memory equivalent of the course's chat, for comparison: one process, nothing stored.

There is no registration, so the list is empty. A ``send`` is relayed unchanged to every open socket.
"""

import asyncio
import json
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosedError


async def main(port: int) -> None:
    """Serve until killed."""
    sockets: set[ServerConnection] = set()

    async def relay(socket: ServerConnection) -> None:
        sockets.add(socket)
        await socket.send("[]")
        try:
            async for frame in socket:
                if json.loads(frame).get("type") == "send":
                    broadcast(sockets, frame)
        except ConnectionClosedError:
            pass
        finally:
            sockets.discard(socket)

    async with serve(relay, "127.0.0.1", port, compression=None):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
