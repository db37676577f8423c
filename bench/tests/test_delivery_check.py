"""The storm's check: a message that is dropped, repeated or out of order must not go unseen."""

import asyncio
import json

import pytest

from bench.clients.reader import EventStreamReader, SocketReader
from bench.results.delivery_check import DeliveryFaults, check_delivery
from bench.results.statistics import slope

SENT = tuple(str(number) for number in range(6))


@pytest.mark.parametrize(
    ("got", "faults"),
    [
        ("012345", DeliveryFaults()),
        ("01345", DeliveryFaults(missed=1)),
        ("01234", DeliveryFaults(missed=1)),
        ("", DeliveryFaults(missed=6)),
        ("0122345", DeliveryFaults(repeated=1)),
        ("012345012345", DeliveryFaults(repeated=6)),
        ("021345", DeliveryFaults(misordered=1)),
        ("0123745", DeliveryFaults(unknown=1)),
        ("01335", DeliveryFaults(missed=2, repeated=1)),
    ],
)
def test_every_kind_of_fault_is_counted(got: str, faults: DeliveryFaults) -> None:
    assert check_delivery(SENT, got) == faults


def test_faults_of_many_readers_add_up() -> None:
    assert sum([DeliveryFaults(1, 2), DeliveryFaults(0, 1, 3, 4)], DeliveryFaults()) == DeliveryFaults(
        1, 3, 3, 4
    )


def _message(seq: int, key: int) -> bytes:
    return b'{"seq":%d,"id":"x","room":"general","text":"bench:%d:","type":"message"}' % (seq, key)


def test_a_socket_member_notes_what_came_and_where_to_resume() -> None:
    reader = SocketReader(0, "token")
    frames = [
        json.dumps({"type": "welcome", "users": [], "seq": 7}, separators=(",", ":")).encode(),
        _message(8, 0),
        b'{"type":"joined","user":{"id":"x","name":"bench:1:"}}',
        _message(10, 2),
        _message(10, 2),
    ]
    for frame in frames:
        reader.receive(frame)
    assert reader.since == 10
    assert check_delivery(["0", "1", "2"], reader.got) == DeliveryFaults(missed=1, repeated=1)


async def test_a_stream_member_notes_events_however_they_are_cut() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    events = b"".join(
        b'id: %d\nevent: change\ndata: {"seq":%d,"operationId":"%c"}\n\n' % (seq, seq, key)
        for seq, key in ((3, 97), (5, 99), (5, 99))
    )
    for step in (1, 7, 1000):
        reader = EventStreamReader(0)
        reader.opened = asyncio.get_running_loop().create_future()
        data = head + b": heartbeat\n\n" + events
        for at in range(0, len(data), step):
            reader.data_received(data[at : at + step])
        assert reader.opened.done()
        assert reader.last_id == "5"
        assert check_delivery(["a", "b", "c"], reader.got) == DeliveryFaults(missed=1, repeated=1)


def test_the_slope_is_that_of_the_line() -> None:
    assert slope([(0.0, 5.0), (1.0, 7.0), (2.0, 9.0)]) == pytest.approx(2.0)
