"""The same client's id does a thing once, however often, late and to whom it is sent."""

import asyncio
import json
import random
from datetime import timedelta

import pytest

from opsroom_cloud.allowance import Allowance
from opsroom_cloud.commands import Commands, Terms
from opsroom_cloud.completion import Completion, Deadlines
from opsroom_cloud.fold import InstanceFold
from opsroom_cloud.operations import Operations
from opsroom_cloud.provider import SimulatedProvider
from opsroom_cloud.timers import Timers
from opsroom_contracts.cloud import InstanceRequest, OperationStatus
from opsroom_contracts.errors import FAULT, ErrorCode, FaultError
from opsroom_contracts.subjects import CLOUD_STREAM, CloudSubject, instance_events
from opsroom_messaging.clock import SteadyClock
from opsroom_messaging.connection import Broker, connect
from services.cloud.tests.harness import FINAL, Cloud, each_once, folded, refusal, service, unfollowed
from tests.broker import BrokerProcess

SOON = 0.3


async def test_a_retry_gets_the_same_operation(cloud: Cloud) -> None:
    first = await cloud.create("a")
    again = await cloud.create("a")
    assert again == first
    done = await cloud.finished(first.operation)
    late = await cloud.create("a")
    assert late.operation == done
    assert late.operation.status is OperationStatus.DONE
    each_once(await cloud.kept())


async def test_a_retry_long_after_gets_the_same_operation(cloud: Cloud) -> None:
    """However much happened since, even if the command would make sense anew."""
    created = (await cloud.create("birth")).operation
    await cloud.finished(created)
    instance_id = created.instance_id
    started = (await cloud.change(CloudSubject.START, instance_id, "go")).operation
    await cloud.finished(started)
    await cloud.finished((await cloud.change(CloudSubject.STOP, instance_id)).operation)
    again = (await cloud.change(CloudSubject.START, instance_id, "go")).operation
    assert (again.id, again.status) == (started.id, OperationStatus.DONE)
    await cloud.finished((await cloud.change(CloudSubject.REMOVE, instance_id, "end")).operation)
    assert (await cloud.create("birth")).operation.status is OperationStatus.DONE
    again = (await cloud.change(CloudSubject.START, instance_id, "go")).operation
    assert (again.id, again.status) == (started.id, OperationStatus.DONE)
    assert (await cloud.page()).instances == ()
    assert len(each_once(await cloud.kept())) == 4


async def test_a_retry_of_a_cancelled_command_says_so(cloud: Cloud) -> None:
    operation = (await cloud.create("a")).operation
    await cloud.cancel(operation.id)
    again = (await cloud.create("a")).operation
    assert (again.id, again.status) == (operation.id, OperationStatus.CANCELLED)


async def test_one_id_for_two_things_is_refused(cloud: Cloud) -> None:
    first, second = await asyncio.gather(cloud.made(), cloud.made())
    used = (await cloud.change(CloudSubject.START, first, "mine")).operation
    before = await cloud.kept()
    for asked in (
        cloud.change(CloudSubject.START, second, "mine"),
        cloud.change(CloudSubject.REMOVE, first, "mine"),
        cloud.create("mine"),
    ):
        fault = await refusal(asked)
        assert (fault.code, fault.operation_id) == (ErrorCode.IDEMPOTENCY_MISMATCH, used.id)
    assert [one for one in await cloud.kept() if one.event.type not in FINAL] == [
        one for one in before if one.event.type not in FINAL
    ]


async def test_the_same_request_still_in_flight_is_told_so(cloud: Cloud, broker: Broker) -> None:
    """Both come in one packet, so the second is read before the first is stored."""
    payload = json.dumps({"clientId": "a"}).encode()
    answers = await asyncio.gather(
        *(broker.client.request(CloudSubject.CREATE, payload, timeout=30) for _ in range(2))
    )
    faults = [FAULT.validate_json(answer.data) for answer in answers if answer.headers]
    assert [fault.code for fault in faults] == [ErrorCode.IDEMPOTENCY_IN_FLIGHT]
    await cloud.all_finished(1)
    each_once(await cloud.kept())


