"""The message index against a model of the stream: it never claims to know more than it does."""

import asyncio
import shutil
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from opsroom_chat.log import message_index
from opsroom_chat.log.index_file import IndexFile
from opsroom_chat.log.keys import message_key
from opsroom_chat.log.message_index import MessageIndex
from opsroom_contracts.subjects import message_subject
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_position import Known, ResumePoint
from opsroom_messaging.jetstream.stream_reader import StreamMessage

IDS = [f"m{number}" for number in range(40)]
SUBJECTS = {message: message_subject("general", message) for message in IDS}


class IndexMachine(RuleBasedStateMachine):
    """A stream, its subscription, shard reads, writes, saves, crashes, and other streams."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.epoch = 0
        self.last_seq = 0
        self.events: list[tuple[int, str]] = []
        self.open_process()

    def open_process(self) -> None:
        self.file = IndexFile.open(self.folder)
        self.index = MessageIndex(self.file)
        self.position = 0 if self.file.saved is None else self.file.saved.point.known.seq
        self.position_epoch = None if self.file.saved is None else int(self.file.saved.point.epoch)
        self.is_started = False

    def teardown(self) -> None:
        self.file.close()
        shutil.rmtree(self.folder)

    @rule(message=st.sampled_from(IDS))
    def another_process_stores(self, message: str) -> None:
        self.last_seq += 1
        self.events.append((self.last_seq, message))

    @rule(message=st.sampled_from(IDS))
    def this_process_writes(self, message: str) -> None:
        subject = SUBJECTS[message]
        generation, end = self.index.generation, self.index.end(subject)
        if self.end_of(subject) != end:
            return  # the guard rejects the write
        self.last_seq += 1
        self.events.append((self.last_seq, message))
        self.index.add(message_key("general", message), self.last_seq)
        self.index.extend(subject, self.last_seq, generation)

    @rule(message=st.sampled_from(IDS))
    def a_shard_is_read(self, message: str) -> None:
        subject = SUBJECTS[message]
        generation, start = self.index.generation, self.index.end(subject)
        rest = [(seq, one) for seq, one in self.events if seq > start and SUBJECTS[one] == subject]
        for seq, one in rest:
            self.index.add(message_key("general", one), seq)
        self.index.extend(subject, rest[-1][0] if rest else start, generation)

    @rule(is_reset=st.booleans())
    def the_subscription_restarts(self, is_reset: bool) -> None:
        is_other = self.position_epoch != self.epoch
        is_reset = is_reset or is_other or self.index.failed
        if is_reset:
            self.position, self.position_epoch = 0, self.epoch
        self.index.on_restart(Restart(reset=is_reset, next_seq=self.position + 1))
        self.is_started = True

    @precondition(lambda self: self.is_started and self.position_epoch == self.epoch)
    @rule(count=st.integers(1, 20))
    def events_are_delivered(self, count: int) -> None:
        rest = [(seq, message) for seq, message in self.events if seq > self.position]
        for seq, message in rest[:count]:
            self.index.on_message(StreamMessage(seq, SUBJECTS[message], b'{"id":"%s"}' % message.encode()))
            self.position = seq
        if len(rest) <= count:
            self.index.on_synced()

    @precondition(lambda self: self.index.can_save)
    @rule(works=st.booleans())
    def it_is_saved(self, works: bool) -> None:
        unsaved, generation = self.index.take_unsaved(), self.index.generation
        created = datetime(2026, 1, 1, tzinfo=UTC)
        point = ResumePoint(str(self.position_epoch), created, Known(self.position, 1))
        saved = self.index.saved(unsaved, point if self.position else None, 0)
        if not works:
            self.index.fail(sqlite3.OperationalError("disk full"))
            return
        if unsaved.is_stale:
            self.file.clear()
        self.file.store(unsaved.messages, saved)
        self.index.on_saved(generation)

    @precondition(lambda self: self.index.failed)
    @rule()
    def the_file_is_replaced(self) -> None:
        self.file = self.file.replaced()
        self.index.replace_file(self.file)

    @rule(has_file=st.booleans())
    def the_process_crashes(self, has_file: bool) -> None:
        self.file.close()
        if not has_file:
            shutil.rmtree(self.folder)
        self.open_process()

    @rule()
    def the_stream_is_another_one(self) -> None:
        """The process learns of it before it writes: it restarts, or its subscription does."""
        self.epoch += 1
        self.last_seq, self.events = 0, []
        if self.is_started:
            self.the_subscription_restarts(is_reset=True)

    def end_of(self, subject: str) -> int:
        return max((seq for seq, message in self.events if SUBJECTS[message] == subject), default=0)

    @invariant()
    def a_guard_that_holds_stands_for_all_messages(self) -> None:
        last = {message: seq for seq, message in self.events}
        found = {message: self.index.find(message_key("general", message)) for message in IDS}
        for message in IDS:
            if self.index.end(SUBJECTS[message]) == self.end_of(SUBJECTS[message]):
                assert found[message] == last.get(message), message


IndexMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestIndex = IndexMachine.TestCase


async def test_the_feed_waits_while_much_is_unsaved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_index, "_UNSAVED_MAX", len(IDS))
    with closing(IndexFile.open(tmp_path)) as file:
        index = MessageIndex(file)
        index.on_restart(Restart(reset=True))
        for seq, message in enumerate(IDS[1:]):
            index.add(message_key("general", message), seq + 1)
        await asyncio.wait_for(index.pace(), 1)
        index.add(message_key("general", IDS[0]), len(IDS))
        feed = asyncio.create_task(index.pace())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not feed.done()
        generation, unsaved = index.generation, index.take_unsaved()
        file.store(unsaved.messages, None, unsaved.posts)
        assert not feed.done()
        index.on_saved(generation)
        await asyncio.wait_for(feed, 1)
        assert [file.find(message_key("general", message)) for message in IDS[:3]] == [len(IDS), 1, 2]
