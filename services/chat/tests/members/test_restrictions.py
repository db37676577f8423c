"""Muting and banning over NATS, with one and two chat services."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AUDIT_ENTRY
from opsroom_contracts.chat.models import (
    JoinRequest,
    LeaveReason,
    ProtocolVersion,
    SendRequest,
)
from opsroom_contracts.chat.moderation import (
    RESTRICTIONS_MAX,
    LiftRequest,
    Restriction,
    RestrictionKind,
    RestrictRequest,
    RevokeRequest,
    restriction_id,
)
from opsroom_contracts.errors import FaultError
from opsroom_contracts.legacy import LegacyFrame
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import (
    AUDIT,
    AUDIT_STREAM,
    restriction_subject,
)
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat, another, connection, refusal
from services.chat.tests.moderation import ADMIN, Moderator

_OVERTAKING = 20


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


async def test_a_retry_that_overtakes_its_first_attempt_gets_the_same_reply(
    chat: Chat, moderator: Moderator, broker_process: BrokerProcess
) -> None:
    ask = chat.requester.request
    async with another(broker_process.url):
        for number in range(_OVERTAKING):
            mute = await moderator.mute(f"Ann{number}")
            lifting = LiftRequest(request_id=f"r{number}", id=mute.id, by=ADMIN)
            attempts = []
            for _ in range(_OVERTAKING):  # some arrive while the first one is being stored
                attempts.append(asyncio.create_task(ask(endpoints.LIFT, lifting)))
                await asyncio.sleep(0)
            assert len({encode(one) for one in await asyncio.gather(*attempts)}) == 1


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
