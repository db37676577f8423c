"""The clock that counts on steadily, and believes the broker's where they differ."""

import time
from datetime import UTC, datetime

import pytest

from opsroom_contracts.subjects import CHAT_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.streams import chat_stream, ensure_stream

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()


class Machine:
    """A machine whose clock may step; ``up``: seconds since its start."""

    def __init__(self) -> None:
        self.wall = NOON
        self.up = 100.0

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.up += seconds


def clock_of(machine: Machine) -> BrokerClock:
    return BrokerClock(lambda: machine.wall, lambda: machine.up)


def test_a_step_of_the_machine_s_clock_is_not_seen() -> None:
    machine = Machine()
    clock = clock_of(machine)
    machine.wall += 60
    machine.pass_by(5)
    assert clock().timestamp() == NOON + 5


@pytest.mark.parametrize("wrong", [-60.0, -1.6, 1.6, 60.0])
def test_the_broker_is_believed_where_it_differs_by_more_than_an_answer_takes(wrong: float) -> None:
    machine = Machine()
    clock = clock_of(machine)
    machine.pass_by(10)
    clock.apply_sample(NOON + 10 + wrong, asked=machine.up - 0.5, answered=machine.up)
    assert clock().timestamp() == pytest.approx(NOON + 10 + wrong, abs=0.5)


@pytest.mark.parametrize("told", [-1.4, 0.0, 0.9])
def test_what_an_answer_s_time_explains_changes_nothing(told: float) -> None:
    machine = Machine()
    clock = clock_of(machine)
    machine.pass_by(10)
    clock.apply_sample(NOON + 10 + told, asked=machine.up - 0.5, answered=machine.up)
    assert clock().timestamp() == NOON + 10


async def test_a_process_that_starts_with_a_wrong_clock_is_set_right(broker: NatsConnection) -> None:
    await ensure_stream(broker, chat_stream(max_age=3600.0, max_bytes=1 << 20, replicas=1))
    clock = BrokerClock(wall=lambda: time.time() - 3600)
    await clock.sync(broker, "NOWHERE")
    assert clock().timestamp() == pytest.approx(time.time() - 3600, abs=5)
    await clock.sync(broker, CHAT_STREAM)
    assert clock().timestamp() == pytest.approx(time.time(), abs=5)
