"""Correct histories at random, as a faultless portal would leave them, with a fault every ten seconds."""

import random
from dataclasses import dataclass, replace

from opsroom_contracts.cloud.commands import COMMANDS, Command
from tests.faults.nemesis.plan import FaultKind
from tests.faults.referee.made_up_approvals import asked, decisions, refused
from tests.faults.rules.commands import FINALS
from tests.faults.rules.lifecycle import content_of as event_content
from tests.faults.rules.lifecycle import must_fail
from tests.faults.rules.messages import content_of
from tests.faults.verification.cloud_history import Accepted, AuditRecord, Conflict, Snapshot, StoredEvent
from tests.faults.verification.history import (
    Attempt,
    Connected,
    CourseReader,
    History,
    HistoryPage,
    Holding,
    Listing,
    NameWait,
    Outage,
    Presence,
    Removal,
    Restraint,
    Sent,
    Wait,
    digest,
)
from tests.faults.verification.readers import Reader, Segment
from tests.faults.verification.stored_message import StoredMessage
from tests.faults.verification.verdict import Bounds

BOUNDS = Bounds()
BEGIN, END = 1000.0, 1600.0
DELAY = 10.0
PEOPLE = ("ann", "bob", "cid", "dan")
ADMIN, TROLL = "root", "troll"
_OUTAGES = (
    FaultKind.GATEWAY_KILL,
    FaultKind.GATEWAY_CUT,
    FaultKind.CHAT_KILL_ALL,
    FaultKind.CLOUD_PAUSE,
    FaultKind.BROKER_KILL,
)


