"""Removing, muting and banning over NATS, with one and two chat services."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AUDIT_ENTRY, AuditEntry, Requester
from opsroom_contracts.chat import (
    JoinRequest,
    LeaveReason,
    ProtocolVersion,
    SendReply,
    SendRequest,
)
from opsroom_contracts.chat_events import MESSAGE_REMOVED, MessageRemoved
from opsroom_contracts.codec import encode
from opsroom_contracts.errors import FaultError
from opsroom_contracts.legacy import LegacyFrame
from opsroom_contracts.moderation import (
    RESTRICTIONS_MAX,
    Erasure,
    LiftReply,
    LiftRequest,
    RemoveReply,
    RemoveRequest,
    Restriction,
    RestrictionKind,
    RestrictionsReply,
    RestrictionsRequest,
    RestrictReply,
    RestrictRequest,
    RevokeRequest,
    restriction_id,
)
from opsroom_contracts.subjects import (
    AUDIT,
    AUDIT_STREAM,
    CHAT_ERASURES,
    CHAT_EVENTS,
    erasure_subject,
    message_subject,
    restriction_subject,
)
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import audit_stream, ensure_stream
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until, until_answer
from services.chat.tests.harness import Chat, another, connection, process, refusal, service

ADMIN = Requester(name="ada", address="198.51.100.1")


class Moderator:
    """Sends moderation requests."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self._request = chat.requester.request

    async def remove(self, message_id: str) -> RemoveReply:
        request = RemoveRequest(room="general", id=message_id, reason="rude", by=ADMIN)
        return await self._request(endpoints.REMOVE_MESSAGE, request)

    async def restrict(self, kind: RestrictionKind, **about: Any) -> RestrictReply:
        request = RestrictRequest(kind=kind, by=ADMIN, **about)
        return await self._request(endpoints.RESTRICT, request)

    async def mute(self, name: str, seconds: int | None = None) -> Restriction:
        return (await self.restrict(RestrictionKind.MUTE, name=name, seconds=seconds)).restriction

    async def ban(self, name: str, reason: str | None = None) -> Restriction:
        return (await self.restrict(RestrictionKind.BAN, name=name, reason=reason)).restriction

    async def lift(self, restriction_id: str) -> LiftReply:
        return await self._request(endpoints.LIFT, LiftRequest(id=restriction_id, by=ADMIN))

    async def in_force(self, **page: Any) -> RestrictionsReply:
        return await self._request(endpoints.RESTRICTIONS, RestrictionsRequest(**page))


@pytest.fixture
async def moderator(chat: Chat, broker: NatsConnection) -> Moderator:
    await ensure_stream(broker, audit_stream(max_age=0, max_bytes=-1, replicas=1))
    return Moderator(chat)


