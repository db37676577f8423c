"""The lease of a gateway whose event loop is busy."""

import time

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.lease_thread import LeaseThread, Timing
from opsroom_messaging.jetstream.leases import live_gateways
from opsroom_messaging.jetstream.streams import ensure_stream, gateways_bucket
from opsroom_testkit.waiting import PATIENCE_SECONDS

QUICK = Timing(check=0.02, busy=0.1, renew=0.05, dead=3600)


def block_until(thread: LeaseThread, attribute: str) -> None:
    """Block the event loop until ``attribute`` of ``thread`` is true."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not getattr(thread, attribute):
        assert time.monotonic() < end
        time.sleep(0.01)  # it blocks the event loop, as a handler that computes does


async def test_a_gateway_whose_event_loop_is_busy_keeps_its_lease(broker: NatsConnection) -> None:
    await ensure_stream(broker, gateways_bucket(replicas=1))
    assert broker.connect_again is not None
    thread = LeaseThread(broker.connect_again, "busy", QUICK)
    async with thread.running():
        assert await live_gateways(broker) == frozenset()
        block_until(thread, "renewals")
    assert await live_gateways(broker) == {"busy"}


async def test_a_gateway_whose_event_loop_hangs_is_given_up(broker: NatsConnection) -> None:
    await ensure_stream(broker, gateways_bucket(replicas=1))
    assert broker.connect_again is not None
    thread = LeaseThread(broker.connect_again, "hung", Timing(check=0.02, busy=3600, renew=0.05, dead=0.2))
    async with thread.running():
        block_until(thread, "given_up")
    assert thread.renewals == 0
    assert await live_gateways(broker) == frozenset()
