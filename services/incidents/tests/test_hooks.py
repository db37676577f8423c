"""Hooks: making, rotating and removing them, and what their secrets permit."""

import asyncio
import json
from pathlib import Path

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AuditOutcome
from opsroom_contracts.incidents.cards import CardStatus
from opsroom_contracts.incidents.hooks import HOOK_BODY_MAX
from opsroom_contracts.subjects import AUDIT, AUDIT_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import audit_stream, ensure_stream
from opsroom_testkit.broker import BrokerProcess
from services.chat.tests.harness import Chat, refusal
from services.chat.tests.harness import service as chat_service
from services.chat.tests.messages.test_message_removal import on_disk
from services.chat.tests.rooms import Rooms
from services.incidents.tests.harness import service
from services.incidents.tests.hooks import Hooks

BACKUP = {"title": "Backup failed", "key": "backup", "status": "down"}


async def test_a_hook_is_made_listed_and_removed(broker: NatsConnection, tmp_path: Path) -> None:
    async with chat_service(broker), service(broker):
        hooks = Hooks(broker)
        made = await hooks.create("alerts")
        other = await hooks.create("Deploys", key="k" * 32)
        assert (await hooks.create("Deploys", key="k" * 32)) == other
        assert await hooks.all() == [made.hook, other.hook]
        assert len(made.secret) == 43
        assert not on_disk(tmp_path, made.secret)
        await hooks.post(made.secret, BACKUP)
        (message,) = await hooks.messages()
        assert (message.user.id, message.user.name) == (f"bot-hook-{made.hook.id}", "alerts")
        await hooks.delete(made.hook, key="d1")
        await hooks.delete(made.hook, key="d1")  # a retry, whose first reply was lost
        assert await hooks.all() == [other.hook]
        assert (await refusal(hooks.post(made.secret, BACKUP))).code == "hook_unknown"
        assert (await refusal(hooks.delete(made.hook))).code == "hook_unknown"
        assert (await refusal(hooks.rotate(made.hook))).code == "hook_unknown"
        assert len(await hooks.messages()) == 1


async def test_two_secrets_are_valid_while_one_is_rotated(broker: NatsConnection) -> None:
    async with chat_service(broker), service(broker):
        hooks = Hooks(broker)
        first = await hooks.create()
        second = await hooks.rotate(first.hook, key="r" * 32)
        assert await hooks.rotate(first.hook, key="r" * 32) == second
        assert [one.until is None for one in second.hook.secrets] == [True, False]
        for secret in (first.secret, second.secret):
            await hooks.post(secret, BACKUP)
        third = await hooks.rotate(first.hook)
        assert (await refusal(hooks.post(first.secret, BACKUP))).code == "hook_unknown"
        await hooks.post(second.secret, BACKUP)
        await hooks.rotate(first.hook, seconds=0)
        for secret in (second.secret, third.secret):
            assert (await refusal(hooks.post(secret, BACKUP))).code == "hook_unknown"


async def test_reports_update_one_card_until_it_begins_again(broker: NatsConnection) -> None:
    async with chat_service(broker), service(broker):
        hooks = Hooks(broker)
        secret = (await hooks.create()).secret
        for title in ("Backup failed", "Backup still fails"):
            await hooks.post(secret, {**BACKUP, "title": title})
        await hooks.post(secret, {**BACKUP, "title": "Backup done", "status": "up"})
        await hooks.post(secret, {**BACKUP, "title": "Backup failed again"})
        await hooks.post(secret, {"title": "Deployed"})
        shown = [(one.title, one.status) for one in await hooks.cards()]
        assert shown == [
            ("Backup done", CardStatus.RESOLVED),
            ("Backup failed again", CardStatus.FIRING),
            ("Deployed", CardStatus.INFO),
        ]


async def test_the_same_key_of_two_hooks_is_two_cards(broker: NatsConnection) -> None:
    async with chat_service(broker), service(broker):
        hooks = Hooks(broker)
        for name in ("one", "two"):
            await hooks.post((await hooks.create(name)).secret, BACKUP)
        assert len(await hooks.cards()) == 2


