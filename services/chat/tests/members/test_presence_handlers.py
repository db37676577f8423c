"""Registering, joining, leaving and the user list over NATS."""

import asyncio
import base64
import hashlib
from uuid import uuid4

import pytest

from opsroom_chat.domain.names import name_keys
from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import (
    MEMBER,
    JoinReply,
    JoinRequest,
    LeaveReason,
    ProtocolVersion,
    RegisterReply,
)
from opsroom_contracts.serialization.codec import contract_of, decode, encode
from opsroom_contracts.subjects import GATEWAYS_BUCKET, MEMBERS_STREAM, member_subject, name_subject
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat, another, connection, refusal, service

VARIANTS = ("Straße", "STRASSE", "strasse", "StraßE", " Strasse ", "Ｓtrasse")


async def test_registration_returns_a_token_and_stores_only_its_hash(
    chat: Chat, broker: NatsConnection
) -> None:
    reply = await chat.register("  Ann ")
    assert reply.user.name == "Ann"
    assert reply.token is not None
    secret = reply.token.partition(".")[2]
    assert len(base64.urlsafe_b64decode(secret + "=")) == 32
    stored = await StreamReader(broker, MEMBERS_STREAM).last(member_subject(reply.user.id))
    assert stored is not None
    assert secret.encode() not in stored.data
    assert MEMBER.read(stored.data).token_hash == hashlib.sha256(reply.token.encode()).hexdigest()
    assert stored.seq == reply.seq
    assert (await chat.whoami(reply.token)).user == reply.user
    assert await chat.names() == []


async def test_many_sockets_of_one_member_can_reconnect_at_once(chat: Chat, broker: NatsConnection) -> None:
    # All requests change the same record; if they conflicted, most would be refused as overloaded.
    registered = await chat.register("Ann")
    requests = [JoinRequest(connection=connection(f"c{n}"), token=registered.token) for n in range(60)]
    responses = await asyncio.gather(
        *(broker.client.request(endpoints.JOIN.subject, encode(request), timeout=30) for request in requests)
    )
    replies = [decode(contract_of(JoinReply), response.data) for response in responses]
    stored = await StreamReader(broker, MEMBERS_STREAM).last(member_subject(registered.user.id))
    assert stored is not None
    assert stored.seq == max(reply.seq for reply in replies)
    assert len(MEMBER.read(stored.data).connections) == 60


async def test_one_of_concurrent_registrations_of_a_name_succeeds(
    chat: Chat, broker_process: BrokerProcess
) -> None:
    # Long timeouts: a retry while the first request is in progress would return a second token.
    patient = Chat(chat.broker, attempt=30)
    async with another(broker_process.url):
        outcomes = await asyncio.gather(
            *(patient.register(VARIANTS[n % len(VARIANTS)], client_id=f"r{n}") for n in range(300)),
            return_exceptions=True,
        )
        winners = [reply for reply in outcomes if isinstance(reply, RegisterReply)]
        losers = [error for error in outcomes if not isinstance(error, RegisterReply)]
        assert len(winners) == 1
        assert {str(error).partition(":")[0] for error in losers} == {"name_taken"}
        await chat.join(winners[0].token)
        await chat.lists(winners[0].user.name)
        assert len(await chat.names()) == 1


async def test_concurrent_retries_of_a_registration_return_one_token(chat: Chat) -> None:
    """The first reply that arrives is used; its request may have been stored first or later."""
    client_id = "8f14e45fceea167a5a36dedd4bea2543"
    replies = await asyncio.gather(*(chat.register("Ann", client_id=client_id) for _ in range(5)))
    assert len({reply.token for reply in replies}) == 1
    assert replies[0].token is not None
    await chat.join(replies[0].token)


async def test_a_retried_registration_returns_the_same_user_with_a_new_token(chat: Chat) -> None:
    first = await chat.register("Ann", client_id="reg-1")
    again = await chat.register("Ann", client_id="reg-1")
    assert again.user == first.user
    assert again.token is not None
    assert first.token is not None
    assert (await chat.whoami(again.token)).user == first.user
    assert (await refusal(chat.whoami(first.token))).code == "token_invalid"
    other = await refusal(chat.register("Bob", client_id="reg-1"))
    assert (other.code, other.field) == ("idempotency_mismatch", "clientId")


