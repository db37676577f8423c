"""Reconnect policy: which close codes allow a reconnect, and the minimum delay."""

import asyncio
import json
import time

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.frames import Close as CloseFrame

from opsroom_client import ClosedError, Opsroom
from opsroom_client.reconnect_policy import delay_after_close
from opsroom_contracts.chat.frames import ErrorFrame, WelcomeFrame
from opsroom_contracts.close_codes import Close, CloseCode, Retry
from opsroom_contracts.errors import ErrorCode

ANN = {"id": "u1", "name": "Ann"}
WELCOME = json.dumps({"type": "welcome", "user": ANN, "users": [ANN], "seq": 0})


def closed_by_server(close: CloseCode) -> ConnectionClosed:
    """The exception after the server closed a connection."""
    frame = CloseFrame(close.code, close.reason)
    return ConnectionClosedError(frame, frame, rcvd_then_sent=True)


def busy(retry_after: float) -> ErrorFrame:
    return ErrorFrame(code=ErrorCode.OVERLOADED, message="busy", retry_after=retry_after)


@pytest.mark.parametrize(
    ("close", "last_error", "delay"),
    [
        (Close.GOING_AWAY.value, None, 0.0),
        (Close.GOING_AWAY.value.with_retry(1.4), None, 1.4),
        (Close.TRY_LATER.value.with_retry(2.0), busy(0.5), 2.0),
        (Close.TRY_LATER.value.with_retry(2.0), busy(3.5), 3.5),
        (CloseCode(4999, "new; retry in 0.7 s", Retry.NOW), None, 0.7),
        (Close.LEFT.value, None, None),
    ],
)
def test_the_delay_is_at_least_the_hint_in_the_reason(
    close: CloseCode, last_error: ErrorFrame | None, delay: float | None
) -> None:
    assert delay_after_close(closed_by_server(close), last_error) == delay


def test_a_permanent_close_is_an_error() -> None:
    with pytest.raises(ClosedError) as closed:
        delay_after_close(closed_by_server(Close.TOKEN_INVALID.value), None)
    assert closed.value.retry is Retry.REGISTER


async def test_the_client_waits_as_long_as_a_stopping_server_asks() -> None:
    connects: list[float] = []
    going_away = Close.GOING_AWAY.value.with_retry(0.8)

    async def stopping_server(socket: ServerConnection) -> None:
        await socket.recv()
        connects.append(time.monotonic())
        await socket.send(WELCOME)
        if len(connects) == 1:
            await socket.close(going_away.code, going_away.reason)
        await socket.wait_closed()

    async with serve(stopping_server, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with (
            Opsroom(f"http://127.0.0.1:{port}", timeout=5) as opsroom,
            opsroom.chat("token") as chat,
            asyncio.timeout(10),
        ):
            events = [await anext(chat), await anext(chat)]
    assert [type(event) for event in events] == [WelcomeFrame, WelcomeFrame]
    first, second = connects
    assert second - first >= 0.8
