"""One person on several devices, invitations and links, over a real broker."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from opsroom_chat.domain.tokens import token_hash
from opsroom_contracts import endpoints
from opsroom_contracts.audit import AUDIT_ENTRY, Requester
from opsroom_contracts.chat.devices import DEVICES_MAX
from opsroom_contracts.chat.invitations import (
    ExchangeReply,
    ExchangeRequest,
    InviteReply,
    InviteRequest,
    LinkReply,
    LinkRequest,
    SignOutRequest,
    WithdrawRequest,
)
from opsroom_contracts.chat.models import MEMBER, LeaveReason, Member
from opsroom_contracts.chat.moderation import RestrictionKind, RestrictRequest, RevokeRequest
from opsroom_contracts.identity import Grant, Role
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import AUDIT, AUDIT_STREAM, member_subject
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import audit_stream, ensure_stream
from opsroom_messaging.jetstream.write_health import store
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat, another, refusal

ANN = Grant(role=Role.OPERATOR, source="token:0123456789abcdef0123456789abcdef")
ADMIN = Requester(name="root", address="127.0.0.1", identity="token:ffffffffffffffffffffffffffffffff")


def digest_of(token: str | None) -> str:
    assert token is not None
    return token_hash(token)


async def invite(chat: Chat, name: str, role: Role = Role.OPERATOR, seconds: int = 3600) -> InviteReply:
    request = InviteRequest(request_id=uuid4().hex, name=name, role=role, seconds=seconds, by=ADMIN)
    return await chat.requester.request(endpoints.INVITE, request)


async def exchange(chat: Chat, secret: str, key: str | None = None) -> ExchangeReply:
    request = ExchangeRequest(secret=secret, key=key or uuid4().hex)
    return await chat.requester.request(endpoints.EXCHANGE, request)


async def link(chat: Chat, user_id: str, token: str | None) -> LinkReply:
    request = LinkRequest(request_id=uuid4().hex, user_id=user_id, token_hash=digest_of(token))
    return await chat.requester.request(endpoints.LINK, request)


async def sign_out(chat: Chat, user_id: str, token: str | None) -> None:
    request = SignOutRequest(user_id=user_id, token_hash=digest_of(token))
    await chat.requester.request(endpoints.SIGN_OUT, request)


async def record(chat: Chat, user_id: str) -> Member:
    stored = await chat.members.last(member_subject(user_id))
    assert stored is not None
    return MEMBER.read(stored.data)


async def test_the_same_credential_on_another_device_is_the_same_person(
    chat: Chat, broker_process: BrokerProcess
) -> None:
    async with another(broker_process.url) as other:
        replies = await asyncio.gather(
            *(client.register("Ann", grant=ANN) for client in (chat, Chat(other)) * 4)
        )
        assert len({reply.user.id for reply in replies}) == 1
        tokens = {reply.token for reply in replies}
        assert len(tokens) == 8
        for token in tokens:
            assert token is not None
            assert (await chat.whoami(token)).user == replies[0].user
    assert (await refusal(chat.register("Ann"))).code == "name_taken"
    of_another = ANN.model_copy(update={"source": "token:b"})
    assert (await refusal(chat.register("ann", grant=of_another))).code == "name_taken"


async def test_a_person_has_a_limited_number_of_devices_and_the_oldest_goes(chat: Chat) -> None:
    replies = [await chat.register("Ann", grant=ANN) for _ in range(DEVICES_MAX + 1)]
    first, second, *_, last = replies
    assert first.token is not None
    assert second.token is not None
    assert last.token is not None
    assert (await refusal(chat.whoami(first.token))).code == "token_invalid"
    assert (await chat.whoami(second.token)).user == last.user
    assert len((await record(chat, last.user.id)).all_devices()) == DEVICES_MAX


async def test_each_device_has_its_own_end_of_the_session(chat: Chat) -> None:
    now = datetime.now(UTC)
    early, late = (
        Grant(role=Role.MEMBER, source="oidc:olga", until=now + timedelta(hours=hours)) for hours in (1, 9)
    )
    one, two = await chat.register("Olga", grant=early), await chat.register("Olga", grant=late)
    assert one.token is not None
    assert two.token is not None
    first, second = (await chat.whoami(one.token)).grant, (await chat.whoami(two.token)).grant
    assert first is not None
    assert second is not None
    assert first.until is not None
    assert second.until is not None
    assert second.until - first.until == timedelta(hours=8)


async def test_with_one_device_the_record_is_one_that_the_last_release_reads(chat: Chat) -> None:
    one = await chat.register("Ann", grant=ANN)
    stored = await chat.members.last(member_subject(one.user.id))
    assert stored is not None
    assert b'"version":1' in stored.data
    assert b"devices" not in stored.data
    two = await chat.register("Ann", grant=ANN)
    stored = await chat.members.last(member_subject(one.user.id))
    assert stored is not None
    assert b'"version":2' in stored.data
    await sign_out(chat, one.user.id, one.token)
    stored = await chat.members.last(member_subject(one.user.id))
    assert stored is not None
    assert b'"version":1' in stored.data
    assert two.token is not None
    assert (await chat.whoami(two.token)).grant == ANN


async def test_signing_out_of_one_device_keeps_the_person_on_the_others(chat: Chat) -> None:
    one, two = await chat.register("Ann", grant=ANN), await chat.register("Ann", grant=ANN)
    assert one.token is not None
    assert two.token is not None
    await chat.join(two.token, "c2")
    await sign_out(chat, one.user.id, one.token)
    await sign_out(chat, one.user.id, one.token)
    assert (await refusal(chat.whoami(one.token))).code == "token_invalid"
    assert await chat.names() == ["Ann"]
    await sign_out(chat, one.user.id, two.token)
    assert await chat.names() == []
    assert (await chat.register("Ann", grant=ANN)).user == one.user


async def test_a_name_that_was_given_up_goes_to_another_person(chat: Chat) -> None:
    guest = await chat.register("Ann")
    await chat.requester.request(endpoints.REVOKE, RevokeRequest(user_id=guest.user.id))
    assert (await chat.register("Ann", grant=ANN)).user.id != guest.user.id


async def test_an_invitation_holds_the_name_and_is_used_once_in_a_race(
    chat: Chat, broker_process: BrokerProcess
) -> None:
    invited = await invite(chat, "Bob")
    assert (await refusal(chat.register("bob"))).code == "name_taken"
    assert (await refusal(chat.whoami(invited.secret))).code == "token_invalid"
    async with another(broker_process.url) as other:
        results = await asyncio.gather(
            *(exchange(client, invited.secret) for client in (chat, Chat(other)) * 4), return_exceptions=True
        )
    replies = [one for one in results if isinstance(one, ExchangeReply)]
    assert len(replies) == 1
    assert sorted({str(one).partition(":")[0] for one in results if isinstance(one, Exception)}) == [
        "link_invalid"
    ]
    (reply,) = replies
    assert reply.user.name == "Bob"
    assert reply.invited
    who = await chat.whoami(reply.token)
    assert who.grant is not None
    assert who.grant.role is Role.OPERATOR
    assert len((await record(chat, reply.user.id)).all_devices()) == 1


async def test_a_repeated_exchange_gets_the_same_token_but_only_with_its_own_key(chat: Chat) -> None:
    invited = await invite(chat, "Bob")
    first = await exchange(chat, invited.secret, "one key")
    assert (await exchange(chat, invited.secret, "one key")).token == first.token
    assert (await refusal(exchange(chat, invited.secret, "another"))).code == "link_invalid"
    await sign_out(chat, first.user.id, first.token)
    assert (await refusal(exchange(chat, invited.secret, "one key"))).code == "link_invalid"


@pytest.mark.parametrize("secret", ["x", "nobody.secret", "ümlaut.x", "." * 200])
async def test_other_secrets_are_rejected(chat: Chat, secret: str) -> None:
    invited = await invite(chat, "Bob")
    assert (await refusal(exchange(chat, secret))).code == "link_invalid"
    assert (await refusal(exchange(chat, f"{invited.invitation.id}.{'a' * 43}"))).code == "link_invalid"
    assert (await exchange(chat, invited.secret)).user.name == "Bob"


async def age(chat: Chat, user_id: str, *, swept: bool = True) -> None:
    """Store the record as if the time of its link had passed; and, if it is ``swept``, that of the name."""
    known = await record(chat, user_id)
    assert known.link is not None
    past = datetime.now(UTC) - timedelta(seconds=1)
    link = known.link.model_copy(update={"until": past})
    aged = known.model_copy(update={"link": link, "deadline": past if swept else known.deadline})
    await store(chat.broker, member_subject(user_id), encode(aged), {})


async def test_an_expired_invitation_is_void_and_frees_the_name(chat: Chat) -> None:
    invited = await invite(chat, "Bob")
    assert (await refusal(chat.register("Bob"))).code == "name_taken"
    await age(chat, invited.invitation.id)
    bob = await chat.until_free("Bob")
    assert bob.user.id != invited.invitation.id
    assert (await refusal(exchange(chat, invited.secret))).code == "link_invalid"
    withdrawing = chat.requester.request(endpoints.WITHDRAW, WithdrawRequest(id=invited.invitation.id))
    assert (await refusal(withdrawing)).code == "invitation_unknown"


async def test_an_expired_invitation_is_void_before_the_name_is_swept(chat: Chat) -> None:
    invited = await invite(chat, "Bob")
    known = await record(chat, invited.invitation.id)
    await age(chat, invited.invitation.id, swept=False)
    assert (await refusal(exchange(chat, invited.secret))).code == "link_invalid"
    await store(chat.broker, member_subject(invited.invitation.id), encode(known), {})
    assert (await exchange(chat, invited.secret)).user.name == "Bob", "only the time has made it void"


async def test_a_withdrawn_invitation_is_void_and_frees_the_name(chat: Chat) -> None:
    invited = await invite(chat, "Bob")
    await chat.requester.request(endpoints.WITHDRAW, WithdrawRequest(id=invited.invitation.id))
    assert (await refusal(exchange(chat, invited.secret))).code == "link_invalid"
    again = chat.requester.request(endpoints.WITHDRAW, WithdrawRequest(id=invited.invitation.id))
    assert (await refusal(again)).code == "invitation_unknown"
    assert (await chat.register("Bob")).user.id != invited.invitation.id


async def test_an_invited_person_keeps_the_name_while_away_and_can_be_invited_again(
    chat: Chat, broker_process: BrokerProcess
) -> None:
    first = await exchange(chat, (await invite(chat, "Bob")).secret)
    await chat.join(first.token, "c1")
    await chat.leave(first.user.id, manner=LeaveReason.EXIT)
    assert (await refusal(chat.register("Bob"))).code == "name_taken"
    await chat.join(first.token, "c2")
    await sign_out(chat, first.user.id, first.token)
    assert await chat.names() == []
    async with another(broker_process.url) as other:
        assert (await refusal(Chat(other).register("Bob"))).code == "name_taken"
        second = await exchange(Chat(other), (await invite(chat, "bob", Role.VIEWER)).secret)
    assert second.user == first.user
    who = await chat.whoami(second.token)
    assert who.grant is not None
    assert who.grant.role is Role.VIEWER


async def test_an_invitation_does_not_take_the_name_of_a_user(chat: Chat) -> None:
    await chat.register("Ann", grant=ANN)
    assert (await refusal(invite(chat, "ann"))).code == "name_taken"
    assert (await refusal(invite(chat, " "))).code == "name_invalid"


async def test_a_link_carries_a_guest_to_another_device(chat: Chat) -> None:
    one = await chat.register("Eve")
    assert one.token is not None
    await chat.join(one.token, "c1")
    made = await link(chat, one.user.id, one.token)
    two = await exchange(chat, made.secret)
    assert two.user == one.user
    assert not two.invited
    assert two.token != one.token
    assert (await refusal(exchange(chat, made.secret))).code == "link_invalid"
    await chat.join(two.token, "c2")
    await sign_out(chat, one.user.id, one.token)
    assert (await refusal(link(chat, one.user.id, one.token))).code == "token_invalid"
    assert await chat.names() == ["Eve"]


async def test_a_pending_link_holds_the_name_after_the_last_device_has_signed_out(chat: Chat) -> None:
    one = await chat.register("Eve")
    assert one.token is not None
    await chat.join(one.token, "c1")
    made = await link(chat, one.user.id, one.token)
    await sign_out(chat, one.user.id, one.token)
    assert await chat.names() == []
    assert (await refusal(chat.register("Eve"))).code == "name_taken"
    assert (await exchange(chat, made.secret)).user == one.user


async def test_a_new_link_makes_the_earlier_one_void(chat: Chat) -> None:
    one = await chat.register("Eve")
    earlier, later = [await link(chat, one.user.id, one.token) for _ in range(2)]
    assert (await refusal(exchange(chat, earlier.secret))).code == "link_invalid"
    assert (await exchange(chat, later.secret)).user == one.user


async def test_a_banned_user_can_not_use_a_link_which_stays_valid(chat: Chat) -> None:
    one = await chat.register("Eve")
    made = await link(chat, one.user.id, one.token)
    ban = RestrictRequest(kind=RestrictionKind.BAN, name="eve", seconds=1)
    await chat.requester.request(endpoints.RESTRICT, ban)
    assert (await refusal(exchange(chat, made.secret))).code == "banned"


async def test_revoking_ends_all_devices_and_the_link(chat: Chat) -> None:
    first = await exchange(chat, (await invite(chat, "Bob")).secret)
    made = await link(chat, first.user.id, first.token)
    await chat.requester.request(endpoints.REVOKE, RevokeRequest(user_id=first.user.id))
    assert (await refusal(exchange(chat, made.secret))).code == "link_invalid"
    assert (await refusal(chat.whoami(first.token))).code == "token_invalid"
    assert (await chat.register("Bob")).user.id != first.user.id


async def test_nothing_stored_reveals_a_secret(chat: Chat) -> None:
    await ensure_stream(chat.broker, audit_stream(max_age=0, max_bytes=-1, replicas=1))
    request_id = uuid4().hex
    request = InviteRequest(request_id=request_id, name="Bob", role=Role.ADMIN, by=ADMIN)
    invited = await chat.requester.request(endpoints.INVITE, request)
    assert (await chat.requester.request(endpoints.INVITE, request)).secret == invited.secret
    reply = await exchange(chat, invited.secret)
    audit = StreamReader(chat.broker, AUDIT_STREAM)

    async def entries() -> list[bytes]:
        return [one.data for one in await audit.page(AUDIT, start=1, count=50)]

    found = await until_answer(entries, lambda all_entries: len(all_entries) >= 2)
    actions = [AUDIT_ENTRY.read(one) for one in found]
    assert [(one.action, one.actor, one.target) for one in actions] == [
        ("invite", "root", "Bob (admin)"),
        ("use_link", "Bob", "Bob"),
    ]
    stored = await chat.members.last(member_subject(reply.user.id))
    assert stored is not None
    for secret in (invited.secret.partition(".")[2], reply.token.partition(".")[2], request_id):
        assert not any(secret.encode() in data for data in (*found, stored.data))
