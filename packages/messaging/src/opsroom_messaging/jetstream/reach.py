"""How far back a reader can go if what it reads is bounded."""

from opsroom_messaging.jetstream.stream_reader import StreamReader


async def oldest_within(reader: StreamReader, subject: str, events: int) -> int:
    """Return the lowest sequence after which at most ``events`` messages of ``subject`` follow.

    It asks the broker for counts, about one for each bit of the distance, and reads no messages.

    Raises:
        UnavailableError: the broker did not reply.
    """
    bounds = await reader.bounds()
    low, high = bounds.first - 1, bounds.last
    while low < high:
        middle = (low + high) // 2
        if await reader.count(subject, start=middle + 1) <= events:
            high = middle
        else:
            low = middle + 1
    return low
