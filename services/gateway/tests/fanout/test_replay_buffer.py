"""The replay buffer: after any operations it is complete from its first sequence on."""

from hypothesis import given
from hypothesis import strategies as st

from opsroom_gateway.fanout.replay_buffer import Frame, ReplayBuffer

_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 3), st.integers(1, 9)),
        st.tuples(st.just("fill"), st.integers(1, 40), st.just(0)),
        st.tuples(st.just("drop"), st.integers(1, 40), st.just(0)),
        st.tuples(st.just("restart"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@given(_STEPS, st.integers(1, 8), st.integers(8, 60))
def test_the_buffer_is_complete_from_its_first_sequence_on(
    steps: list[tuple[str, int, int]], max_count: int, max_bytes: int
) -> None:
    buffer = ReplayBuffer(max_count, max_bytes)
    stream: list[Frame] = []
    redacted: set[int] = set()
    head = 0
    for step, number, size in steps:
        match step:
            case "put":  # sequences can have gaps: the stream has other subjects, too
                head += number
                stream.append(Frame(head, b"x" * size))
                buffer.put(stream[-1])
            case "fill":
                start = max(1, buffer.first_seq - number)
                buffer.backfill(start, [frame for frame in stream if start <= frame.seq < buffer.first_seq])
            case "drop" if head:  # a frame already in the buffer; the stream may still have it
                seq = max(1, head - number)
                redacted.add(seq)
                buffer.redact(seq)
            case "drop":
                pass
            case _:
                stream = [frame for frame in stream if frame.seq not in redacted]
                redacted.clear()
                buffer.restart(head + 1)
        expected = [frame._replace(data=b"") if frame.seq in redacted else frame for frame in stream]
        held = list(buffer.after(buffer.first_seq - 1))
        assert held == [frame for frame in expected if frame.seq >= buffer.first_seq]
        assert buffer.with_redactions(stream) == expected
        assert len(held) == max_count - buffer.free_slots
        assert sum(len(frame.data) for frame in held) <= max_bytes


def test_a_backfill_leaves_out_the_oldest_frames_that_do_not_fit() -> None:
    buffer = ReplayBuffer(3, 100)
    buffer.restart(10)
    buffer.put(Frame(10, b"new"))
    buffer.backfill(1, [Frame(seq, b"old") for seq in (2, 4, 6, 8)])
    assert [frame.seq for frame in buffer.after(0)] == [6, 8, 10]
    assert buffer.first_seq == 5
