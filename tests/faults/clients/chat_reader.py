"""What a user receives: the messages, in order, and the presence list."""

import time
from typing import Any

from tests.faults.clients.recorder import Recorder
from tests.faults.verification.history import Listing, Reader, Segment

Frame = dict[str, Any]


class ChatReader:
    """All that a user received, over all connections."""

    def __init__(self, recorder: Recorder, name: str) -> None:
        self.reader = Reader(name)
        self.listed: set[str] = set()
        self._recorder = recorder
        self._name = name
        self._contents = recorder.history.contents
        self._segment: Segment | None = None
        self._shown: dict[str, float] = {}

    @property
    def last(self) -> int:
        """The last sequence number received."""
        return self.reader.segments[-1].last if self.reader.segments else 0

    @property
    def since(self) -> int | None:
        """The sequence number to resume from; None at the first connection."""
        return None if self._segment is None else self._segment.last

    def begin_anew(self) -> None:
        """Forget the position after a new registration."""
        self._segment = None

    def message(self, payload: bytes) -> None:
        """Record a message. Its digest must be the same for all readers."""
        seq = int(payload[7 : payload.index(b",", 7)])
        segment = self._segment
        if segment is None:
            self._recorder.record_violation(f"{self._name} got a message before the welcome")
            return
        segment.seqs.append(seq)
        digest = hash(payload)
        if self._contents.setdefault(seq, digest) != digest:
            self._recorder.record_violation(f"{self._name} saw another message at {seq} than others")

    def welcomed(self, frame: Frame, port: int) -> None:
        """Record the welcome: the presence list and the position."""
        if self._segment is None:
            self._begin(Segment(int(frame["seq"]), reset=bool(self.reader.segments)))
        else:
            self._begin(Segment(self._segment.last))
        now = time.time()
        self.listed = {user["name"] for user in frame["users"]}
        self._shown = dict.fromkeys(self.listed, now)
        if self._name not in self.listed:
            self._recorder.record_violation(
                f"{self._name} is not on the list that welcomed them (port {port})"
            )

    def joined(self, name: str) -> None:
        """Record that a user joined."""
        self.listed.add(name)
        self._shown.setdefault(name, time.time())

    def left(self, name: str) -> None:
        """Record that a user left."""
        self.listed.discard(name)
        start = self._shown.pop(name, None)
        if start is not None:
            self._recorder.history.listings.append(Listing(self._name, name, start, time.time()))

    def reset(self, seq: int) -> None:
        """Record a reset, which is a violation."""
        self._recorder.resets += 1
        self._recorder.record_violation(f"{self._name} was told reset at {seq}, having seen {self.last}")
        self._begin(Segment(seq, reset=True))

    def forget_list(self) -> None:
        """End all listings, because the connection is lost."""
        now = time.time()
        for name, start in self._shown.items():
            self._recorder.history.listings.append(Listing(self._name, name, start, now))
        self._shown.clear()
        self.listed = set()

    def _begin(self, segment: Segment) -> None:
        self._segment = segment
        self.reader.segments.append(segment)
