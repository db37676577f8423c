"""Counts of unread messages against a model, whatever is saved, removed, or delivered again in between."""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from opsroom_chat.log.index_file import IndexFile
from opsroom_chat.log.message_index import MessageIndex
from opsroom_chat.log.posts import Post, Posts, Query, RoomCounts, count_posts
from opsroom_contracts.chat.events import MessageEdited, MessageEvent, MessageRemoved
from opsroom_contracts.chat.models import Mentions, User
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import message_subject
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage

ROOMS = ["general", "r-aaaaaaaaaaaaaaaaaaaaaaaa"]
PEOPLE = ["ann", "bob", "eve"]
NOW = datetime(2026, 11, 24, tzinfo=UTC)
LIMIT = 2
MENTIONED = st.sets(st.sampled_from(PEOPLE))


class PostsMachine(RuleBasedStateMachine):
    """A subscription that delivers messages and removals, and saves that may be half done."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.file = IndexFile.open(self.folder)
        self.index = MessageIndex(self.file)
        self.index.on_restart(Restart(reset=True, next_seq=1, renewed=False, epoch="one"))
        self.index.on_synced()
        self.last = 0
        self.events: dict[int, StreamMessage] = {}
        self.posts: dict[int, tuple[str, str, set[str]]] = {}
        self.written = False

    def teardown(self) -> None:
        self.file.close()
        shutil.rmtree(self.folder)

    def deliver(self, room: str, event: MessageEvent | MessageEdited | MessageRemoved) -> None:
        stored = StreamMessage(self.last, message_subject(room, event.id), encode(event))
        self.events[self.last] = stored
        self.index.on_message(stored)

    @rule(room=st.sampled_from(ROOMS), sender=st.sampled_from(PEOPLE), mentioned=MENTIONED)
    def somebody_sends(self, room: str, sender: str, mentioned: set[str]) -> None:
        self.last += 1
        self.posts[self.last] = (room, sender, mentioned)
        event = MessageEvent(
            id=f"m{self.last}",
            room=room,
            user=User(id=sender, name=sender),
            text="hi",
            timestamp=NOW,
            mentions=Mentions(users=tuple(sorted(mentioned))),
        )
        self.deliver(room, event)

    @rule(data=st.data(), mentioned=MENTIONED)
    def one_is_edited(self, data: st.DataObject, mentioned: set[str]) -> None:
        if self.posts:
            seq = data.draw(st.sampled_from(sorted(self.posts)))
            room, sender, _ = self.posts[seq]
            self.posts[seq] = (room, sender, mentioned)
            self.last += 1
            event = MessageEdited(
                id=f"m{seq}",
                room=room,
                user=User(id=sender, name=sender),
                text="ho",
                message_seq=seq,
                sent_at=NOW,
                timestamp=NOW,
                replaced_seq=seq,
                mentions=Mentions(users=tuple(sorted(mentioned))),
            )
            self.deliver(room, event)

    @rule(data=st.data())
    def one_is_removed(self, data: st.DataObject) -> None:
        if self.posts:
            seq = data.draw(st.sampled_from(sorted(self.posts)))
            room, *_ = self.posts.pop(seq)
            self.last += 1
            removed = MessageRemoved(id=f"m{seq}", room=room, message_seq=seq, sent_at=NOW, timestamp=NOW)
            self.deliver(room, removed)

    @rule(data=st.data())
    def events_are_delivered_again(self, data: st.DataObject) -> None:
        """After an interruption, from some event on, in their order."""
        if self.events:
            start = data.draw(st.sampled_from(sorted(self.events)))
            for seq in sorted(self.events):
                if seq >= start:
                    self.index.on_message(self.events[seq])

    @rule()
    def a_save_begins(self) -> None:
        if not self.written:
            unsaved = self.index.take_unsaved()
            if unsaved.is_stale:
                self.file.clear()
            self.file.store(unsaved.messages, None, unsaved.posts)
            self.written = True

    @rule()
    def a_save_ends(self) -> None:
        if self.written:
            self.index.on_saved(self.index.generation)
            self.written = False

    @invariant()
    def the_counts_are_those_of_the_model(self) -> None:
        for room in ROOMS:
            for reader in PEOPLE:
                for after in {0, self.last // 2, self.last}:
                    unread = [
                        mentioned
                        for seq, (where, sender, mentioned) in self.posts.items()
                        if where == room and sender != reader and seq > after
                    ]
                    mentions = sum(reader in mentioned for mentioned in unread)
                    places = [seq for seq, (where, *_) in self.posts.items() if where == room]
                    expected = RoomCounts(
                        min(len(unread), LIMIT), min(mentions, LIMIT), max(places, default=None)
                    )
                    query = Query(room, reader, after, self.last, LIMIT)
                    assert self.index.count(query) == expected


TestPosts = PostsMachine.TestCase
TestPosts.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


def test_a_count_at_its_limit_replaces_removed_messages_by_later_ones() -> None:
    file = IndexFile(None)
    saved = Posts({"general": {seq: Post("ann") for seq in range(1, 8)}})
    file.store({}, None, saved)
    removed = Posts({"general": {1: None, 2: None}})
    query = Query("general", "bob", 0, 7, LIMIT)
    assert count_posts(file.posts, (removed,), query) == RoomCounts(LIMIT, 0, 7)
    file.close()
