"""How much of the event loop's time the input of each address may take.

All work that input causes in this process is measured and charged to its address: parsing what connections
received, and the steps of the tasks that serve requests and messages. Frames of every kind therefore cost
what they take, and no kind has to be counted separately.

Two limits hold for an address. In one iteration of the event loop its connections get a slice, so that
others wait for milliseconds only. On average they get a share of the loop's time; beyond it nothing more is
read from them, until time has passed. What they may do at once is interrupted, too: after each slice, others
have the loop for as long. Exempt addresses have slices only.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from types import coroutine
from typing import Any, TypeVar

from opsroom_contracts.addresses import network_of

Result = TypeVar("Result")

CONNECT_SECONDS = 0.0002
"""What accepting a connection takes. It happens before the address is known."""
REQUEST_SECONDS = 0.001
"""What handling a request takes, or the handshake of a WebSocket, until it is measured."""
_SLICE_SECONDS = 0.002
"""What the connections of an address get in one iteration of the event loop."""


@dataclass(frozen=True, slots=True)
class InputRate:
    """``share`` of the event loop's time on average (0: no limit), ``burst_seconds`` at once."""

    share: float
    burst_seconds: float


class _Iterations:
    """Counts the iterations of the event loop in which input was processed."""

    __slots__ = ("_counted", "number")

    def __init__(self) -> None:
        self.number = 0
        self._counted = False

    def current(self) -> int:
        """The number of this iteration."""
        if not self._counted:
            self._counted = True
            asyncio.get_running_loop().call_soon(self._end)
        return self.number

    def _end(self) -> None:
        self.number += 1
        self._counted = False


class InputAccount:
    """The input of one address. ``rate``: None if only the slice is limited."""

    __slots__ = (
        "_iteration",
        "_iterations",
        "_level",
        "_next_slice_at",
        "_rate",
        "_refilled_at",
        "_slice",
        "_timer",
        "_waiting",
        "clock",
        "holders",
        "key",
    )

    def __init__(self, key: tuple[str, bool], iterations: _Iterations, rate: InputRate | None) -> None:
        self.key = key
        """The network, and whether it is exempt."""
        self._iterations = iterations
        self._rate = rate
        self.clock = time.perf_counter if rate is None else time.thread_time
        """Measures work, in seconds. Time in which this thread did not run must not count against a share."""
        self.holders = 0
        """How many connections and requests use the account."""
        self._level = 0.0 if rate is None else rate.burst_seconds
        self._refilled_at = asyncio.get_running_loop().time()
        self._slice = 0.0
        self._next_slice_at = 0.0
        self._iteration = -1
        self._waiting: deque[Callable[[], None]] = deque()
        self._timer: asyncio.Handle | None = None

    @property
    def limited(self) -> bool:
        """Whether the address has a share."""
        return self._rate is not None

    @property
    def refill_seconds(self) -> float:
        """How long it takes until the work of the past no longer counts."""
        rate = self._rate
        return 0.0 if rate is None else (rate.burst_seconds - self._refilled(rate)) / rate.share

    def has_time(self) -> bool:
        """Return whether a piece of work may be done now."""
        iteration = self._iterations.current()
        if iteration != self._iteration and not self._pause():
            self._iteration = iteration
            self._slice = _SLICE_SECONDS
        return self._slice > 0 and (self._rate is None or self._refilled(self._rate) > 0)

    def charge(self, seconds: float) -> None:
        """Record work."""
        self._slice -= seconds
        self._level -= seconds
        if self._slice <= 0 and self._rate is not None:
            # What others wait for takes several iterations, each of which would have a slice of this address.
            self._next_slice_at = asyncio.get_running_loop().time() + _SLICE_SECONDS - self._slice

    def run(self, work: Callable[[], None]) -> None:
        """Call ``work`` as soon as the address has time, in the order of the calls."""
        if not self._waiting and self.has_time():
            work()
        else:
            self.run_later(work)

    def run_later(self, work: Callable[[], None]) -> None:
        """Like ``run``, but not at once."""
        self._waiting.append(work)
        if self._timer is None:
            self._schedule()

    async def turn(self, expected_seconds: float) -> None:
        """Wait until the address has time.

        ``expected_seconds``: what the caller's work may take. It is recorded until the caller goes on, so
        that not all who wait go on at once.
        """
        if self._waiting or not self.has_time():
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.run(lambda: self._grant(turn, expected_seconds))
            try:
                await turn
            finally:
                if turn.done() and not turn.cancelled():
                    self.charge(-expected_seconds)

    def _grant(self, turn: asyncio.Future[None], expected_seconds: float) -> None:
        if not turn.done():
            self.charge(expected_seconds)
            turn.set_result(None)

    def _refilled(self, rate: InputRate) -> float:
        now = asyncio.get_running_loop().time()
        gained = (now - self._refilled_at) * rate.share
        self._refilled_at = now
        self._level = min(rate.burst_seconds, self._level + gained)
        return self._level

    def _pause(self) -> float:
        """Return the seconds until the next slice."""
        if self._rate is None:
            return 0.0
        return max(0.0, self._next_slice_at - asyncio.get_running_loop().time())

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        seconds = self._pause()
        if self._rate is not None and self._level <= 0:
            seconds = max(seconds, (_SLICE_SECONDS - self._level) / self._rate.share)
        self._timer = (
            loop.call_later(seconds, self._run_waiting) if seconds else loop.call_soon(self._run_waiting)
        )

    def _run_waiting(self) -> None:
        try:
            while self._waiting and self.has_time():
                self._waiting.popleft()()
        finally:  # an error in one piece of work, which the loop logs, must not hold up the others
            self._timer = None  # only now: what has just run may wait again
            if self._waiting:
                self._schedule()


