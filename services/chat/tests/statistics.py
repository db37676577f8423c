"""Reading a service's statistics as ``nats micro stats`` does."""

import json

from opsroom_messaging.client.connection import NatsConnection


async def gauge(broker: NatsConnection, service: str, name: str) -> int:
    """One number of the ``data`` that the service's endpoints tell."""
    reply = await broker.client.request(f"$SRV.STATS.{service}", b"", timeout=5)
    return int(json.loads(reply.data)["endpoints"][0]["data"][name])