async def test_a_late_retry_of_a_registration_keeps_the_connection(chat: Chat) -> None:
    # The id is unguessable, so a retry after a late reply returns the same token.
    client_id = uuid4().hex
    first = await chat.register("Ann", client_id=client_id)
    await chat.join(first.token)
    again = await chat.register("Ann", client_id=client_id)
    assert await chat.names() == ["Ann"]
    await chat.leave(again.user.id, "c1")
    await chat.no_longer_lists("Ann")


async def test_a_user_is_listed_until_the_last_connection_closes(chat: Chat) -> None:
    ann = await chat.present("Ann")
    await chat.join(ann.token, "c2")
    await chat.join(ann.token, "c2")
    assert await chat.names() == ["Ann"]
    await chat.leave(ann.user.id, "c1")
    await chat.leave(ann.user.id, "c1")
    assert await chat.names() == ["Ann"]
    await chat.leave(ann.user.id, "c2")
    await chat.no_longer_lists("Ann")


async def test_a_clean_close_has_its_own_grace_period(broker: NatsConnection) -> None:
    """The wait below is shorter than the grace period of a lost connection."""
    async with service(broker, closed_seconds=0.5, broken_seconds=60):
        chat = Chat(broker)
        await chat.lease("g1")
        ann = await chat.present("Ann")
        await chat.leave(ann.user.id, "c1")
        await chat.no_longer_lists("Ann")


async def test_an_exit_removes_the_user_and_frees_the_name_immediately(chat: Chat) -> None:
    ann = await chat.present("Ann")
    await chat.leave(ann.user.id, "c1", manner=LeaveReason.EXIT)
    assert await chat.names() == []
    assert (await chat.register("ANN")).user.id != ann.user.id


async def test_a_lost_connection_keeps_name_and_position_for_the_grace_period(chat: Chat) -> None:
    ann = await chat.present("Ann")
    await chat.present("Bob", "c2")
    await chat.leave(ann.user.id, "c1", manner=LeaveReason.BROKEN)
    assert await chat.names() == ["Ann", "Bob"]
    assert (await refusal(chat.register("ann"))).code == "name_taken"
    back = await chat.join(ann.token, "c3")
    assert back.user == ann.user
    assert await chat.names() == ["Ann", "Bob"]
    await chat.leave(ann.user.id, "c3", manner=LeaveReason.BROKEN)
    await chat.no_longer_lists("Ann")
    assert (await chat.until_free("Ann")).user.id != ann.user.id


async def test_a_returning_token_reclaims_its_name_unless_it_is_taken(
    chat: Chat,
) -> None:
    ann = await chat.present("Ann")
    bob = await chat.present("Bob", "c2")
    for registered, socket in ((ann, "c1"), (bob, "c2")):
        await chat.leave(registered.user.id, socket, manner=LeaveReason.EXIT)
    await chat.present("bob", "c3")
    assert (await chat.join(ann.token, "c4")).user == ann.user
    assert (await refusal(chat.register("Ann"))).code == "name_taken"
    taken = await refusal(chat.join(bob.token, "c5"))
    assert (taken.code, taken.field) == ("name_taken", "name")
    await until_answer(chat.names, lambda names: names == ["bob", "Ann"])


async def test_a_registration_without_a_connection_expires(broker: NatsConnection) -> None:
    async with service(broker, registration_seconds=1):
        chat = Chat(broker)
        first = await chat.register("Ann")
        assert (await chat.until_free("Ann")).user.id != first.user.id


async def test_a_dead_gateway_removes_only_its_own_users(chat: Chat) -> None:
    await chat.lease("g2")
    ann = await chat.present("Ann", "c1", "g2")
    await chat.present("Bob", "c2", "g1")
    both = await chat.present("Cleo", "c3", "g2")
    await chat.join(both.token, "c4", "g1")
    bucket = await chat.broker.jetstream.key_value(GATEWAYS_BUCKET)
    for gateway in ("g1", "g2"):
        await bucket.purge(gateway)  # an expired lease leaves the same record
    await chat.lease("g1")  # renewed late, as after a broker outage
    await chat.no_longer_lists("Ann", timeout=20)
    assert await chat.names() == ["Bob", "Cleo"]
    assert (await chat.join(ann.token, "c5", "g1")).user == ann.user


