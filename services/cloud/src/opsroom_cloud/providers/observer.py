"""Watches over the providers: lists their servers when an agent comes, and regularly; follows its notices."""

import asyncio
import logging
import time
from collections.abc import Callable

from opsroom_cloud.providers.directory import ProviderDirectory
from opsroom_cloud.providers.reconciliation import Reconciliation
from opsroom_contracts.agents.protocol import CHANGE_NOTICE, ChangeNotice
from opsroom_contracts.errors import FaultError
from opsroom_contracts.serialization.codec import ContractError, decode
from opsroom_contracts.subjects import provider_changes
from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.client.unsubscribe import unsubscribe_quietly
from opsroom_runtime.errors import TemporaryError
from opsroom_runtime.failure_log import FailureLog
from opsroom_runtime.process import cancel_and_wait

_NOTICES_MAX = 1_000
"""Maximum number of notices that wait; after more, everything is listed again."""
_RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class Observer:
    """Runs one :class:`ProviderWatch` for each provider whose agent has been there."""

    def __init__(self, directory: ProviderDirectory, watch: Callable[[str], "ProviderWatch"]) -> None:
        self._directory = directory
        self._new_watch = watch
        self._watches: dict[str, ProviderWatch] = {}
        self._new = asyncio.Event()
        directory.on_lease(self._on_lease)

    def _on_lease(self, provider: str, process: str) -> None:
        if provider not in self._watches:
            self._watches[provider] = self._new_watch(provider)
            self._new.set()
        self._watches[provider].on_lease(process)

    async def run(self) -> None:
        """Watch over all providers until cancelled."""
        tasks: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                self._new.clear()
                for provider, watch in self._watches.items():
                    if provider not in tasks:
                        tasks[provider] = asyncio.create_task(watch.run(), name=f"watch {provider}")
                await self._new.wait()
        finally:
            await cancel_and_wait(tasks.values())


class ProviderWatch:
    """Watches over one provider while its agent is there.

    ``is_ready``: whether the projection is complete and the agent is there. ``on_change``: called with the id
    of each server that a notice names. ``interval``: seconds between lists.
    """

    def __init__(
        self,
        broker: NatsConnection,
        provider: str,
        reconciliation: Reconciliation,
        *,
        is_ready: Callable[[], bool],
        on_change: Callable[[str], None],
        interval: float,
    ) -> None:
        self._broker = broker
        self._provider = provider
        self._reconciliation = reconciliation
        self._is_ready = is_ready
        self._on_change = on_change
        self._interval = interval
        self._notices: asyncio.Queue[ChangeNotice] = asyncio.Queue(_NOTICES_MAX)
        self._process: str | None = None
        self._must_list = True
        self._list_at = 0.0
        self._wake = asyncio.Event()
        self._failures = FailureLog(log, f"comparing with provider {provider}", level=logging.INFO)

    def on_lease(self, process: str) -> None:
        """Note the process of the agent; another one begins with a list."""
        if process != self._process:
            self._process = process
            self._list_soon()

    def _list_soon(self) -> None:
        self._must_list = True
        self._wake.set()

    async def run(self) -> None:
        """Compare, and apply notices, until cancelled."""
        subscription = await self._broker.subscribe(provider_changes(self._provider), self._on_notice)
        try:
            while True:
                try:
                    await self._step()
                    self._failures.succeeded()
                except (TemporaryError, FaultError) as error:
                    self._failures.failed(describe(error))
                    self._must_list = True
                    await asyncio.sleep(_RETRY_SECONDS)
                except Exception:  # the boundary: one bad server must not end the watch
                    log.exception("comparing with provider %s failed", self._provider)
                    await asyncio.sleep(_RETRY_SECONDS)
        finally:
            await unsubscribe_quietly(subscription)

    async def _step(self) -> None:
        """List if that is needed, otherwise apply a notice; wait if there is neither."""
        if not self._is_ready():
            await asyncio.sleep(_RETRY_SECONDS)
        elif self._must_list or time.monotonic() >= self._list_at:
            self._must_list = False
            self._list_at = time.monotonic() + self._interval
            await self._reconciliation.compare()
        elif not self._notices.empty():
            notice = self._notices.get_nowait()
            await self._reconciliation.apply(notice.found, notice.gone)
        else:
            await self._wait()

    async def _wait(self) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(max(0.0, self._list_at - time.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _on_notice(self, payload: bytes) -> None:
        try:
            notice = decode(CHANGE_NOTICE, payload)
        except ContractError as error:
            log.warning("a malformed notice of provider %s: %s", self._provider, error)
            return
        for instance_id in (*(one.id for one in notice.found), *notice.gone):
            self._on_change(instance_id)
        if not (notice.found or notice.gone) or self._notices.full():
            self._list_soon()
            return
        self._notices.put_nowait(notice)
        self._wake.set()
