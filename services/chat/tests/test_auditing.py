"""The audit of moderation."""

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AUDIT_ENTRY, AuditEntry
from opsroom_contracts.chat.moderation import (
    RestrictionKind,
    RevokeRequest,
)
from opsroom_contracts.subjects import (
    AUDIT,
    AUDIT_STREAM,
)
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat, refusal
from services.chat.tests.moderation import Moderator


async def test_moderation_is_audited_with_actor_and_reason(
    broker: NatsConnection, chat: Chat, moderator: Moderator
) -> None:
    ann = await chat.present("Ann")
    sent = await chat.send(ann.user.id, "hi")
    for _ in range(2):
        await moderator.remove(sent.id)
    await refusal(moderator.remove("nothing"))
    mute = await moderator.mute("Ann")
    await moderator.lift(mute.id)
    await moderator.restrict(RestrictionKind.BAN, address="203.0.113.7", reason="flood")
    await chat.requester.request(endpoints.REVOKE, RevokeRequest(user_id=ann.user.id, reason="lost"))
    reader = StreamReader(broker, AUDIT_STREAM)

    async def entries() -> list[AuditEntry]:
        return [AUDIT_ENTRY.read(one.data) for one in await reader.page(AUDIT, start=1, count=20)]

    found = await until_answer(entries, lambda some: len(some) >= 6)
    assert [(one.action, one.outcome, one.target, one.reason) for one in found] == [
        ("remove_message", "accepted", sent.id, "rude"),
        ("remove_message", "refused", "nothing", "there is no message nothing in room general"),
        ("mute", "accepted", "Ann", None),
        ("lift", "accepted", "Ann", None),
        ("ban", "accepted", "203.0.113.7", "flood"),
        ("revoke", "accepted", ann.user.id, "lost"),
    ]
    assert {(one.actor, one.address) for one in found[:-1]} == {("ada", "198.51.100.1")}
    assert (found[-1].actor, found[-1].address) == (
        "operator",
        None,
    )  # a NATS request has no name
