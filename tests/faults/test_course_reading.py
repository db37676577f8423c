"""What course clients receive belongs to the stream that held it, however late it comes."""

import random

from tests.faults.clients.course_clients import CourseReading
from tests.faults.clients.recorder import Recorder
from tests.faults.verification.history import History
from tests.faults.verification.stored_message import StoredMessage


def test_what_comes_late_of_a_deleted_stream_belongs_to_that_stream() -> None:
    recorder = Recorder(History(delay=1.0), random.Random(0))
    reading = CourseReading(recorder, "course-0 #1")
    old = recorder.chat
    old.messages += [StoredMessage(seq, f"m{seq}") for seq in (1, 2, 3)]
    reading.message("ann", "m1 hi")
    recorder.begin_chat(0, "old")
    reading.message("ann", "m2 hi")
    reading.message("ann", "m3 hi")
    reading.message("bob", "n1 hi")
    reading.message("ann", "m3 hi")  # sent again to the new stream
    assert [reader.keys for reader in old.course] == [["m1", "m2", "m3"]]
    assert [reader.keys for reader in recorder.chat.course] == [["n1", "m3"]]
