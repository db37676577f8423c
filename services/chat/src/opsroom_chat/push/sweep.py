"""Removing the devices that are signed out, and the settings of people who are gone."""

from collections.abc import Callable
from itertools import islice
from typing import Final

from opsroom_chat.domain.member_index import MemberIndex
from opsroom_chat.push.gate import Gate
from opsroom_chat.push.handlers import without_device
from opsroom_chat.push.records import NotificationRecords
from opsroom_contracts.chat.notifications import NotificationsRecord, PushDevices

_AT_ONCE: Final = 100


class PushSweep:
    """Compares devices with who is signed in. Nothing is pushed to a device that is not, also before that."""

    def __init__(self, gate: Gate, records: NotificationRecords, index: Callable[[], MemberIndex]) -> None:
        self._gate = gate
        self._records = records
        self._index = index
        self._next: list[str] = []

    async def sweep(self) -> None:
        """Look at the next people; a run after the last one begins with the first.

        Raises:
            UnavailableError: the broker did not reply.
        """
        if not self._next:
            self._next = sorted(self._index().notifications.people())
        people = list(islice(self._next, _AT_ONCE))
        del self._next[:_AT_ONCE]
        for user_id in people:
            await self._sweep(user_id)

    async def _sweep(self, user_id: str) -> None:
        index = self._index().notifications
        known = index.devices(user_id)
        kept = await self._gate.signed_in(user_id, known)
        for device in known:
            if device not in kept:
                await self._forget(user_id, device.token_hash)
        if not known and not index.has_devices(user_id) and not await self._gate.exists(user_id):
            record, seq = await self._records.change_settings(
                user_id, lambda _: NotificationsRecord(user_id=user_id)
            )
            index.put_settings(user_id, record.settings, seq)

    async def _forget(self, user_id: str, token_hash: str) -> None:
        def change(before: PushDevices) -> PushDevices:
            return without_device(before, token_hash)

        record, seq = await self._records.change_devices(user_id, change)
        if seq:
            self._index().notifications.put_devices(record, seq)
