"""The budget of an address: a slice of each iteration, a share on average, and who is charged."""

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any

import pytest

from opsroom_gateway.transport.input_budget import InputAccount, InputBudgets, InputRate, metered
from opsroom_testkit.waiting import until

HOUR = 3600.0
RATE = InputRate(share=0.25, burst_seconds=0.25)


def account(rate: InputRate = RATE, *, exempt: bool = False) -> InputAccount:
    return InputBudgets(rate).acquire("203.0.113.5", exempt=exempt)


def busy(seconds: float, clock: Any) -> None:
    """Use the CPU for ``seconds``."""
    end = clock() + seconds
    while clock() < end:
        pass


async def test_an_address_gets_a_slice_of_each_iteration() -> None:
    one, other = account(exempt=True), account(exempt=True)
    assert one.has_time()
    one.charge(0.1)
    assert not one.has_time()
    assert other.has_time()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert one.has_time()


async def test_others_have_the_loop_for_as_long_as_a_slice_took() -> None:
    one = account(InputRate(share=1.0, burst_seconds=HOUR))
    loop = asyncio.get_running_loop()
    assert one.has_time()
    started = loop.time()
    one.charge(0.05)
    for _ in range(100):
        await asyncio.sleep(0)
        assert not one.has_time() or loop.time() - started >= 0.05
    await one.turn(0.0)
    assert loop.time() - started >= 0.05


async def test_those_who_wait_do_not_go_on_at_once() -> None:
    one = account(InputRate(share=1.0, burst_seconds=HOUR))
    loop = asyncio.get_running_loop()
    went_on: list[float] = []

    async def work() -> None:
        await one.turn(0.02)
        one.charge(0.02)
        went_on.append(loop.time())

    assert one.has_time()
    one.charge(0.01)
    await asyncio.gather(work(), work(), work())
    gaps = [later - earlier for earlier, later in itertools.pairwise(went_on)]
    assert min(gaps) >= 0.02


async def test_an_address_that_has_used_its_share_waits_for_time_to_pass() -> None:
    one = account(InputRate(share=0.001, burst_seconds=0.01))
    one.charge(HOUR)
    for _ in range(100):
        await asyncio.sleep(0)
    assert not one.has_time()
    ran: list[int] = []
    one.run(lambda: ran.append(1))
    for _ in range(100):
        await asyncio.sleep(0)
    assert ran == []


async def test_an_address_gets_its_share_back() -> None:
    one = account(InputRate(share=1.0, burst_seconds=0.01))
    one.charge(0.05)
    ran: list[int] = []
    for number in range(3):
        one.run(lambda number=number: ran.append(number))  # type: ignore[misc]
    assert ran == []
    await until(lambda: len(ran) == 3)
    assert ran == [0, 1, 2]


async def test_work_that_always_comes_back_takes_its_share_and_no_more() -> None:
    one = account(InputRate(share=0.2, burst_seconds=0.002))
    loop = asyncio.get_running_loop()
    done: list[float] = []

    def work() -> None:
        started = one.clock()
        busy(0.001, one.clock)
        one.charge(one.clock() - started)
        done.append(loop.time())
        one.run_later(work)

    one.run_later(work)
    one.run_later(work)
    await until(lambda: len(done) >= 30)
    # 30 pieces of 1 ms at a fifth of the time: at least 0.14 s, whatever else this machine does.
    assert done[29] - done[0] > 0.13


async def test_exempt_addresses_have_no_share() -> None:
    one = account(InputRate(share=0.001, burst_seconds=0.001), exempt=True)
    one.charge(HOUR)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert one.has_time()


async def test_connecting_again_brings_no_new_budget() -> None:
    budgets = InputBudgets(RATE)
    first = budgets.acquire("203.0.113.5", exempt=False)
    first.charge(HOUR)
    budgets.release(first)
    again = budgets.acquire("203.0.113.5", exempt=False)
    assert again is first
    assert not again.has_time()


async def test_an_account_is_forgotten_when_nothing_is_owed() -> None:
    budgets = InputBudgets(InputRate(share=1.0, burst_seconds=0.01))
    used = budgets.acquire("203.0.113.5", exempt=False)
    used.charge(0.02)
    budgets.release(used)
    assert len(budgets) == 1
    await until(lambda: not len(budgets))


async def test_addresses_of_one_ipv6_network_share_a_budget() -> None:
    budgets = InputBudgets(RATE)
    one = budgets.acquire("2001:db8::1", exempt=False)
    assert budgets.acquire("2001:db8::2", exempt=False) is one
    assert budgets.acquire("2001:db8:0:1::1", exempt=False) is not one


async def test_a_task_is_charged_for_running_and_not_for_waiting() -> None:
    one = account(InputRate(share=0.001, burst_seconds=HOUR))
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def work() -> str:
        busy(0.01, one.clock)
        result = await gate
        busy(0.01, one.clock)
        return result

    task = asyncio.create_task(metered(work(), one))
    before = one.clock()
    await asyncio.sleep(0)
    busy(0.05, one.clock)  # of somebody else
    gate.set_result("done")
    assert await task == "done"
    spent = one.clock() - before - 0.05
    assert 0.018 <= one.refill_seconds * 0.001 <= spent + 0.001


async def test_work_counts_before_it_begins() -> None:
    one = account(InputRate(share=1.0, burst_seconds=HOUR))

    async def work() -> None:
        began.append(one.has_time())

    began: list[bool] = []
    assert one.has_time()
    task = asyncio.create_task(metered(work(), one, expected_seconds=0.01))
    assert not one.has_time()
    await task
    assert began == [True]


@pytest.mark.parametrize("error", [ValueError("broken"), asyncio.CancelledError()])
async def test_a_metered_task_passes_errors_on(error: BaseException) -> None:
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    caught: list[BaseException] = []

    async def work() -> None:
        try:
            await gate
        except BaseException as thrown:
            caught.append(thrown)
            raise

    metering: Coroutine[Any, Any, None] = metered(work(), account())
    task = asyncio.create_task(metering)
    await asyncio.sleep(0)
    if isinstance(error, asyncio.CancelledError):
        task.cancel()
    else:
        gate.set_exception(error)
    with pytest.raises(type(error)):
        await task
    assert [type(one) for one in caught] == [type(error)]


async def test_an_error_in_one_piece_of_work_does_not_hold_up_the_others() -> None:
    one = account(exempt=True)
    assert one.has_time()
    one.charge(0.1)
    ran: list[int] = []
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    one.run(lambda: ran.append(1 // 0))
    one.run(lambda: ran.append(2))
    await until(lambda: bool(errors))
    await until(lambda: ran == [2])
    one.run(lambda: ran.append(3))
    await until(lambda: ran == [2, 3])