@dataclass(slots=True)
class _Maker:
    history: History
    rng: random.Random

    def faults(self) -> None:
        """One every ten seconds, each felt for as long as its kind allows."""
        at = BEGIN
        while at < END:
            kind = self.rng.choice(_OUTAGES)
            where = self.rng.choice(("g1", "g2")) if kind.value.startswith("gateway") else ""
            healed = at + self.rng.uniform(0.1, 2.0)
            self.history.outages.append(Outage(kind.value, at, healed, 5.0, where))
            at += 10.0

    def messages(self) -> None:
        """Messages of everybody, some acknowledged twice, and two of them removed later."""
        rng, life, seq = self.rng, self.history.chat, 0
        at = BEGIN
        for number in range(60):
            at += rng.uniform(1.0, 9.0)
            seq += rng.randint(1, 2)
            author = rng.choice(PEOPLE)
            key, text = f"{author}.{number}", digest(f"{author}.{number} says ü {number}")
            room = rng.choice(("general", "ops"))
            self.history.sent[key] = Sent(room, author, text)
            life.messages.append(StoredMessage(seq, key, at, room, author, text))
            life.acks += [(key, seq)] * rng.choice((0, 1, 1, 2))
        for victim in rng.sample(life.messages[:40], 2):
            seq += 1
            at += rng.uniform(1.0, 3.0)
            life.messages.append(StoredMessage(seq, victim.key, at, victim.room, removes=victim.seq))
            life.removals.append(Removal(victim.seq, victim.key, at - 0.1, at + 0.1, victim.key, ADMIN))
        self.history.sent["unacknowledged"] = Sent("general", "ann", digest("unacknowledged"))
        removed = {removal.seq for removal in life.removals}
        self.kept = [message for message in life.messages if message.seq not in removed]
        for message in life.messages:
            life.contents[message.seq] = content_of(message)

    kept: list[StoredMessage]

    def readers(self) -> None:
        """Readers that resume, and pages of the history at the end."""
        life = self.history.chat
        live = [(one.seq, one.at) for one in life.messages]
        replayed = [(one.seq, one.at) for one in self.kept]
        for name in PEOPLE:
            life.readers.append(self._reader(name, live, replayed))
        for room in ("general", "ops"):
            shown = {
                one.seq: content_of(one) for one in self.kept if one.room == room and one.removes is None
            }
            life.pages.append(HistoryPage(room, END + 20, shown))
        removed = {removal.key for removal in life.removals}
        general = [one for one in life.messages if one.room == "general" and one.removes is None]
        said = [one for one in general[5:20] if one.key not in removed]
        life.course.append(
            CourseReader("course", [one.key for one in said], [f"{one.author}|{one.text}" for one in said])
        )

    def _reader(self, name: str, live: list[tuple[int, float]], replayed: list[tuple[int, float]]) -> Reader:
        reader = Reader(name, stayed=True)
        cuts = sorted(self.rng.uniform(BEGIN, END) for _ in range(3))
        opened, after = BEGIN + self.rng.uniform(0, 3), 0
        for closed in (*cuts, END + 30):
            segment = Segment(
                after,
                fresh=not reader.segments,
                where=self.rng.choice(("g1", "g2")),
                opened=opened,
                closed=closed,
            )
            arriving = [(seq, opened) for seq, at in replayed if seq > after and at < opened]
            arriving += [(seq, at + 0.05) for seq, at in live if seq > after and opened <= at < closed - 0.1]
            for seq, at in sorted(arriving):
                segment.seqs.append(seq)
                segment.arrivals.arrived(seq, at)
            reader.segments.append(segment)
            opened, after = closed + self.rng.uniform(0.1, 1.0), segment.last
        return reader

    def servers(self) -> None:
        """Servers through their lives, with refusals, cancels and failures, and lists of them."""
        rng, life = self.rng, self.history.cloud
        happened: list[StoredEvent] = []
        for number in range(6):
            state, at, instance = "", BEGIN + rng.uniform(0, 20), f"i{number}"
            for turn in range(rng.randint(2, 8)):
                command = self._valid(state)
                actor, operation = rng.choice(("op1", "op2")), f"o{number}.{turn}"
                if rng.random() < 0.15:
                    at = self._refused(happened, (command, operation, instance), state, at)
                    if not state:
                        break
                    continue
                final, after = self._outcome(command, operation, state)
                lasted = DELAY + rng.uniform(0, 0.5) if final != "cancelled" else rng.uniform(1, 5)
                before = state or "stopped"
                received = StoredEvent(0, "received", operation, instance, command, before, at, actor)
                asking = asked(received, rng) if rng.random() < 0.3 else []
                wait = at - asking[0].at if asking else 0.0
                life.decisions += decisions(asking) if asking else []
                happened += [
                    *(replace(event, at=event.at + wait) for event in (*asking, received)),
                    StoredEvent(
                        0, final, operation, instance, command, after or before, at + wait + lasted, actor
                    ),
                ]
                cancelled = final == "cancelled"
                life.accepted.append(
                    Accepted(
                        *(operation, command, instance, f"k{operation}", at - 0.1, at + 0.1),
                        *(cancelled, cancelled, actor),
                    )
                )
                self.history.ordered.add(("start", "op3", instance))
                life.conflicts.append(
                    Conflict("start", instance, "operation_pending", operation, at + 0.3, at + 0.4, "op3")
                )
                at, state = at + wait + lasted + rng.uniform(0.5, 5), after
                if not state:
                    break
        happened.sort(key=lambda event: event.at)
        life.events = [
            StoredEvent(seq, *(getattr(event, name) for name in StoredEvent.__slots__[1:]))
            for seq, event in enumerate(happened, 1)
        ]
        for event in life.events:
            life.contents[event.seq] = event_content(event)
        seen = [(event.seq, event.at) for event in life.events]
        life.watchers.append(self._reader("op1", seen, seen))
        self._snapshots()

    def _refused(
        self, happened: list[StoredEvent], what: tuple[str, str, str], state: str, at: float
    ) -> float:
        """Add an operation that is not approved. Return when the next one may begin."""
        command, operation, instance = what
        received = StoredEvent(0, "received", operation, instance, command, state or "stopped", at, "op1")
        events = refused(received, self.rng)
        happened += events
        self.history.cloud.decisions += decisions(events)
        self.history.cloud.accepted.append(
            Accepted(operation, command, instance, f"k{operation}", at - 0.1, at + 0.1, actor="op1")
        )
        return events[-1].at + self.rng.uniform(0.5, 5)

    def _valid(self, state: str) -> str:
        if not state:
            return "create"
        return self.rng.choice([str(one.command) for one in COMMANDS.values() if state in one.needs])

    def _outcome(self, command: str, operation: str, state: str) -> tuple[str, str]:
        """Return the final event and the state after it; empty: there is no server."""
        if self.rng.random() < 0.15:
            return "cancelled", state
        if must_fail(operation, self.history.failure_rate):
            return "failed", state
        leaves = COMMANDS[Command(command)].leaves
        return FINALS[command], "" if leaves is None else str(leaves)

    def _snapshots(self) -> None:
        life, shown = self.history.cloud, dict[str, str]()
        for event in life.events:
            ended = event.type == "removed" or (
                event.command == "create" and event.type in {"cancelled", "failed", "denied", "expired"}
            )
            is_pending = event.type in {"received", "requested", "approved"}
            shown[event.instance] = f"{event.state} {event.operation if is_pending else ''}"
            if ended:
                del shown[event.instance]
            if self.rng.random() < 0.4:
                copy = dict(shown)
                life.snapshots.append(Snapshot("op1", event.seq, copy, dict(copy), event.at + 0.01))

    def people(self) -> None:
        """People who come and go, and are on the lists of all others meanwhile."""
        rng, history = self.rng, self.history
        for name in PEOPLE:
            start = BEGIN + rng.uniform(0, 20)
            while start < END:
                end = min(start + rng.uniform(30, 200), END)
                where = rng.choice(("g1", "g2"))
                history.connected.append(Connected(name, where, start, end))
                history.presences.append(Presence(name, start, end))
                history.holdings.append(Holding(name, f"{name} at {start:.0f}", start, end))
                start = end + rng.uniform(10, 60)
        for viewer in history.connected:
            for person in history.connected:
                shown = max(viewer.start, person.start) + rng.uniform(0, 0.5)
                gone = min(viewer.end, person.end + rng.uniform(0, 9))
                if shown < gone:
                    history.listings.append(Listing(viewer.name, person.name, shown, gone))
        for holding in history.holdings[::2]:
            history.stuck.append(NameWait(holding.name, holding.start + 1, holding.end + 5))
        history.waits += [Wait("a message", "ann", at, at + 1.5) for at in (1100.0, 1200.0, 1300.0)]

    def trolls(self) -> None:
        """Somebody who is muted for a while and tries to send all the time."""
        rng, history = self.rng, self.history
        muted = BEGIN + rng.uniform(100, 200)
        lifted = muted + rng.uniform(50, 100)
        history.restraints.append(
            Restraint("mute", TROLL, muted, muted + 0.1, ADMIN, "r1", 1, lifted, lifted + 0.1)
        )
        at = BEGIN
        while at < END:
            result = "muted" if muted < at < lifted else "ack"
            history.attempts.append(Attempt(TROLL, f"{TROLL}.{at:.0f}", at, at + 0.05, result))
            at += rng.uniform(1, 5)
        history.connected.append(Connected(TROLL, "g1", BEGIN, END, reads=False))
        history.presences.append(Presence(TROLL, BEGIN, END))
        for viewer in history.connected:
            if viewer.reads:
                history.listings.append(Listing(viewer.name, TROLL, viewer.start + 0.1, viewer.end))

    def audit(self) -> None:
        """An entry for everything, and a page of it that was read meanwhile."""
        history, life, found = self.history, self.history.cloud, list[AuditRecord]()
        for one in life.accepted:
            rest = (one.actor, one.instance, one.operation)
            found.append(AuditRecord(0, "", one.answered, "accepted", one.command, *rest))
            if one.cancelled:
                found.append(AuditRecord(0, "", one.answered + 1, "accepted", "cancel", *rest))
        for no in life.conflicts:
            rest = (no.actor, no.instance, no.operation)
            found.append(AuditRecord(0, "", no.answered, "refused", no.command, *rest, no.code))
        for mute in history.restraints:
            found.append(AuditRecord(0, "", mute.acked, "accepted", mute.kind, mute.actor, mute.name))
            found.append(AuditRecord(0, "", mute.lift_acked, "accepted", "lift", mute.actor, mute.name))
        for gone in history.chat.removals:
            found.append(
                AuditRecord(0, "", gone.done or 0, "accepted", "remove_message", gone.actor, gone.ident)
            )
        found.sort(key=lambda record: record.at)
        life.audit = [
            AuditRecord(seq, f"e{seq}", *(getattr(one, name) for name in AuditRecord.__slots__[2:]))
            for seq, one in enumerate(found, 1)
        ]
        life.audit_pages.append(life.audit[3:9])


def generated(seed: int) -> History:
    """Return a correct history of ten minutes."""
    history = History(DELAY, failure_rate=0.1, began=BEGIN, ended=END)
    maker = _Maker(history, random.Random(seed), [])
    maker.faults()
    maker.messages()
    maker.readers()
    maker.servers()
    maker.people()
    maker.trolls()
    maker.audit()
    return history