async def test_a_repeated_request_changes_nothing(broker: NatsConnection) -> None:
    async with chat_service(broker), service(broker):
        hooks = Hooks(broker)
        secret = (await hooks.create()).secret
        for body in (BACKUP, {"title": "Deployed"}):
            first = await hooks.post(secret, body, delivery="d1")
            again = await hooks.post(secret, body, delivery="d1")
            assert (first.unchanged, again.unchanged, again.cards) == (0, 1, 1)
            same = await hooks.post(secret, body, request_id="request")
            assert (await hooks.post(secret, body, request_id="request")).unchanged == 1
            assert same.unchanged == 0
        assert [one.title for one in await hooks.cards()] == ["Backup failed", "Deployed", "Deployed"]


async def test_what_is_wrong_is_refused_by_its_field(broker: NatsConnection) -> None:
    async with chat_service(broker), service(broker):
        hooks = Hooks(broker)
        secret = (await hooks.create()).secret
        assert (await refusal(hooks.post(secret, b"\xff"))).code == "invalid_request"
        assert (await refusal(hooks.post(secret, {"title": ""}))).field == "title"
        assert (await refusal(hooks.post("x" * 43, BACKUP))).code == "hook_unknown"
        assert (await refusal(hooks.create("a\nb"))).code == "name_invalid"
        nowhere = (await hooks.create(room="nowhere")).secret
        assert (await refusal(hooks.post(nowhere, BACKUP))).code == "room_unknown"
        await hooks.post(secret, {"title": "x", "text": "y" * 2000, "fields": []})
        big = b'{"title":"x","text":"' + b"y" * (HOOK_BODY_MAX - 100) + b'"}'
        assert (await refusal(hooks.post(secret, big))).field == "text"


async def test_a_private_room_gets_cards_that_its_members_read(broker: NatsConnection) -> None:
    async with chat_service(broker), service(broker):
        chat, hooks = Chat(broker), Hooks(broker)
        await chat.lease("g1")
        ann = await chat.present("Ann")
        room = await Rooms(chat.requester).create(ann.user.id, "ops", private=True)
        await hooks.post((await hooks.create(room=room.id)).secret, BACKUP)
        assert len(await hooks.cards(room.id, ann.user.id)) == 1


async def test_changes_are_in_the_audit_log_without_secrets(broker: NatsConnection, tmp_path: Path) -> None:
    await ensure_stream(broker, audit_stream(max_age=0, max_bytes=-1, replicas=1))
    async with chat_service(broker), service(broker):
        hooks = Hooks(broker)
        made = await hooks.create()
        rotated = await hooks.rotate(made.hook)
        await hooks.delete(made.hook)
        await refusal(hooks.delete(made.hook))
    entries = await audit_entries(broker)
    assert [(one["action"], one["outcome"]) for one in entries] == [
        ("create_hook", AuditOutcome.ACCEPTED.value),
        ("rotate_hook", AuditOutcome.ACCEPTED.value),
        ("delete_hook", AuditOutcome.ACCEPTED.value),
        ("delete_hook", AuditOutcome.REFUSED.value),
    ]
    for secret in (made.secret, rotated.secret):
        assert not on_disk(tmp_path, secret)


@pytest.mark.parametrize("together", [True, False])
async def test_reports_at_two_processes_leave_one_card_of_each_key(
    broker: NatsConnection, broker_process: BrokerProcess, together: bool
) -> None:
    async with chat_service(broker), service(broker), service(broker):
        hooks = Hooks(broker)
        secret = (await hooks.create()).secret
        posts = [
            hooks.post(secret, {"title": f"{number}", "key": f"k{number % 3}", "status": "down"})
            for number in range(18)
        ]
        if together:
            await asyncio.gather(*posts)
        else:
            for post in posts:
                await post
        cards = await hooks.cards()
        assert sorted(one.key.rpartition("/")[2] for one in cards if one.key) == ["k0", "k1", "k2"]
        if not together:
            assert sorted(one.title for one in cards) == ["15", "16", "17"]


async def audit_entries(broker: NatsConnection) -> list[dict[str, str]]:
    """Return the entries of the audit log."""
    page = await StreamReader(broker, AUDIT_STREAM).page(AUDIT, start=1, count=100)
    return [json.loads(one.data) for one in page]


def test_the_endpoint_takes_the_largest_body() -> None:
    assert endpoints.ALERT.request_max > HOOK_BODY_MAX * 4 // 3
