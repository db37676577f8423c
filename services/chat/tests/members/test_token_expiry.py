"""Expiry of tokens after their owner left, with the setting and real clocks."""

import asyncio

from opsroom_contracts.chat.models import LeaveReason
from opsroom_contracts.errors import FaultError
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat, refusal, service

_DAY_SECONDS = 86_400


async def test_a_token_expires_after_its_owner_has_been_away_for_the_configured_time(
    broker: NatsConnection,
) -> None:
    loop = asyncio.get_running_loop()
    async with service(broker, token_days=2.2 / _DAY_SECONDS):
        chat = Chat(broker)
        await chat.lease("g1")
        ann, bob = await chat.present("Ann"), await chat.present("Bob", "c2")
        assert ann.token is not None
        assert bob.token is not None
        left_at = loop.time()
        await chat.leave(ann.user.id, manner=LeaveReason.EXIT)
        assert (await chat.whoami(ann.token)).user == ann.user

        async def expired() -> bool:
            try:
                await chat.whoami(ann.token or "")
            except FaultError:
                return True
            return False

        await until_answer(expired, bool)
        assert loop.time() - left_at >= 2
        assert (await refusal(chat.join(ann.token))).code == "token_invalid"
        assert (await chat.whoami(bob.token)).user == bob.user  # a connected member's token stays valid


async def test_a_token_lifetime_below_a_second_is_rounded_up_to_one(broker: NatsConnection) -> None:
    async with service(broker, token_days=0.1 / _DAY_SECONDS):
        chat = Chat(broker)
        await chat.lease("g1")
        ann = await chat.present("Ann")
        await chat.leave(ann.user.id, manner=LeaveReason.EXIT)

        async def expired() -> bool:
            try:
                await chat.whoami(ann.token or "")
            except FaultError:
                return True
            return False

        await until_answer(expired, bool)