def on_disk(folder: Path, text: str) -> list[str]:
    """Return the broker's files that contain ``text``."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [str(path) for path in files if text.encode() in path.read_bytes()]


async def nothing_to_erase(chat: Chat) -> None:
    await until_answer(lambda: chat.messages.last(CHAT_ERASURES), lambda stored: stored is None)


async def test_removing_a_message_erases_it_and_leaves_a_tombstone(
    chat: Chat, moderator: Moderator, tmp_path: Path, broker: NatsConnection
) -> None:
    ann = await chat.present("Ann")
    sent = [await chat.send(ann.user.id, f"text {n} of Ann") for n in range(3)]
    assert on_disk(tmp_path, "text 1 of Ann")
    reply = await moderator.remove(sent[1].id)
    assert [message.text for message in await chat.history()] == ["text 0 of Ann", "text 2 of Ann"]
    assert await chat.history(after=sent[0].seq, before=None, limit=1) == [
        message for message in await chat.history() if message.seq == sent[2].seq
    ]
    assert not on_disk(tmp_path, "text 1 of Ann")
    stored = await chat.messages.page(CHAT_EVENTS, start=1, count=10)
    assert [one.seq for one in stored] == [sent[0].seq, sent[2].seq, reply.seq]
    removed = MESSAGE_REMOVED.read(stored[-1].data)
    assert (removed.id, removed.message_seq, removed.sent_at) == (sent[1].id, sent[1].seq, sent[1].timestamp)
    await nothing_to_erase(chat)
    # Removing or sending it again changes nothing.
    assert await moderator.remove(sent[1].id) == reply
    again = await chat.send(ann.user.id, "text 1 of Ann")
    assert (again.seq, again.id, again.timestamp, again.duplicate) == (
        sent[1].seq,
        sent[1].id,
        sent[1].timestamp,
        True,
    )
    assert len(await chat.messages.page(CHAT_EVENTS, start=1, count=10)) == 3


async def test_removing_an_unknown_or_malformed_message_is_refused(chat: Chat, moderator: Moderator) -> None:
    assert (await refusal(moderator.remove("nothing"))).code == "message_unknown"
    await chat.put(message_subject("general", "junk"), b"junk")
    assert (await refusal(moderator.remove("junk"))).field == "id"
    assert await chat.messages.last(CHAT_ERASURES) is None


async def test_concurrent_removals_on_two_services_remove_once(
    chat: Chat, moderator: Moderator, broker_process: BrokerProcess
) -> None:
    async with another(broker_process.url) as other:
        ann = await chat.present("Ann")
        for n in range(10):
            sent = await chat.send(ann.user.id, f"message {n}")
            moderators = [moderator, Moderator(Chat(other)), moderator, moderator]
            replies = await asyncio.gather(*(one.remove(sent.id) for one in moderators))
            assert len({reply.seq for reply in replies}) == 1
        assert await chat.history() == []
        assert len(await chat.messages.page(CHAT_EVENTS, start=1, count=50)) == 10
        await nothing_to_erase(chat)


@pytest.mark.parametrize("restarted", [False, True], ids=["one lives on", "a new one"])
async def test_an_erasure_interrupted_by_a_crash_is_completed(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path, restarted: bool
) -> None:
    chat = Chat(broker)
    async with service(broker):
        await chat.lease("g1")
        ann = await chat.present("Ann")
        sent = await chat.send(ann.user.id, "the text of Ann")
        if not restarted:
            await store_interrupted_removal(chat, sent)
            await nothing_to_erase(chat)
    if restarted:
        await store_interrupted_removal(chat, sent)
        async with service(broker):
            assert await chat.messages.last(CHAT_ERASURES) is None
    assert not on_disk(tmp_path, "the text of Ann")
    async with service(broker):
        assert await chat.history() == []


async def store_interrupted_removal(chat: Chat, sent: SendReply) -> None:
    """Store the records of a process that crashed before the erasure."""
    now = datetime.now(UTC)
    place = {"id": sent.id, "room": "general", "message_seq": sent.seq}
    removed = MessageRemoved(**place, sent_at=sent.timestamp, timestamp=now)  # type: ignore[arg-type]
    await chat.put(message_subject("general", sent.id), encode(removed))
    await chat.put(erasure_subject(sent.id), encode(Erasure(**place)))  # type: ignore[arg-type]


async def test_confirmed_removals_survive_killed_processes(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    chat = Chat(broker, patience=40)
    async with process(broker_process.url, chat.requester) as killed:
        await ensure_stream(broker, audit_stream(max_age=0, max_bytes=-1, replicas=1))
        async with process(broker_process.url, chat.requester):
            await chat.lease("g1")
            ann = await chat.register("Ann")
            sent = [await chat.send(ann.user.id, f"the text {n} of Ann") for n in range(40)]
            moderator, removed = Moderator(chat), 0

            async def remove(message_id: str) -> None:
                nonlocal removed
                await moderator.remove(message_id)
                removed += 1

            async with asyncio.TaskGroup() as group:
                for one in sent:
                    group.create_task(remove(one.id))
                await until(lambda: removed > 3, 40)
                await killed.kill()
            assert await chat.history() == []
            assert not on_disk(tmp_path, "of Ann")
            await nothing_to_erase(chat)


async def test_malformed_and_newer_erasures_do_not_block_others(
    chat: Chat, moderator: Moderator, broker: NatsConnection
) -> None:
    ann = await chat.present("Ann")
    sent = await chat.send(ann.user.id, "hi")
    newer = await chat.put(
        erasure_subject("newer"), b'{"version":9,"room":"general","id":"x","messageSeq":1}'
    )
    await chat.put(erasure_subject("junk"), b"junk")
    await store_interrupted_removal(chat, sent)

    async def left() -> list[int]:
        return [one.seq for one in await chat.messages.page(CHAT_ERASURES, start=1, count=10)]

    await until_answer(left, lambda sequences: sequences == [newer])


async def test_a_muted_user_can_read_but_not_send(chat: Chat, moderator: Moderator) -> None:
    ann, bob = await chat.present("Ann"), await chat.present("Bob", "c2")
    before = await chat.send(ann.user.id, "before")
    mute = await moderator.mute("ANN", 600)
    assert mute.until is not None
    fault = await refusal(chat.send(ann.user.id, "now"))
    assert (fault.code, fault.until) == ("muted", mute.until)
    assert (await chat.send(ann.user.id, "before")).seq == before.seq  # a retry of a stored message succeeds
    await chat.send(bob.user.id, "hi")
    assert [message.text for message in await chat.history()] == ["before", "hi"]
    assert await chat.names() == ["Ann", "Bob"]
    await moderator.lift(mute.id)
    await chat.send(ann.user.id, "now")
    fault = await refusal(moderator.lift(mute.id))
    assert (fault.code, fault.field) == ("restriction_unknown", "id")


async def test_a_mute_expires(chat: Chat, moderator: Moderator) -> None:
    ann = await chat.present("Ann")
    mute = await moderator.mute("Ann", 1)
    assert (await refusal(chat.send(ann.user.id, "hi"))).code == "muted"

    async def sent() -> bool:
        try:
            await chat.send(ann.user.id, "hi")
        except FaultError:
            return False
        return True

    await until_answer(sent, bool)
    assert datetime.now(UTC) >= (mute.until or datetime.max.replace(tzinfo=UTC)) - timedelta(milliseconds=1)
    assert (await moderator.in_force()).restrictions == ()
    assert (await refusal(moderator.lift(mute.id))).code == "restriction_unknown"


@pytest.mark.parametrize("kind", RestrictionKind)
async def test_relayed_frames_of_muted_and_banned_names_are_refused(
    chat: Chat, moderator: Moderator, kind: RestrictionKind
) -> None:
    await moderator.restrict(kind, name="Ann")
    frame = SendRequest(guest_name="ann", client_id="f", room="general", text="x", raw=LegacyFrame(data="{}"))
    pending = chat.requester.request(endpoints.SEND, frame)
    assert (await refusal(pending)).code == ("muted" if kind is RestrictionKind.MUTE else "banned")
    assert await chat.history() == []


async def test_a_banned_user_is_removed_and_can_not_return(chat: Chat, moderator: Moderator) -> None:
    ann, bob = await chat.present("Ann"), await chat.present("Bob", "c2")
    ban = await moderator.ban("ann", "spam")
    assert await chat.names() == ["Bob"]
    fault = await refusal(chat.register("ANN"))
    assert (fault.code, fault.message) == ("banned", "you are banned until it is lifted: spam")
    assert (await refusal(chat.register("Ann", dialect=ProtocolVersion.COURSE))).code == "banned"
    assert (await refusal(chat.join(ann.token))).code == "banned"
    claim = JoinRequest(
        connection=connection("c9"), user_id="u-9", name="Ann", dialect=ProtocolVersion.COURSE
    )
    pending = chat.requester.request(endpoints.JOIN, claim)
    assert (await refusal(pending)).code == "banned"
    await chat.leave(bob.user.id, manner=LeaveReason.EXIT)
    await moderator.lift(ban.id)
    assert (await chat.join(ann.token)).user == ann.user
    assert await chat.names() == ["Ann"]


async def test_a_retry_changes_nothing_and_gets_the_first_reply(
    broker: NatsConnection, chat: Chat, moderator: Moderator, broker_process: BrokerProcess
) -> None:
    ann = await chat.present("Ann")
    ask = chat.requester.request
    muting = RestrictRequest(request_id="r1", kind=RestrictionKind.MUTE, name="Ann", seconds=600, by=ADMIN)
    banning = RestrictRequest(request_id="r2", kind=RestrictionKind.BAN, name="Ann", by=ADMIN)
    lifting = LiftRequest(request_id="r3", id=restriction_id(RestrictionKind.BAN, "Ann", None), by=ADMIN)
    revoking = RevokeRequest(request_id="r4", user_id=ann.user.id, by=ADMIN)
    async with another(broker_process.url):  # either service may get the retry
        mutes = await asyncio.gather(*(ask(endpoints.RESTRICT, muting) for _ in range(8)))
        assert len({encode(one) for one in mutes}) == 1
        bans = [await ask(endpoints.RESTRICT, banning) for _ in range(4)]
        assert len({encode(one.restriction) for one in bans}) == 1
        lifts = [await ask(endpoints.LIFT, lifting) for _ in range(4)]
        assert len({encode(one) for one in lifts}) == 1
        # A late retry, after the ban was lifted, neither bans again nor removes anyone.
        await chat.join(ann.token)
        for _ in range(4):
            await ask(endpoints.RESTRICT, banning)
        assert await chat.names() == ["Ann"]
        for _ in range(4):
            await ask(endpoints.REVOKE, revoking)
        reader = StreamReader(broker, AUDIT_STREAM)

        async def actions() -> list[str]:
            return [AUDIT_ENTRY.read(one.data).action for one in await reader.page(AUDIT, start=1, count=40)]

        found = await until_answer(actions, lambda some: "revoke" in some)
        assert found == ["mute", "ban", "lift", "revoke"]


async def test_restrictions_apply_on_other_and_new_services(
    chat: Chat, moderator: Moderator, broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    ann = await chat.present("Ann")
    async with another(broker_process.url) as other:
        mute = await moderator.mute("Ann")
        ban = await moderator.ban("Eve")

        async def held() -> bool:
            """Several requests, so that both services reply."""
            faults = [await refusal(chat.register("Eve")) for _ in range(8)]
            return all(fault.code == "banned" for fault in faults)

        await until_answer(held, bool)
        assert (await refusal(Chat(other).send(ann.user.id, "x"))).code == "muted"
    async with another(broker_process.url) as later:
        listed = await Moderator(Chat(later)).in_force()
        assert {one.id for one in listed.restrictions} == {mute.id, ban.id}


async def test_invalid_targets_are_refused_with_the_field(chat: Chat, moderator: Moderator) -> None:
    for kind, about, field in (
        ("mute", {"address": "203.0.113.7"}, "name"),
        ("ban", {}, "name"),
        ("ban", {"name": "x", "address": "203.0.113.7"}, "address"),
        ("ban", {"name": "\u200b"}, "name"),
        ("ban", {"address": "127.0.0.1"}, "address"),
        ("ban", {"address": "everybody"}, "address"),
        ("ban", {"name": "x", "seconds": 0}, "seconds"),
        ("shout", {"name": "x"}, "kind"),
    ):
        fault = await chat.refused(endpoints.RESTRICT, {"kind": kind, **about})
        assert (fault.code, fault.field) == ("invalid_request", field), about
    assert (await moderator.in_force()).restrictions == ()


async def test_restrictions_are_limited_and_listed_in_pages(
    chat: Chat, moderator: Moderator, broker: NatsConnection
) -> None:
    now = datetime.now(UTC)

    def record(n: int) -> Restriction:
        key = restriction_id(RestrictionKind.BAN, f"n{n}", None)
        return Restriction(id=key, kind=RestrictionKind.BAN, name=f"n{n}", by="a", at=now)

    for n in range(RESTRICTIONS_MAX):
        await broker.client.publish(restriction_subject(record(n).id), encode(record(n)))

    async def listed() -> list[str]:
        found, after = [], None
        while True:
            page = await moderator.in_force(after=after, limit=150)
            found += [one.id for one in page.restrictions]
            if page.next is None:
                return found
            after = page.next

    ids = await until_answer(listed, lambda found: len(found) == RESTRICTIONS_MAX)
    assert ids == sorted(record(n).id for n in range(RESTRICTIONS_MAX))
    assert "lift some" in (await refusal(moderator.ban("one more"))).message
    await moderator.ban("n1", "again")  # replacing an existing ban is allowed
    await moderator.lift(ids[0])
    await moderator.ban("one more")


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
