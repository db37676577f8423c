"""BrokerClock: monotonic, and corrected by the broker's clock."""

import time
from datetime import UTC, datetime

import pytest

from opsroom_contracts.subjects import CHAT_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.streams import chat_stream, ensure_stream

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()


class Machine:
    """A machine whose wall clock may step; ``up``: seconds since its start."""

    def __init__(self) -> None:
        self.wall = NOON
        self.up = 100.0

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.up += seconds


def clock_of(machine: Machine) -> BrokerClock:
    return BrokerClock(lambda: machine.wall, lambda: machine.up)


def test_a_step_of_the_wall_clock_has_no_effect() -> None:
    machine = Machine()
    clock = clock_of(machine)
    machine.wall += 60
    machine.pass_by(5)
    assert clock().timestamp() == NOON + 5


@pytest.mark.parametrize("difference", [-60.0, -1.6, 1.6, 60.0])
def test_a_larger_difference_is_corrected(difference: float) -> None:
    machine = Machine()
    clock = clock_of(machine)
    machine.pass_by(10)
    clock.apply_sample(NOON + 10 + difference, sent_at=machine.up - 0.5, received_at=machine.up)
    assert clock().timestamp() == pytest.approx(NOON + 10 + difference, abs=0.5)


@pytest.mark.parametrize("difference", [-1.4, 0.0, 0.9])
def test_a_difference_within_the_tolerance_is_ignored(difference: float) -> None:
    machine = Machine()
    clock = clock_of(machine)
    machine.pass_by(10)
    clock.apply_sample(NOON + 10 + difference, sent_at=machine.up - 0.5, received_at=machine.up)
    assert clock().timestamp() == NOON + 10


async def test_a_wrong_clock_at_the_start_is_corrected(broker: NatsConnection) -> None:
    await ensure_stream(broker, chat_stream(max_age=3600.0, max_bytes=1 << 20, replicas=1))
    clock = BrokerClock(wall=lambda: time.time() - 3600)
    await clock.sync(broker, "NOWHERE")
    assert clock().timestamp() == pytest.approx(time.time() - 3600, abs=5)
    await clock.sync(broker, CHAT_STREAM)
    assert clock().timestamp() == pytest.approx(time.time(), abs=5)
