"""Read positions: in whatever order they come, and however they are merged, the highest one counts."""

from hypothesis import given
from hypothesis import strategies as st

from opsroom_chat.domain import reads as rules
from opsroom_contracts.chat.reads import ReadPosition, ReadPositions

ROOMS = ["general", "ops", "lab"]
POSITIONS = st.dictionaries(st.sampled_from(ROOMS), st.integers(0, 20), max_size=3)


@given(requests=st.lists(POSITIONS, max_size=12), data=st.data())
def test_any_interleaving_of_requests_ends_with_the_highest_positions(
    requests: list[dict[str, int]], data: st.DataObject
) -> None:
    """Devices, gateways and chat processes merge some requests before they store them."""
    highest: dict[str, int] = {}
    for request in requests:
        highest = rules.merged(highest, request)
    record: dict[str, ReadPosition] = {}
    waiting = data.draw(st.permutations(requests))
    while waiting:
        together = data.draw(st.integers(1, len(waiting)))
        merged: dict[str, int] = {}
        for request in waiting[:together]:
            merged = rules.merged(merged, request)
        waiting = waiting[together:]
        raised = rules.raised(record, merged)
        after = rules.stored(record, {room: ReadPosition(seq=seq) for room, seq in raised.items()}, ROOMS)
        assert all(after[room].seq >= position.seq for room, position in record.items())
        record = after
    assert {room: position.seq for room, position in record.items()} == highest


def test_a_repeated_position_changes_nothing() -> None:
    positions = {"general": ReadPosition(seq=7)}
    assert rules.raised(positions, {"general": 7}) == rules.raised(positions, {"general": 6}) == {}
    assert rules.raised(positions, {"general": 8, "ops": 0}) == {"general": 8, "ops": 0}


def test_positions_of_another_stream_are_void_and_those_of_left_rooms_are_dropped() -> None:
    record = ReadPositions(user_id="ann", epoch="one", rooms={"ops": ReadPosition(seq=7)})
    assert rules.current(record, "one") == record.rooms
    assert rules.current(record, "two") == rules.current(None, "one") == {}
    assert rules.stored(record.rooms, {"general": ReadPosition(seq=9)}, {"general"}) == {
        "general": ReadPosition(seq=9)
    }
