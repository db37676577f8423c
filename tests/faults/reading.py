"""What a person is shown: the messages, in order, and who is there."""

import time
from typing import Any

from tests.faults.history import Listing, Part, Reader
from tests.faults.ledger import Ledger

Frame = dict[str, Any]


class Reading:
    """All that one person saw, over all their connections."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self.reader = Reader(name)
        self.listed: set[str] = set()
        self._ledger = ledger
        self._name = name
        self._contents = ledger.history.contents
        self._part: Part | None = None
        self._shown: dict[str, float] = {}

    @property
    def last(self) -> int:
        """The last sequence seen."""
        return self.reader.parts[-1].last if self.reader.parts else 0

    @property
    def since(self) -> int | None:
        """Where to resume: None for someone who begins."""
        return None if self._part is None else self._part.last

    def begin_anew(self) -> None:
        """They are somebody else now: nothing is resumed."""
        self._part = None

    def message(self, payload: bytes) -> None:
        """A message; its digest must be everybody's."""
        seq = int(payload[7 : payload.index(b",", 7)])
        part = self._part
        if part is None:
            self._ledger.refuse(f"{self._name} got a message before the welcome")
            return
        part.seqs.append(seq)
        digest = hash(payload)
        if self._contents.setdefault(seq, digest) != digest:
            self._ledger.refuse(f"{self._name} saw another message at {seq} than others")

    def welcomed(self, frame: Frame, port: int) -> None:
        """The list, and from where on messages come."""
        if self._part is None:
            self._begin(Part(int(frame["seq"]), reset=bool(self.reader.parts)))
        else:
            self._begin(Part(self._part.last))
        now = time.time()
        self.listed = {user["name"] for user in frame["users"]}
        self._shown = dict.fromkeys(self.listed, now)
        if self._name not in self.listed:
            self._ledger.refuse(f"{self._name} is not on the list that welcomed them (port {port})")

    def joined(self, name: str) -> None:
        """Somebody came."""
        self.listed.add(name)
        self._shown.setdefault(name, time.time())

    def left(self, name: str) -> None:
        """Somebody went."""
        self.listed.discard(name)
        start = self._shown.pop(name, None)
        if start is not None:
            self._ledger.history.listings.append(Listing(self._name, name, start, time.time()))

    def reset(self, seq: int) -> None:
        """What was missed can't be told."""
        self._ledger.resets += 1
        self._ledger.refuse(f"{self._name} was told reset at {seq}, having seen {self.last}")
        self._begin(Part(seq, reset=True))

    def forget_list(self) -> None:
        """What was listed is listed no more: the connection is gone."""
        now = time.time()
        for name, start in self._shown.items():
            self._ledger.history.listings.append(Listing(self._name, name, start, now))
        self._shown.clear()
        self.listed = set()

    def _begin(self, part: Part) -> None:
        self._part = part
        self.reader.parts.append(part)
