"""The records of rotas, read from the broker and changed by guarded writes."""

from typing import Final

from opsroom_contracts.incidents.on_call import ROTA, ROTAS_MAX, RotaRecord
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.subjects import ROTAS, rota_subject
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.writes import Write

_REMOVED_SECONDS: Final = 86_400
"""How long the record of a removed rota is kept, so that a retry finds it."""
_PAGE: Final = 100


class RotaStore:
    """Reads and writes rotas. Methods raise UnavailableError if the broker does not respond."""

    def __init__(self, reader: StreamReader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def find(self, rota_id: str) -> tuple[RotaRecord | None, int]:
        """Return a rota, also a removed one, and the sequence of its record; None and 0: there is none."""
        stored = await self._reader.last(rota_subject(rota_id))
        return (None, 0) if stored is None else (_rota(stored), stored.seq)

    async def all(self) -> tuple[RotaRecord, ...]:
        """Return all rotas that are not removed, by name."""
        found: dict[str, RotaRecord] = {}
        start = 1
        while page := await self._reader.page(ROTAS, start=start, count=_PAGE):
            for stored in page:
                record = _rota(stored)
                if record is not None:
                    found[record.id] = record
            start = page[-1].seq + 1
            if len(page) < _PAGE or len(found) > 4 * ROTAS_MAX:
                break
        kept = (one for one in found.values() if not one.removed)
        return tuple(sorted(kept, key=lambda one: (one.rota.name.casefold(), one.id)))

    async def put(self, record: RotaRecord, expected: int) -> None:
        """Store a rota. ``expected``: the sequence of its record; 0: it is new.

        Raises:
            UnavailableError: another request was faster.
        """
        ttl = _REMOVED_SECONDS if record.removed else None
        write = Write(rota_subject(record.id), encode(record), expected=expected, ttl=ttl, replaces=True)
        try:
            await self._writer.write(write)
        except ConflictError as error:
            raise UnavailableError("the rota is being changed by another request") from error


def _rota(stored: StreamMessage) -> RotaRecord | None:
    try:
        return ROTA.read(stored.data)
    except ContractError:
        return None