async def test_a_course_user_is_listed_immediately_and_rejoins_only_by_the_course_contract(
    chat: Chat,
) -> None:
    ann = await chat.register("Ann", dialect=ProtocolVersion.COURSE, connection=connection("c1"), origin="o")
    assert ann.token is None
    assert await chat.names() == ["Ann"]

    def rejoin(dialect: ProtocolVersion, name: str | None = None) -> JoinRequest:
        return JoinRequest(connection=connection("c2"), user_id=ann.user.id, dialect=dialect, name=name)

    async def ask(request: JoinRequest) -> JoinReply:
        return await chat.requester.request(endpoints.JOIN, request)

    assert (await refusal(ask(rejoin(ProtocolVersion.V1)))).code == "user_unknown"
    assert (await ask(rejoin(ProtocolVersion.COURSE))).user == ann.user
    await chat.leave(ann.user.id, manner=LeaveReason.EXIT)
    await chat.broker.jetstream.purge_stream(MEMBERS_STREAM, subject=member_subject(ann.user.id))
    assert (await refusal(ask(rejoin(ProtocolVersion.COURSE)))).code == "user_unknown"
    assert (await ask(rejoin(ProtocolVersion.COURSE, "Ann"))).user == ann.user


@pytest.mark.parametrize("payload", [b"nonsense", b"[]", b'{"version":1}', b'{"userId":"nobody"}'])
async def test_malformed_records_are_skipped_and_block_no_name(chat: Chat, payload: bytes) -> None:
    """On subjects of names, connected and disconnected members: skipped, counted, and overwritten."""
    ann = await chat.present("Ann")
    bob = await chat.register("Bob")
    for subject in (
        *map(name_subject, name_keys("Zoe")),
        *map(name_subject, name_keys("Ann")),
        member_subject(ann.user.id),
        member_subject(bob.user.id),
        member_subject("somebody-else"),
    ):
        await chat.put(subject, payload)
    assert (await chat.register("Zoe")).user.name == "Zoe"
    assert await chat.names() == ["Ann"]
    await chat.join(bob.token, "c2")
    await chat.leave(ann.user.id, "c1")
    await chat.no_longer_lists("Ann")
    assert await chat.names() == ["Bob"]
    await chat.until_free("Ann")


async def test_a_record_with_a_mismatched_id_is_ignored(chat: Chat, broker: NatsConnection) -> None:
    ann = await chat.present("Ann")
    stored = await StreamReader(broker, MEMBERS_STREAM).last(member_subject(ann.user.id))
    assert stored is not None
    await chat.put(member_subject("impostor"), stored.data.replace(b'"Ann"', b'"Mal"'))
    await chat.leave(ann.user.id, "c1", manner=LeaveReason.EXIT)
    assert await chat.names() == []


async def test_a_name_whose_holder_has_no_record_is_free(chat: Chat, broker: NatsConnection) -> None:
    ann = await chat.register("Ann")
    await broker.jetstream.purge_stream(MEMBERS_STREAM, subject=member_subject(ann.user.id))
    assert (await chat.register("ann")).user.name == "ann"


async def test_every_service_sees_what_another_one_stored(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    """Either service may reply; each step immediately follows the previous one."""
    async with service(broker), another(broker_process.url):
        chat = Chat(broker)
        await chat.lease("g1")
        for n in range(25):
            first = await chat.register("Ann", client_id=f"r{n}")
            ann = await chat.register("Ann", client_id=f"r{n}")
            assert ann.user == first.user
            await chat.join(ann.token, f"c{n}")
            await chat.send(ann.user.id, f"message {n}")
            await chat.leave(ann.user.id, f"c{n}", manner=LeaveReason.EXIT)
        await chat.no_longer_lists("Ann")
