"""Read the streams from the broker at the end of a run."""

from opsroom_contracts.chat.events import MESSAGE_EVENT
from opsroom_contracts.chat.models import MEMBER, NAME_CLAIM, MemberStatus
from opsroom_contracts.cloud.models import INSTANCE_EVENT
from opsroom_contracts.subjects import (
    CHAT_EVENTS,
    CHAT_STREAM,
    CLOUD_EVENTS,
    CLOUD_STREAM,
    MEMBERS,
    MEMBERS_STREAM,
    NAMES,
)
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from tests.faults.verification.history import StoredEvent, StoredMessage

_PAGE = 1000


async def messages(broker: NatsConnection) -> list[StoredMessage]:
    """Return all messages, in order."""
    found = []
    for stored in await _all(broker, CHAT_STREAM, CHAT_EVENTS):
        event = MESSAGE_EVENT.read(stored.data)
        found.append(StoredMessage(stored.seq, event.text.partition(" ")[0]))
    return found


async def events(broker: NatsConnection) -> list[StoredEvent]:
    """Return all events of all instances, in order."""
    found = []
    for stored in await _all(broker, CLOUD_STREAM, CLOUD_EVENTS):
        event = INSTANCE_EVENT.read(stored.data)
        found.append(
            StoredEvent(
                stored.seq,
                event.type.value,
                event.operation_id,
                event.instance_id,
                event.command.value,
                event.state.value,
                stored.at.timestamp(),
            )
        )
    return found


async def left_over(broker: NatsConnection) -> list[str]:
    """Return members that are listed or claim a name, and claims of names by nobody."""
    members = [MEMBER.read(stored.data) for stored in await _all(broker, MEMBERS_STREAM, MEMBERS)]
    there = {member.user.id: member for member in members if member.status is not MemberStatus.AWAY}
    words = [f"{member.user.name} is still {member.status.value}" for member in there.values()]
    for stored in await _all(broker, MEMBERS_STREAM, NAMES):
        holder = NAME_CLAIM.read(stored.data).user_id
        if holder is not None and holder not in there:
            words.append(f"{stored.subject} is held by {holder}, who is gone")
    return words


async def last_seq(broker: NatsConnection, stream: str) -> int:
    """Return the last sequence number of a stream."""
    return (await StreamReader(broker, stream).bounds()).last


async def _all(broker: NatsConnection, stream: str, subject: str) -> list[StreamMessage]:
    reader = StreamReader(broker, stream)
    found: list[StreamMessage] = []
    start = 1
    while page := await reader.page(subject, start=start, count=_PAGE):
        found += page
        start = page[-1].seq + 1
    return found
