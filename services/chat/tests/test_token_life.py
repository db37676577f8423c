"""How long a token is good once its owner is gone, by the setting and the real clocks."""

import asyncio

from opsroom_contracts.chat import LeaveReason
from opsroom_contracts.errors import FaultError
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat, refusal, service

_DAY_SECONDS = 86_400


async def test_a_token_is_good_for_as_long_as_was_set_after_its_owner_left(broker: NatsConnection) -> None:
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

        async def worthless() -> bool:
            try:
                await chat.whoami(ann.token or "")
            except FaultError:
                return True
            return False

        await until_answer(worthless, bool)
        assert loop.time() - left_at >= 2
        assert (await refusal(chat.join(ann.token))).code == "token_invalid"
        assert (await chat.whoami(bob.token)).user == bob.user  # who is here stays, however long


async def test_a_life_below_a_second_is_one_second_and_not_for_good(broker: NatsConnection) -> None:
    async with service(broker, token_days=0.1 / _DAY_SECONDS):
        chat = Chat(broker)
        await chat.lease("g1")
        ann = await chat.present("Ann")
        await chat.leave(ann.user.id, manner=LeaveReason.EXIT)

        async def worthless() -> bool:
            try:
                await chat.whoami(ann.token or "")
            except FaultError:
                return True
            return False

        await until_answer(worthless, bool)
