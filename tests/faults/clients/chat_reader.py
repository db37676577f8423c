"""What a user receives: the messages, in order, and the presence list."""

import json
import time
from typing import Any

from tests.faults.clients.recorder import Recorder
from tests.faults.verification.history import ChatLife, LateDelivery, Listing, digest, shown_options
from tests.faults.verification.readers import Reader, Segment

Frame = dict[str, Any]


def shown_message(frame: Frame) -> str:
    """Return the content of a message as the history records it."""
    files = tuple(file["id"] for file in frame.get("files", ()))
    more = shown_options(frame.get("thread", ""), files)
    return f"{frame['room']}|{frame['user']['name']}|{digest(frame['text'])}{more}"


def shown_change(frame: Frame) -> str:
    """Return the content of another stored event as the history records it."""
    about = f"{frame['type']}|{frame['room']}"
    match frame["type"]:
        case "removed":
            return f"{about}|{frame['messageSeq']}"
        case "edited":
            message = frame["message"]
            return f"{about}|{message['seq']}|{message['user']['name']}|{digest(message['text'])}"
        case "reaction":
            who = f"{frame['user']['id']}|{frame['emoji']}|{frame['on']}|{frame['count']}"
            return f"{about}|{frame['messageSeq']}|{who}"
        case _:
            return f"{about}|{frame['messageSeq']}|{frame['user']['id']}|{frame['on']}"


