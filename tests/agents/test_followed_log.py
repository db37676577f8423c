"""A log that is followed while its agent is killed, and while the next one is stopped in order."""

import asyncio
import signal
from pathlib import Path

from opsroom_client import Opsroom
from opsroom_client.errors import OpsroomError
from opsroom_contracts.agents.protocol import TAIL_MAX, LogChunk, LogLine
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.processes import gateway, service
from opsroom_testkit.waiting import until
from tests.agents.portal import AGENT_SECONDS, AgentPortal


async def test_each_line_comes_once_through_a_kill_and_a_stop_of_the_agent(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    environ = {
        "AGENT_NAME": "lab",
        "AGENT_PROVIDER": "simulated",
        "AGENT_SIMULATED_DELAY_SECONDS": "0",
        "AGENT_SIMULATED_LOG_RATE": "20",
    }
    url = broker_process.url
    portal = AgentPortal(broker, url, tmp_path, environ)
    shown: list[LogLine] = []
    lost: list[OpsroomError | None] = []

    async def follow(opsroom: Opsroom, instance_id: str) -> None:
        async with opsroom.cloud.follow_log(instance_id, tail=0, on_connection=lost.append) as chunks:
            async for chunk in chunks:
                assert isinstance(chunk, LogChunk), "a gap, or the end"
                shown.extend(chunk.lines)

    async with portal.service(), service("chat", tmp_path, NATS_URL=url):
        async with (
            gateway(tmp_path, NATS_URL=url) as (_, port),
            Opsroom(f"http://127.0.0.1:{port}") as opsroom,
        ):
            async with portal.agent() as first:
                instance_id = await portal.cloud.created(template="small", start=True)
                following = asyncio.create_task(follow(opsroom, instance_id))
                await until(lambda: len(shown) > 20)
                await first.kill()
            async with portal.agent() as second:
                await until(lambda: lost and lost[-1] is None, AGENT_SECONDS)
                count = len(shown)
                await until(lambda: len(shown) > count + 20)
                second.signal(signal.SIGTERM)
                await second.ended()
            async with portal.agent():
                await until(lambda: len(lost) >= 4 and lost[-1] is None, AGENT_SECONDS)
                following.cancel()
                await asyncio.wait({following})
                async with opsroom.cloud.logs(instance_id, tail=TAIL_MAX) as chunks:
                    whole = [line async for one in chunks if isinstance(one, LogChunk) for line in one.lines]
    begin = whole.index(shown[0])
    assert shown == whole[begin : begin + len(shown)]
