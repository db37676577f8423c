"""Readers know by the epoch which stream they are served, however late their gateway notices another one."""

import json
import random

from tests.faults.clients.chat_reader import ChatReader, Frame
from tests.faults.clients.recorder import Recorder
from tests.faults.verification.history import History

OLD, NEW = "old", "new"


def message(seq: int, text: str) -> bytes:
    frame = {"seq": seq, "type": "message", "room": "general", "user": {"name": "bob"}, "text": text}
    return json.dumps(frame, separators=(",", ":")).encode()


def welcome(seq: int, epoch: str) -> Frame:
    return {"seq": seq, "epoch": epoch, "user": {"id": "u"}, "users": [{"name": "ann"}]}


def recorded() -> Recorder:
    return Recorder(History(delay=1.0), random.Random(0))


def test_a_replay_of_a_deleted_stream_belongs_to_that_stream() -> None:
    recorder = recorded()
    reader = ChatReader(recorder, "ann")
    reader.welcomed(welcome(0, OLD), "g1")
    reader.message(message(1, "one"))
    recorder.begin_chat(0, OLD)
    reader.forget_list()
    reader.welcomed(welcome(2, OLD), "g1")
    reader.message(message(2, "two"))
    assert reader.last == 0, "it has seen nothing of the present stream"
    reader.reset({"seq": 1, "epoch": NEW})
    reader.message(message(2, "another two"))
    old, new = recorder.history.chats
    assert [list(segment.seqs) for segment in old.readers[0].segments] == [[1], [2]]
    assert [list(segment.seqs) for segment in new.readers[0].segments] == [[2]]
    assert old.contents[2] != new.contents[2]
    assert recorder.history.refused == []
    assert reader.last == 2


def test_after_a_restore_readers_see_the_stream_that_was_restored() -> None:
    recorder = recorded()
    reader = ChatReader(recorder, "ann")
    reader.welcomed(welcome(0, OLD), "g1")
    reader.message(message(1, "one"))
    recorder.begin_chat(1)  # the services were stopped, and the backup has the old epoch at first
    reader.welcomed(welcome(1, OLD), "g1")
    reader.message(message(2, "two"))
    assert [list(one.seqs) for one in recorder.chat.readers[0].segments] == [[2]]


def test_another_text_at_the_same_sequence_is_a_violation() -> None:
    recorder = recorded()
    for name, text in (("ann", "one"), ("ben", "one"), ("cid", "another")):
        reader = ChatReader(recorder, name)
        reader.welcomed(welcome(0, OLD) | {"users": [{"name": name}]}, "g1")
        reader.message(message(1, text))
    assert recorder.history.refused == ["cid saw another message at 1 than others"]
