"""What an agent must remember of its operations when it is started again: a small file for each."""

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path

from pydantic import Field

from opsroom_contracts.agents.protocol import ApplyReply
from opsroom_contracts.serialization.codec import ContractError, contract_of, decode, encode
from opsroom_contracts.serialization.model import Model

_KEPT_MAX = 2000
_PRUNE_EVERY = 200

log = logging.getLogger(__name__)


class JournalEntry(Model):
    """``marks``: what an operation noted before its steps. ``reply``: its outcome, once it has one."""

    marks: dict[str, str] = Field(default_factory=dict)
    reply: ApplyReply | None = None


_ENTRY = contract_of(JournalEntry)


class Journal:
    """The entries of operations in ``folder``, by id; without a folder, nothing is remembered.

    The newest :data:`_KEPT_MAX` are kept. An entry that can't be written is logged: the operation goes on,
    because most of its steps can be repeated.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._stored = 0

    async def load(self, operation_id: str) -> JournalEntry:
        """Return the entry of an operation; an empty one if there is none."""
        if self._folder is None:
            return JournalEntry()
        return await asyncio.to_thread(_read, self._folder / f"{operation_id}.json")

    async def store(self, operation_id: str, entry: JournalEntry) -> None:
        """Replace the entry of an operation."""
        if self._folder is None:
            return
        try:
            await asyncio.to_thread(_write, self._folder / f"{operation_id}.json", encode(entry))
            if self._stored % _PRUNE_EVERY == 0:
                await asyncio.to_thread(_prune, self._folder)
        except OSError as error:
            log.warning("operation %s can't be noted in the journal: %s", operation_id, error)
        self._stored += 1


def _read(path: Path) -> JournalEntry:
    try:
        return decode(_ENTRY, path.read_bytes())
    except FileNotFoundError:
        return JournalEntry()
    except (OSError, ContractError) as error:
        log.warning("the journal entry %s can't be read: %s", path, error)
        return JournalEntry()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _prune(folder: Path) -> None:
    """Delete the oldest entries."""
    entries = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
    for path in entries[:-_KEPT_MAX]:
        with suppress(FileNotFoundError):
            path.unlink()
