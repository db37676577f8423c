"""The chat process: ``python -m opsroom_chat``."""

import logging
import os

from opsroom_chat.service import chat_service
from opsroom_chat.settings import ChatSettings
from opsroom_messaging.admin import admin
from opsroom_messaging.connection import connect
from opsroom_messaging.process import run, until_stopped
from opsroom_messaging.tracing import Traces

log = logging.getLogger("opsroom_chat")


async def main(traces: Traces) -> None:
    """Serve until told to stop."""
    settings = ChatSettings.from_environment(os.environ)
    broker = await connect(settings.nats_url, name="chat", access=settings.nats_access(), traces=traces)
    try:
        async with chat_service(broker, settings) as died:
            async with admin(settings, lambda: broker.connected, broker.metrics):
                log.info("ready")
                await until_stopped(died)
            log.info("stopping")
    finally:
        await broker.close()


if __name__ == "__main__":
    run("chat", main)
