"""Access to a service's statistics, as ``nats micro stats`` shows them."""

import json

from opsroom_messaging.client.connection import NatsConnection


async def gauge(broker: NatsConnection, service: str, name: str) -> int:
    """Return one number of the ``data`` in the service's endpoint statistics."""
    reply = await broker.client.request(f"$SRV.STATS.{service}", b"", timeout=5)
    return int(json.loads(reply.data)["endpoints"][0]["data"][name])
