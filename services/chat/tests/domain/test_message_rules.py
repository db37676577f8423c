"""The rules of edits, removals and threads, as a state machine, with an index that is fed in any order."""

import random
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from opsroom_chat.domain import changes, threads
from opsroom_chat.log import details
from opsroom_chat.log.keys import indexed, stored_fields
from opsroom_contracts.chat.events import MessageEdited, MessageEvent, MessageRemoved, MessageState
from opsroom_contracts.chat.models import EditRequest, User
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import message_subject

ROOM = "general"
NOW = datetime(2026, 11, 30, tzinfo=UTC)
USERS = tuple(User(id=f"u{number}", name=f"User {number}") for number in range(3))
users, numbers = st.sampled_from(USERS), st.integers(0, 30)


@dataclass
class Known:
    """What the model knows of a message. ``place``: the sequence of its first event."""

    author: User
    text: str
    place: int
    thread: str | None
    last: MessageState
    seq: int
    removed: bool = False
    keys: list[str] = field(default_factory=list)


class MessageMachine(RuleBasedStateMachine):
    """Messages of a room. ``rows``: what the index keeps of each event."""

    @initialize()
    def begin(self) -> None:
        self.seq = 0
        self.messages: dict[str, Known] = {}
        self.rows: list[details.Detail] = []

    @rule(author=users, root=st.none() | numbers, broadcast=st.booleans())
    def send(self, author: User, root: int | None, broadcast: bool) -> None:
        thread = None
        if root is not None and self.messages:
            thread, known = self._pick(root)
            refused = _refusal(lambda: threads.check_root(known.last))
            if known.removed:
                assert refused is ErrorCode.MESSAGE_UNKNOWN
            else:
                assert (refused is ErrorCode.INVALID_REQUEST) == (known.thread is not None), "only one level"
            if refused is not None:
                return
        event = MessageEvent(
            id=f"m{len(self.messages)}",
            room=ROOM,
            user=author,
            text="said",
            timestamp=self._now(),
            thread=thread,
            broadcast=(broadcast and thread is not None) or None,
        )
        seq = self._store(event)
        self.messages[event.id] = Known(author, "said", seq, thread, event, seq)

    @precondition(lambda self: self.messages)
    @rule(user=users, number=numbers, text=st.sampled_from(("a", "b", " ")), key=st.sampled_from("xyz"))
    def edit(self, user: User, number: int, text: str, key: str) -> None:
        message_id, known = self._pick(number)
        request = EditRequest(user_id=user.id, client_id=key, room=ROOM, id=message_id, text=text)
        new, now = changes.NewText(request), self._now()
        refused = _refusal(lambda: changes.edit(known.last, known.seq, new, now))
        if known.removed:
            assert refused is ErrorCode.MESSAGE_UNKNOWN
        elif user != known.author:
            assert refused is ErrorCode.FORBIDDEN
        else:
            assert refused is (ErrorCode.INVALID_REQUEST if text == " " else None)
        if refused is not None:
            return
        event = changes.edit(known.last, known.seq, new, now)
        if event is None:
            assert text == known.text or key in known.keys, "a repeat of an edit does not undo a later one"
            return
        assert (event.message_seq, event.thread, event.user) == (known.place, known.thread, known.author)
        assert event.replaced_seq == known.seq
        known.keys.append(key)
        known.text = text
        self._replace(known, event)

    @precondition(lambda self: self.messages)
    @rule(user=users, number=numbers, moderator=st.booleans())
    def remove(self, user: User, number: int, moderator: bool) -> None:
        _, known = self._pick(number)
        if moderator and not isinstance(known.last, MessageRemoved):
            event: MessageRemoved | None = changes.removal(known.last, known.seq, self._now())
        else:
            now = self._now()
            refused = _refusal(lambda: changes.delete(known.last, known.seq, user.id, now))
            is_others = user != known.author and not known.removed
            assert refused is (ErrorCode.FORBIDDEN if is_others else None)
            if is_others:
                return
            event = changes.delete(known.last, known.seq, user.id, now)
        if event is None:
            assert known.removed
            return
        assert (event.message_seq, event.thread) == (known.place, known.thread)
        assert not hasattr(event, "text")
        known.removed = True
        self._replace(known, event)

    @invariant()
    def the_index_says_the_same_whatever_the_order(self) -> None:
        shuffled = self.rows * 2
        random.Random(self.seq).shuffle(shuffled)
        with sqlite3.connect(":memory:") as connection:
            connection.executescript(details.TABLES)
            for start in range(0, len(shuffled), 3):
                details.add(connection, shuffled[start : start + 3])
            moved = {one.place: one.seq for one in details.moved(connection, ROOM, 0, self.seq + 1, 100)}
            for message_id, known in self.messages.items():
                is_moved = not isinstance(known.last, MessageEvent)
                assert moved.get(known.place) == ((0 if known.removed else known.seq) if is_moved else None)
                replies = [
                    one.place
                    for one in self.messages.values()
                    if one.thread == message_id and not one.removed
                ]
                assert details.replies(connection, ROOM, message_id, None, 100) == sorted(
                    replies, reverse=True
                )
                summary = details.summary(connection, ROOM, message_id)
                assert (0 if summary is None else summary.replies) == len(replies)
                assert summary is None or summary.last == max(replies)
        connection.close()

    def _pick(self, number: int) -> tuple[str, Known]:
        message_id = f"m{number % len(self.messages)}"
        return message_id, self.messages[message_id]

    def _replace(self, known: Known, event: MessageEdited | MessageRemoved) -> None:
        assert event.sent_at == changes.sent_at(known.last), "when it was sent never changes"
        known.seq = self._store(event)
        known.last = event
        assert changes.place_of(event, known.seq) == known.place

    def _store(self, event: MessageState) -> int:
        self.seq += 1
        payload, subject = encode(event), message_subject(ROOM, event.id)
        found = indexed(subject, stored_fields(payload), payload, self.seq)
        assert found is not None
        self.rows += found.details
        return self.seq

    def _now(self) -> datetime:
        return NOW + timedelta(seconds=self.seq)


def _refusal(check: object) -> ErrorCode | None:
    assert callable(check)
    try:
        check()
    except FaultError as error:
        return error.fault.code
    return None


TestMessages = MessageMachine.TestCase
TestMessages.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
