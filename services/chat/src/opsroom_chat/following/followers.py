"""Who follows which thread: the records that all chat processes share."""

import asyncio
from collections.abc import Callable, Mapping

from opsroom_chat.domain import following as rules
from opsroom_chat.members.person_records import PersonRecords
from opsroom_chat.reads.unread import UnreadCounter
from opsroom_contracts.chat.models import GUEST
from opsroom_contracts.chat.threads import FollowedThreads
from opsroom_contracts.identity import IMPORTED_ID_PREFIX, is_bot


class Followers:
    """Changes the threads that people follow, and returns what they follow afterwards."""

    def __init__(self, records: PersonRecords[FollowedThreads], counter: UnreadCounter) -> None:
        self._records = records
        self._counter = counter

    async def threads(self, user_id: str) -> rules.Threads:
        """Return the threads of a person.

        Raises:
            UnavailableError: the broker did not reply.
        """
        record = await self._records.find(user_id)
        return await self._current(record.value, await self._counter.end())

    async def _current(self, record: FollowedThreads | None, head: int) -> rules.Threads:
        """Return the threads of a record. Positions after the end of the stream are void: it was restored
        alone."""
        threads = rules.current(record, self._counter.epoch, head)
        end = await self._counter.end_before(max((one.read for one in threads.values()), default=0))
        return threads if end is None else rules.existing(threads, end)

    async def add(self, room: str, thread: str, people: Mapping[str, bool]) -> None:
        """Make people follow a thread, before a reply is stored that does so.

        ``people``: by id, whether also those do who have stopped following it. Those without an account
        follow nothing.

        Raises:
            FaultError: ``overloaded``: too many concurrent changes.
            UnavailableError: the broker did not reply.
        """
        head = await self._counter.end()

        async def follow(user_id: str, again: bool) -> None:
            await self.change(
                user_id, head, lambda known: rules.followed(known, thread, room, head, again=again)
            )

        await asyncio.gather(
            *(follow(user_id, again) for user_id, again in people.items() if has_account(user_id))
        )

    async def change(
        self, user_id: str, head: int, decide: Callable[[rules.Threads], rules.Threads | None]
    ) -> rules.Threads:
        """Replace the threads of a person by what ``decide`` returns; return those that are stored then.

        ``head``: the last sequence of messages.

        Raises:
            FaultError: ``overloaded``: too many concurrent changes.
            UnavailableError: the broker did not reply.
        """
        epoch = self._counter.epoch
        known: rules.Threads = {}

        async def decide_record(record: FollowedThreads | None) -> FollowedThreads | None:
            nonlocal known
            known = await self._current(record, head)
            after = decide(known)
            if after is None:
                return None
            known = after
            return FollowedThreads(user_id=user_id, epoch=epoch, threads=dict(after))

        await self._records.change(user_id, decide_record)
        return known


def has_account(user_id: str) -> bool:
    """Whether a sender is a person who can follow threads."""
    return user_id != GUEST.id and not is_bot(user_id) and not user_id.startswith(IMPORTED_ID_PREFIX)
