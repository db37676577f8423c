"""MembershipGate: order, and waiting for memberships."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_contracts.chat.events import MessageEvent
from opsroom_contracts.chat.models import User
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import message_subject
from opsroom_gateway.projections.membership_gate import MembershipGate
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_testkit.waiting import until

ROOM = "r-" + "a" * 24
NOW = datetime(2026, 11, 30, tzinfo=UTC)


class Handler:
    """Notes what is passed on, and what this process knew then."""

    def __init__(self) -> None:
        self.known = 0
        self.passed: list[int | str] = []
        self.knew: list[int] = []
        self.disconnected: list[str] = []

    def on_restart(self, restart: Restart) -> None:
        self.passed.append(f"restart {restart.reset}")

    def on_message(self, message: StreamMessage) -> None:
        self.passed.append(message.seq)
        self.knew.append(self.known)

    def on_synced(self) -> None:
        self.passed.append("synced")

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:
        return False


def stored(seq: int, needed: int | None) -> StreamMessage:
    room = "general" if needed is None else ROOM
    event = MessageEvent(
        id=f"m{seq}", room=room, user=User(id="u", name="u"), text="hi", timestamp=NOW, members_seq=needed
    )
    return StreamMessage(seq, message_subject(room, event.id), encode(event))


def gate_of(handler: Handler) -> MembershipGate:
    return MembershipGate(handler, lambda: handler.known, handler.disconnected.append)


Step = int | None | str
"""A message that needs this sequence (None: it is public), or ``advance``."""


@given(st.lists(st.one_of(st.integers(1, 10), st.none(), st.just("advance")), max_size=40))
def test_messages_keep_their_order_and_wait_for_what_they_need(steps: list[Step]) -> None:
    async def play() -> None:
        handler = Handler()
        gate = gate_of(handler)
        needs: list[int] = []
        for step in steps:
            if isinstance(step, str):
                handler.known += 1
                gate.advance(handler.known)
            else:
                needs.append(step or 0)
                gate.on_message(stored(len(needs), step))
        handler.known = 10
        gate.advance(10)
        assert handler.passed == [*range(1, len(needs) + 1)]
        assert all(knew >= needed for knew, needed in zip(handler.knew, needs, strict=True))
        assert handler.disconnected == []

    asyncio.run(play())


async def test_it_is_synced_after_what_is_held() -> None:
    handler = Handler()
    gate = gate_of(handler)
    gate.on_message(stored(1, 5))
    gate.on_synced()
    assert handler.passed == []
    handler.known = 5
    gate.advance(5)
    assert handler.passed == [1, "synced"]


async def test_readers_are_disconnected_if_the_memberships_do_not_come() -> None:
    handler = Handler()
    gate = MembershipGate(handler, lambda: 0, handler.disconnected.append, seconds=0.01)
    gate.on_message(stored(1, 5))
    gate.on_message(stored(2, None))
    await until(lambda: len(handler.passed) == 2)
    assert handler.passed == [1, 2]
    assert handler.disconnected == [ROOM]
    assert gate.given_up == 1


@pytest.mark.parametrize("reset", [True, False])
async def test_a_restart_drops_what_is_held_only_if_it_is_read_again(reset: bool) -> None:
    handler = Handler()
    gate = gate_of(handler)
    gate.on_message(stored(1, 5))
    gate.on_restart(Restart(reset=reset))
    assert handler.passed == (["restart True"] if reset else [1, "restart False"])
    assert handler.disconnected == ([] if reset else [ROOM])


async def test_malformed_messages_are_passed_on() -> None:
    handler = Handler()
    gate_of(handler).on_message(StreamMessage(1, message_subject(ROOM, "m"), b"nonsense"))
    assert handler.passed == [1]
