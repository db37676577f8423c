"""The storm's check: a message that is dropped, repeated or out of order must not go unseen."""

import asyncio
import json

import pytest

from bench.figures import slope
from bench.ledger import Faults, compare
from bench.member import SocketMember, StreamMember

SENT = tuple(str(number) for number in range(6))


@pytest.mark.parametrize(
    ("got", "faults"),
    [
        ("012345", Faults()),
        ("01345", Faults(missed=1)),
        ("01234", Faults(missed=1)),
        ("", Faults(missed=6)),
        ("0122345", Faults(repeated=1)),
        ("012345012345", Faults(repeated=6)),
        ("021345", Faults(misordered=1)),
        ("0123745", Faults(unknown=1)),
        ("01335", Faults(missed=2, repeated=1)),
    ],
)
def test_every_kind_of_fault_is_counted(got: str, faults: Faults) -> None:
    assert compare(SENT, got) == faults


def test_faults_of_many_readers_add_up() -> None:
    assert sum([Faults(1, 2), Faults(0, 1, 3, 4)], Faults()) == Faults(1, 3, 3, 4)


def _message(seq: int, key: int) -> bytes:
    return b'{"seq":%d,"id":"x","room":"general","text":"bench:%d:","type":"message"}' % (seq, key)


def test_a_socket_member_notes_what_came_and_where_to_resume() -> None:
    member = SocketMember(0, "token")
    frames = [
        json.dumps({"type": "welcome", "users": [], "seq": 7}, separators=(",", ":")).encode(),
        _message(8, 0),
        b'{"type":"joined","user":{"id":"x","name":"bench:1:"}}',
        _message(10, 2),
        _message(10, 2),
    ]
    for frame in frames:
        member.receive(frame)
    assert member.since == 10
    assert compare(["0", "1", "2"], member.got) == Faults(missed=1, repeated=1)


async def test_a_stream_member_notes_events_however_they_are_cut() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    events = b"".join(
        b'id: %d\nevent: change\ndata: {"seq":%d,"operationId":"%c"}\n\n' % (seq, seq, key)
        for seq, key in ((3, 97), (5, 99), (5, 99))
    )
    for step in (1, 7, 1000):
        member = StreamMember(0)
        member.opened = asyncio.get_running_loop().create_future()
        data = head + b": heartbeat\n\n" + events
        for at in range(0, len(data), step):
            member.data_received(data[at : at + step])
        assert member.opened.done()
        assert member.last_id == "5"
        assert compare(["a", "b", "c"], member.got) == Faults(missed=1, repeated=1)


def test_the_slope_is_that_of_the_line() -> None:
    assert slope([(0.0, 5.0), (1.0, 7.0), (2.0, 9.0)]) == pytest.approx(2.0)
