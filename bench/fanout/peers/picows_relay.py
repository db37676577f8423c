"""picows (Cython) on uvloop: a frame made by ``send`` for each reader."""

import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

readers: set[WSTransport] = set()


class WebSocketClient(WSListener):
    """A socket that gets everything."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Join."""
        readers.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Leave."""
        readers.discard(transport)


class Publisher(WSListener):
    """A socket whose frames go to all readers."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002
        """Relay one frame."""
        text = frame.get_payload_as_bytes()
        for reader in readers:
            reader.send(WSMsgType.TEXT, text)


def listener(request: WSUpgradeRequest) -> WSListener:
    """By path."""
    return Publisher() if request.path == b"/publish" else WebSocketClient()


async def main(port: int) -> None:
    """Serve until killed."""
    server = await ws_create_server(listener, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
