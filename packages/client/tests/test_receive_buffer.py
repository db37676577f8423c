"""ReceiveBuffer: its limit."""

from opsroom_client.receive_buffer import ReceiveBuffer


async def test_a_full_buffer_accepts_nothing_until_it_is_empty() -> None:
    buffer: ReceiveBuffer[int] = ReceiveBuffer(2)
    assert [buffer.put(n) for n in range(3)] == [True, True, False]
    assert await buffer.get() == 0
    assert not buffer.put(4), "a gap, then 4"
    assert await buffer.get() == 1
    buffer.resume()
    assert buffer.put(2)
