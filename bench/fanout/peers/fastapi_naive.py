"""FastAPI as its tutorial broadcasts: ``await send_text`` for each socket in turn."""

import sys

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
readers: set[WebSocket] = set()


@app.websocket("/publish")
async def publish(socket: WebSocket) -> None:
    """Send what comes to every reader."""
    await socket.accept()
    while True:
        text = await socket.receive_text()
        for reader in readers:
            await reader.send_text(text)


@app.websocket("/")
async def read(socket: WebSocket) -> None:
    """Be a reader until the end."""
    await socket.accept()
    readers.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        readers.discard(socket)


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="critical",
        ws_per_message_deflate=False,
        backlog=4096,
    )