class InputBudgets:
    """The accounts of all addresses that are connected, or were until recently."""

    def __init__(self, rate: InputRate) -> None:
        self._rate = rate if rate.share else None
        self._iterations = _Iterations()
        self._accounts: dict[tuple[str, bool], InputAccount] = {}
        self._forgetting: dict[tuple[str, bool], asyncio.TimerHandle] = {}
        """The timer of each account that may soon be forgotten."""

    def __len__(self) -> int:
        return len(self._accounts)

    def acquire(self, address: str, *, exempt: bool) -> InputAccount:
        """Return the account of the network of ``address``, to be given to ``release`` once.

        ``exempt``: only its slice is limited.
        """
        key = (network_of(address), exempt)
        account = self._accounts.get(key)
        if account is None:
            account = InputAccount(key, self._iterations, None if exempt else self._rate)
            self._accounts[key] = account
        self.hold(account)
        return account

    def hold(self, account: InputAccount) -> None:
        """Keep an account until ``release`` is called once more."""
        account.holders += 1

    def release(self, account: InputAccount) -> None:
        """Give an account back. It is kept until connecting again would bring no advantage."""
        account.holders -= 1
        if not account.holders and account.key not in self._forgetting:
            self._forget_later(account)

    def _forget_later(self, account: InputAccount) -> None:
        loop = asyncio.get_running_loop()
        self._forgetting[account.key] = loop.call_later(account.refill_seconds, self._forget, account)

    def _forget(self, account: InputAccount) -> None:
        del self._forgetting[account.key]
        if account.holders:
            return
        if account.refill_seconds > 0:
            self._forget_later(account)  # it was used again meanwhile
        else:
            del self._accounts[account.key]


def metered(
    work: Coroutine[Any, Any, Result], account: InputAccount, expected_seconds: float = 0.0
) -> Coroutine[Any, Any, Result]:
    """Do ``work``, and charge ``account`` with the time that it runs, without that in which it waits.

    ``expected_seconds``: what it may take. If the address is limited, it is recorded at once until the work
    begins, so that not everything that arrives in an iteration begins in the next one.
    """
    if account.limited:
        account.charge(expected_seconds)
    return _metered(work, account, expected_seconds)


async def _metered(
    work: Coroutine[Any, Any, Result], account: InputAccount, expected_seconds: float
) -> Result:
    if account.limited:
        account.charge(-expected_seconds)
    return await _steps(work, account)


@coroutine
def _steps(work: Coroutine[Any, Any, Result], account: InputAccount) -> Generator[Any, None, Result]:
    clock = account.clock
    thrown: BaseException | None = None
    while True:
        started = clock()
        try:
            waits_for = work.send(None) if thrown is None else work.throw(thrown)
        except StopIteration as end:
            result: Result = end.value
            return result
        finally:
            account.charge(clock() - started)
        thrown = None
        try:
            yield waits_for
        except BaseException as error:  # noqa: BLE001 - a cancellation, which is for ``work``
            thrown = error