class ChatReader:
    """All that a user received, over all connections."""

    def __init__(self, recorder: Recorder, name: str, label: str = "") -> None:
        """``label``: of this device, if the user has several."""
        self.listed: set[str] = set()
        self._recorder = recorder
        self._name = name
        self._label = label or name
        self._user = ""
        self._reader = Reader(self._label)
        self._life: ChatLife | None = None
        self._segment: Segment | None = None
        self._position: int | None = None
        self._epoch: str | None = None
        self._latest: bytes | Frame = {}
        """What has the timestamp of the position: a message as it came, or another frame."""
        self._shown: dict[str, float] = {}

    @property
    def last(self) -> int:
        """The last sequence number received of the present stream."""
        return (self._position or 0) if self._life is self._recorder.chat else 0

    @property
    def epoch(self) -> str | None:
        """The epoch of the position."""
        return self._epoch

    def resume(self) -> Frame:
        """Return the fields of `hello` that say from where to resume; none at the first connection."""
        if self._position is None:
            return {}
        latest = json.loads(self._latest) if isinstance(self._latest, bytes) else self._latest
        known = {"epoch": self._epoch, "timestamp": latest.get("timestamp")}
        return {"since": self._position, **{name: value for name, value in known.items() if value}}

    def begin_anew(self) -> None:
        """Forget the position after a new registration."""
        self._position = self._epoch = None

    def stay(self) -> None:
        """Mark the reader as one that was there at the end."""
        if self._life is self._recorder.chat:
            self._reader.stayed = True
        elif self._recorder.chat.messages:
            self._recorder.record_violation(f"{self._label} saw nothing of the new stream")

    def message(self, payload: bytes) -> None:
        """Record a message. It must be the same for all readers, and as it is stored."""
        seq = int(payload[7 : payload.index(b",", 7)])
        life = self._take(seq, payload)
        if life is None:
            return
        seen = hash(payload)
        if life.payloads.setdefault(seq, seen) != seen or seq not in life.contents:
            self._compare(life, seq, shown_message(json.loads(payload)))
        if life is self._recorder.chat and seq in self._recorder.erased:
            self._late(life, seq)

    def event(self, frame: Frame) -> None:
        """Record another stored event, or a message with options, in the same way."""
        seq = int(frame["seq"])
        life = self._take(seq, frame)
        if life is None:
            return
        is_message = frame["type"] == "message"
        self._compare(life, seq, shown_message(frame) if is_message else shown_change(frame))
        if life is not self._recorder.chat or frame["type"] not in {"message", "edited"}:
            return
        if seq in self._recorder.erased:
            self._late(life, seq)
        elif not is_message and int(frame["message"]["seq"]) in self._recorder.removed:
            self._late(life, int(frame["message"]["seq"]))

    def heartbeat(self, frame: Frame) -> None:
        """Take over the position: everything up to there has arrived that concerns this user."""
        seq = frame.get("seq")
        if self._segment is None or seq is None or seq <= (self._position or 0):
            return
        self._segment.idle = int(seq)
        self._segment.arrivals.arrived(int(seq), time.time())
        self._position, self._latest = int(seq), frame

    def _compare(self, life: ChatLife, seq: int, shown: str) -> None:
        if life.contents.setdefault(seq, shown) != shown:
            self._recorder.record_violation(f"{self._label} saw another message at {seq} than others")

    def _late(self, life: ChatLife, seq: int) -> None:
        where = "" if self._segment is None else self._segment.where
        life.shown_after_removal.append(LateDelivery(self._label, where, seq, time.time()))

    def _take(self, seq: int, event: bytes | Frame) -> ChatLife | None:
        """Record that an event arrived. Returns the life of the stream to which it belongs."""
        if self._segment is None:
            self._recorder.record_violation(f"{self._label} got a message before the welcome")
            return None
        if seq <= self._segment.idle:
            words = f"{self._label} got {seq} after a heartbeat for {self._segment.idle}"
            self._recorder.record_violation(words)
        self._segment.seqs.append(seq)
        self._segment.arrivals.arrived(seq, time.time())
        self._position, self._latest = seq, event
        return self._life

    def welcomed(self, frame: Frame, where: str) -> None:
        """Record the welcome: the presence list and the position."""
        fresh, known = self._position is None, self._epoch
        if fresh or self._epoch is None:
            self._epoch = frame.get("epoch")
        self._user = frame["user"]["id"]
        if fresh:
            # With a count of what is unread, messages after the count follow.
            self._position = int(frame.get("unread", {}).get("asOf", frame["seq"]))
            self._latest = frame if self._position == frame["seq"] else {}
        after = int(frame["seq"]) if self._position is None else self._position
        self._begin(Segment(after, where=where, fresh=fresh), frame, known)
        now = time.time()
        self.listed = {user["name"] for user in frame["users"]}
        self._shown = dict.fromkeys(self.listed, now)
        if self._name not in self.listed:
            self._recorder.record_violation(f"{self._name} is not on the list that welcomed them ({where})")

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

    def reset(self, frame: Frame) -> None:
        """Record a reset: whether it had a reason is judged later."""
        seq, known = int(frame["seq"]), self._epoch
        self._position, self._epoch, self._latest = seq, frame.get("epoch"), frame
        self._recorder.resets += 1
        where = "" if self._segment is None else self._segment.where
        if self._segment is not None and not len(self._segment.seqs):
            self._discard(self._segment)
        self._begin(Segment(seq, where=where, reset=True), frame, known)

    def forget_list(self) -> None:
        """End all listings, because the connection is lost."""
        now = time.time()
        for name, start in self._shown.items():
            self._recorder.history.listings.append(Listing(self._name, name, start, now))
        self._shown.clear()
        self.listed = set()
        if self._segment is not None:
            self._segment.closed = now

    def _discard(self, segment: Segment) -> None:
        """A reset right after the welcome replaces the segment that the welcome began."""
        if self._reader.segments and self._reader.segments[-1] is segment:
            self._reader.segments.pop()

    def _begin(self, segment: Segment, frame: Frame, known: str | None) -> None:
        """Begin a segment of the stream whose epoch ``frame`` names. ``known``: the reader's epoch before.

        A gateway may still serve a stream that was deleted a moment ago, until it notices and sends a reset.
        """
        segment.opened = time.time()
        segment.known, segment.epoch = known or "", frame.get("epoch") or ""
        segment.user = self._user
        life = self._recorder.chat_of(frame.get("epoch"))
        if self._segment is not None:
            self._segment.closed = min(self._segment.closed, segment.opened)
        if self._life is not life:
            self._life = life
            self._reader = Reader(self._label)
            life.readers.append(self._reader)
        self._segment = segment
        self._position = segment.after
        self._reader.segments.append(segment)
