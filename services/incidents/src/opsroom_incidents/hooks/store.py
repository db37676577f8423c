"""The records of hooks, read from the broker and changed by guarded writes."""

from typing import Final

from opsroom_contracts.incidents.hooks import HOOK, HOOK_SECRET, HOOKS_MAX, HookRecord, HookSecretRecord
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.subjects import HOOKS, hook_secret_subject, hook_subject
from opsroom_incidents.domain.hooks import unknown
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.writes import Write

_REMOVED_SECONDS: Final = 86_400
"""How long the record of a removed hook is kept, so that a retry finds it."""
_PAGE: Final = 100


class HookStore:
    """Reads and writes hooks. A hook and its secrets change in one atomic batch."""

    def __init__(self, reader: StreamReader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def find(self, hook_id: str) -> tuple[HookRecord, int] | None:
        """Return a hook and the sequence of its record; None if there is none.

        Raises:
            UnavailableError: the broker did not respond.
        """
        stored = await self._reader.last(hook_subject(hook_id))
        hook = None if stored is None else _hook(stored)
        return None if stored is None or hook is None else (hook, stored.seq)

    async def get(self, hook_id: str) -> tuple[HookRecord, int]:
        """Return a hook that is not removed, and the sequence of its record.

        Raises:
            FaultError: ``hook_unknown``.
            UnavailableError: the broker did not respond.
        """
        found = await self.find(hook_id)
        if found is None or found[0].removed:
            raise unknown(hook_id)
        return found

    async def with_secret(self, secret_hash: str) -> HookRecord | None:
        """Return the hook that has, or had, a secret with this digest.

        Raises:
            UnavailableError: the broker did not respond.
        """
        stored = await self._reader.last(hook_secret_subject(secret_hash))
        if stored is None:
            return None
        try:
            secret = HOOK_SECRET.read(stored.data)
        except ContractError:
            return None
        found = await self.find(secret.hook)
        return None if found is None else found[0]

    async def all(self) -> tuple[HookRecord, ...]:
        """Return all hooks that are not removed, by name.

        Raises:
            UnavailableError: the broker did not respond.
        """
        found: dict[str, HookRecord] = {}
        start = 1
        while page := await self._reader.page(HOOKS, start=start, count=_PAGE):
            for stored in page:
                hook = _hook(stored)
                if hook is not None:
                    found[hook.id] = hook
            start = page[-1].seq + 1
            if len(page) < _PAGE or len(found) > 4 * HOOKS_MAX:
                break
        kept = (hook for hook in found.values() if not hook.removed)
        return tuple(sorted(kept, key=lambda hook: (hook.name.casefold(), hook.id)))

    async def put(self, hook: HookRecord, expected: int) -> None:
        """Store a hook with its secrets. ``expected``: the sequence of its record; 0: it is new.

        Raises:
            UnavailableError: another request was faster, or the broker did not respond.
        """
        ttl = _REMOVED_SECONDS if hook.removed else None
        record = Write(hook_subject(hook.id), encode(hook), expected=expected, ttl=ttl, replaces=True)
        known = encode(HookSecretRecord(hook=hook.id))
        secrets = [Write(hook_secret_subject(one.hash), known, replaces=True) for one in hook.secrets]
        try:
            await self._writer.write(record, *secrets)
        except ConflictError as error:
            raise UnavailableError("the hook is being changed by another request") from error


def _hook(stored: StreamMessage) -> HookRecord | None:
    try:
        return HOOK.read(stored.data)
    except ContractError:
        return None
