"""Sockets that are lost before they have joined: nothing of them stays."""

import asyncio
import gc
import json

from opsroom_gateway.api.chat_socket.session import ChatSocket
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.raw_connection import open_raw
from opsroom_testkit.websocket_frames import TEXT, frame, upgrade_request
from services.gateway.tests.kit.api_clients import token_of
from services.gateway.tests.kit.portal import portal_at

SOCKETS = 40
SECONDS = 120.0
PAUSE_SECONDS = 1.0
"""Between two looks at the memory: each holds up the gateway and the services, which run in this process."""


def kept() -> int:
    """Return how many sockets there are in memory."""
    gc.collect()
    return sum(isinstance(one, ChatSocket) for one in gc.get_objects())


async def test_sockets_that_are_reset_while_they_join_are_forgotten(broker_process: BrokerProcess) -> None:
    async with portal_at(broker_process.url) as portal:
        token = await token_of(portal.gateway, "gone")
        hello = frame(TEXT, json.dumps({"type": "hello", "token": token}).encode())

        async def come_and_go() -> None:
            request = upgrade_request("/api/v1/chat/ws", subprotocol="opsroom.v1")
            raw = await open_raw(portal.gateway.port, request)
            await raw.send(hello)
            raw.reset()

        before = kept()
        await asyncio.gather(*(come_and_go() for _ in range(SOCKETS)))
        async with asyncio.timeout(SECONDS):
            while kept() > before:
                await asyncio.sleep(PAUSE_SECONDS)
