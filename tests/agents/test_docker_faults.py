"""Operations of containers while replies are lost, the engine is restarted, and requests are repeated."""

import asyncio

from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.models import OperationStatus
from opsroom_testkit.waiting import until
from services.agent.tests.kit.fake_engine.engine import FakeEngine
from services.cloud.tests.harness import each_once
from tests.agents.docker_rig import TEMPLATE, Rig
from tests.agents.engine_proxy import Where


async def test_ten_creates_with_one_key_make_one_container(rig: Rig) -> None:
    async with rig.portal.service(), rig.portal.agent():
        cloud = rig.portal.cloud
        replies = await asyncio.gather(
            *(cloud.create("one-key", template=TEMPLATE, start=True) for _ in range(10))
        )
        assert len({reply.operation.id for reply in replies}) == 1
        assert await rig.portal.outcome(replies[0].operation) is OperationStatus.DONE
        assert len(await rig.docker.all_ids()) == 1
        again = await cloud.create("one-key", template=TEMPLATE, start=True)
        assert again.operation.status is OperationStatus.DONE
        assert len((await cloud.page()).instances) == 1


async def test_an_engine_that_does_it_and_never_replies_has_done_it_once(rig: Rig) -> None:
    """The agent gives a request up after 10 s, and looks then. One to stop may take longer."""
    async with rig.portal.service(), rig.portal.agent():
        held = rig.proxy.hold("POST /containers/create", Where.AFTER)
        created = (await rig.portal.cloud.create(template=TEMPLATE)).operation
        async with asyncio.timeout(30):
            await held.reached.wait()
        assert await rig.portal.outcome(created) is OperationStatus.DONE
        each_once(await rig.portal.cloud.kept())
        assert len(await rig.docker.all_ids()) == 1


async def test_an_engine_that_is_restarted_meanwhile(fake_rig: Rig, fake_engine: FakeEngine) -> None:
    rig = fake_rig
    async with rig.portal.service(), rig.portal.agent():
        ids = await rig.portal.prepared(TEMPLATE)
        holds = rig.hold_all(Where.BEFORE)
        operations = await rig.portal.begin(ids, TEMPLATE)
        async with asyncio.timeout(30):
            await asyncio.gather(*(hold.reached.wait() for hold in holds))
        await fake_engine.stop()
        for hold in holds:
            hold.released.set()
        await fake_engine.start()
        await rig.check(operations, ids)


async def test_while_the_engine_is_away_nothing_is_lost(fake_rig: Rig, fake_engine: FakeEngine) -> None:
    rig = fake_rig
    async with rig.portal.service(), rig.portal.agent():
        cloud = rig.portal.cloud
        instance_id = await cloud.created(template=TEMPLATE)
        await fake_engine.stop()
        operation = (await cloud.change(Command.START, instance_id)).operation

        def waits(log: str) -> bool:
            return operation.id in log and "does not respond" in log

        await until(lambda: any(waits(log) for log in rig.portal.logs("agent")))
        instance = await cloud.instance(instance_id)
        assert instance is not None
        assert (instance.state, instance.condition.value) == (InstanceState.STOPPED, "ok")
        await fake_engine.start()
        assert await rig.portal.outcome(operation) is OperationStatus.DONE