async def test_the_id_of_a_removed_instance_s_creation_can_serve_again_once_forgotten(cloud: Cloud) -> None:
    operation = (await cloud.create("a")).operation
    await cloud.cancel(operation.id)
    await broker_forgets(cloud, f"cloud.operations.{operation.id}")
    again = (await cloud.create("a")).operation
    assert (again.id, again.status) == (operation.id, OperationStatus.PENDING)
    assert (await cloud.finished(again)).status is OperationStatus.DONE


async def broker_forgets(cloud: Cloud, subject: str) -> None:
    await cloud.broker.jetstream.purge_stream(CLOUD_STREAM, subject=subject)


async def test_a_process_that_lags_behind_decides_by_what_is_stored(cloud: Cloud, broker: Broker) -> None:
    """A second process whose follower has delivered nothing yet: its memory is empty."""
    instance_id = await cloud.made()
    async with unfollowed(broker) as events:
        completion = Completion(
            events, SimulatedProvider(0), Deadlines(1.0, timedelta(days=1)), clock=SteadyClock()
        )
        timers = Timers(completion, clock=SteadyClock())
        terms = Terms(SteadyClock(), timedelta(seconds=SOON), Allowance(InstanceFold()))
        lagging = Commands(events, Operations(events, SteadyClock()), timers, terms)
        with pytest.raises(FaultError) as pointless:
            await lagging.stop(InstanceRequest(instance_id=instance_id))
        assert pointless.value.fault.code is ErrorCode.TRANSITION_INVALID
        started = await lagging.start(InstanceRequest(instance_id=instance_id))
        mine = events.known(instance_id).instance
        assert mine is not None
        assert mine.pending is not None, "its own write is known at once"
        assert mine.pending.id == started.operation.id
    assert (await cloud.finished(started.operation)).status is OperationStatus.DONE
    each_once(await cloud.kept())


async def test_two_processes_give_one_instance_to_one_command(
    broker_process: BrokerProcess, broker: Broker
) -> None:
    other = await connect(broker_process.url, name="other")
    # Long enough that none ends, on a busy machine, before all have been asked.
    async with service(broker, delay_seconds=2.0), service(other, delay_seconds=2.0):
        cloud = Cloud(broker)
        instances = await asyncio.gather(*(cloud.made() for _ in range(10)))
        answers = await asyncio.gather(
            *(cloud.change(CloudSubject.START, i) for i in instances for _ in range(4)),
            return_exceptions=True,
        )
        accepted = [a.operation.id for a in answers if not isinstance(a, BaseException)]
        refused = [a.fault for a in answers if isinstance(a, FaultError)]
        assert (len(accepted), len(refused)) == (10, 30)
        assert {fault.code for fault in refused} == {ErrorCode.OPERATION_PENDING}
        assert {fault.operation_id for fault in refused} == set(accepted)
        assert len(each_once(await cloud.all_finished(20))) == 20
    await other.close()


async def test_random_commands_to_two_processes_leave_a_whole_history(
    broker_process: BrokerProcess, broker: Broker
) -> None:
    dice = random.Random(7)
    other = await connect(broker_process.url, name="other")
    async with service(broker, delay_seconds=0.05, failure_rate=0.2), service(other, delay_seconds=0.05):
        cloud = Cloud(broker)
        instances = [*await asyncio.gather(*(cloud.made() for _ in range(4))), "nobody"]
        accepted = {one.event.operation_id for one in await cloud.kept()}
        subjects = (CloudSubject.START, CloudSubject.STOP, CloudSubject.REMOVE)
        for _ in range(25):
            asked = [
                cloud.change(dice.choice(subjects[: 2 + (dice.random() < 0.1)]), dice.choice(instances), name)
                for name in (None, None, *(str(dice.randrange(60)) for _ in range(4)))
            ]
            answers = await asyncio.gather(*asked, return_exceptions=True)
            accepted |= {a.operation.id for a in answers if not isinstance(a, BaseException)}
            assert all(isinstance(a, FaultError) for a in answers if isinstance(a, BaseException))
        happened = each_once(await cloud.all_finished(len(accepted)))
        assert set(happened) == accepted
        page = await cloud.page()
        assert {instance.id: instance for instance in page.instances} == folded(await cloud.kept())
        for instance_id in instances:
            types = [one.event.type for one in await cloud.kept(instance_events(instance_id))]
            assert all((kind in FINAL) == (place % 2 == 1) for place, kind in enumerate(types))
    await other.close()
