"""The course contract's user list: rendered for readers, not at every change."""

import json
from datetime import UTC, datetime

from opsroom_contracts.chat.models import Member, MemberStatus, ProtocolVersion, User
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import member_subject
from opsroom_gateway.domain.user_list import UserList
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.legacy.user_list import UserListPusher
from opsroom_gateway.projections.members import MemberProjection
from opsroom_messaging.jetstream.stream_reader import StreamMessage


class CountingList(UserList):
    """Counts how often the whole list is rendered."""

    renders = 0

    def all(self) -> tuple[User, ...]:
        """Count the call."""
        self.renders += 1
        return super().all()


def record(number: int, status: MemberStatus, seq: int) -> StreamMessage:
    user = User(id=f"u{number}", name=f"person {number}")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    member = Member(user=user, dialect=ProtocolVersion.COURSE, status=status, joined_at=at)
    return StreamMessage(seq, member_subject(user.id), encode(member))


async def test_changes_without_readers_render_no_list_and_update_the_count() -> None:
    members, users = MemberProjection(), CountingList()
    members.users = users
    pusher = UserListPusher(users, Broadcaster())
    members.watch(lambda _member, _seq: pusher.on_change())
    for number in range(50):
        members.on_message(record(number, MemberStatus.PRESENT, number + 1))
    members.on_message(record(7, MemberStatus.LINGERING, 51))
    members.on_message(record(7, MemberStatus.AWAY, 52))
    members.on_message(record(8, MemberStatus.RESERVED, 53))
    members.on_message(StreamMessage(54, member_subject("u9"), json.dumps({"no": "record"}).encode()))
    assert users.renders == 0
    assert len(users) == len(users.all()) == 48
