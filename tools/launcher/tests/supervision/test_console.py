"""Console: prefixes, and a slow or closed reader."""

import io
import threading

from opsroom_launcher.supervision.console import MAX_WAITING_LINES, Console
from opsroom_testkit.waiting import until
from tools.launcher.tests.processes import Transcript


class StuckStream(Transcript):
    """A stream that blocks until ``go`` is set, like a paused terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def write(self, text: str) -> int:
        """Wait, then write."""
        self.go.wait(30)
        return super().write(text)


class BrokenStream(io.StringIO):
    """A stream whose reader has closed it."""

    def write(self, _text: str) -> int:
        """Fail as a closed pipe does."""
        raise BrokenPipeError


def test_names_are_padded_to_one_width() -> None:
    transcript = Transcript()
    with Console(transcript, coloured=False) as console:
        console.say("chat", "hello")
        console.say("gateway", "there")
    assert transcript.lines() == ["chat    | hello", "gateway | there"]


def test_colour_ends_before_the_line_and_replicas_share_it() -> None:
    transcript = Transcript()
    with Console(transcript, coloured=True) as console:
        console.say("chat-2", "hello")
    assert transcript.lines() == ["\033[36mchat-2  |\033[0m hello"]


async def test_stuck_reader_stalls_nobody_and_learns_what_was_dropped() -> None:
    stream = StuckStream()
    said = MAX_WAITING_LINES * 2
    with Console(stream, coloured=False) as console:
        for number in range(said):
            console.say("chat", f"line {number}")  # would block forever if it waited
        stream.go.set()
        await until(lambda: len(stream.lines()) >= MAX_WAITING_LINES)
        console.say("chat", "after")
    lines = stream.lines()
    kept = [line for line in lines if line.startswith("chat    | line")]
    notices = [line for line in lines if "lines dropped" in line]
    assert kept[:MAX_WAITING_LINES] == [f"chat    | line {n}" for n in range(MAX_WAITING_LINES)]
    assert len(kept) + sum(int(line.split()[2]) for line in notices) == said
    assert lines[-1] == "chat    | after"


def test_gone_reader_is_reported_and_nothing_raises() -> None:
    broken = threading.Event()
    with Console(BrokenStream(), coloured=False) as console:
        console.on_closed(broken.set)
        console.say("chat", "hello")
        assert broken.wait(10)
        console.say("chat", "still here")
