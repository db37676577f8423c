"""The audit: one entry for each command and each act of moderation, and no other."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from math import inf

from opsroom_contracts.cloud.commands import Command
from tests.faults.nemesis.plan import FaultKind
from tests.faults.verification.cloud_history import AuditRecord, CloudLife, Conflict
from tests.faults.verification.excuses import Domain, Excuses
from tests.faults.verification.history import History
from tests.faults.verification.verdict import Bounds, Violation

_BEFORE_SECONDS = 1.0
_CROWDED_SECONDS = 2.0
_COMMANDS = {*(command.value for command in Command), "cancel"}
_RESTARTS = {FaultKind.ROLLING, FaultKind.RESTORE}
_CLOUD_ENDS = {
    FaultKind.CLOUD_KILL,
    FaultKind.CLOUD_TERM,
    FaultKind.CLOUD_KILL_ACCEPTING,
    FaultKind.CLOUD_KILL_FINISHING,
    FaultKind.CLOUD_KILL_WORKING,
}
_CHAT_ENDS = {FaultKind.CHAT_KILL, FaultKind.CHAT_TERM, FaultKind.CHAT_KILL_IN_SEND, FaultKind.CHAT_KILL_ALL}
_STALLED = {FaultKind.BROKER_KILL, FaultKind.BROKER_TERM, FaultKind.BROKER_PAUSE, FaultKind.BROKER_SLEEP}


def audit(history: History, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    """Compare the audit with what clients did.

    A killed process loses the entries that it has not stored; only then may one be missing.
    """
    yield from _entries_of_commands(history, bounds, excuses)
    for life in history.clouds:
        yield from _doubled(life)
    yield from _entries_of_conflicts(history, bounds, excuses)
    yield from _entries_of_moderation(history, bounds, excuses)
    for life in history.clouds:
        yield from _pages(life)


def _records(history: History) -> list[AuditRecord]:
    """Return all entries that were ever stored; a restore keeps those of the backup in their places."""
    return list({(one.seq, one.ident): one for life in history.clouds for one in life.audit}.values())


def _lost(
    history: History, kinds: set[FaultKind], asked: float, done: float, bounds: Bounds, excuses: Excuses
) -> bool:
    """Whether a process may have been killed before it stored the entry of an action."""
    late = done + bounds.audited
    late += excuses.seconds(Domain.COMMANDS, done, late)
    for outage in history.outages:
        kind = FaultKind(outage.kind)
        if kind in kinds | _RESTARTS and asked - _BEFORE_SECONDS <= outage.healed and outage.start <= late:
            return True
    return False


def _entries_of_commands(history: History, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    entries: dict[tuple[str, str], list[AuditRecord]] = defaultdict(list)
    for record in _records(history):
        if record.outcome == "accepted" and record.operation:
            entries[record.action, record.operation].append(record)
    for life in history.clouds:
        for accepted in life.accepted:
            wanted = [(accepted.command, accepted.operation)]
            wanted += [("cancel", accepted.operation)] if accepted.cancelled else []
            for action, operation in wanted:
                found = entries.get((action, operation), [])
                # Another operator may cancel.
                if action != "cancel" and any(one.actor != accepted.actor for one in found):
                    yield Violation("audit altered", f"{action} {operation} names {found[0].actor}")
                if not found and not _lost(
                    history, _CLOUD_ENDS, accepted.asked, accepted.answered, bounds, excuses
                ):
                    yield Violation("audit missed", f"{action} {operation} of {accepted.actor}")
    known = {event.operation for life in history.clouds for event in life.events}
    for action, operation in entries:
        if operation not in known:
            yield Violation("audit invented", f"{action} {operation}: there is no such operation")


def _doubled(life: CloudLife) -> Iterator[Violation]:
    counts = Counter(
        # Several people may approve one operation, each once.
        (
            f"{record.action} by {record.actor}" if record.action == "approve" else record.action,
            record.operation,
        )
        for record in life.audit
        if record.outcome == "accepted" and record.operation
    )
    for (action, operation), count in counts.items():
        if count > 1:
            yield Violation("audit doubled", f"{action} {operation}: {count} entries")


def _entries_of_conflicts(history: History, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    refused = Counter(
        (record.action, record.actor, record.target, record.code)
        for record in _records(history)
        if record.outcome == "refused"
    )
    wanted: Counter[tuple[str, str, str, str]] = Counter()
    times = _times_of_refusals(history)
    for life in history.clouds:
        for conflict in life.conflicts:
            lost = _lost(history, _CLOUD_ENDS, conflict.asked, conflict.answered, bounds, excuses)
            if not lost and not _crowded(times, conflict):
                wanted[conflict.command, conflict.actor, conflict.instance, conflict.code] += 1
    for (action, actor, target, code), count in wanted.items():
        if refused[action, actor, target, code] < count:
            yield Violation("audit missed", f"a refusal ({code}) of {action} {target} by {actor}")
    for action, actor, target, code in refused:
        if action in _COMMANDS and (action, actor, target) not in history.ordered:
            yield Violation("audit invented", f"a refusal ({code}) of {action} {target} by {actor}")


def _times_of_refusals(history: History) -> list[float]:
    """Return when commands were refused, ascending, if servers behind agents are commanded as well."""
    if history.agent is None:
        return []
    conflicts = [one.answered for life in history.clouds for one in life.conflicts]
    return sorted([*conflicts, *(one.at for one in history.agent.refused)])


def _crowded(times: list[float], conflict: Conflict) -> bool:
    """Whether there was another refusal at that time: each process audits one a second for an address."""
    since, until = conflict.asked - _CROWDED_SECONDS, conflict.answered + _CROWDED_SECONDS
    return bisect_left(times, until) - bisect_right(times, since) > 1


def _entries_of_moderation(history: History, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    found = Counter(
        (record.action, record.actor, record.target)
        for record in _records(history)
        if record.outcome == "accepted" and not record.operation
    )
    done: list[tuple[str, str, str, float, float]] = []
    asked: Counter[tuple[str, str, str]] = Counter()
    for restraint in history.restraints:
        key = (restraint.kind, restraint.actor, restraint.name)
        asked[key] += restraint.tries
        if restraint.acked < inf:
            done.append((*key, restraint.asked, restraint.acked))
        if restraint.lift_acked < inf:
            done.append(("lift", restraint.actor, restraint.name, restraint.lift_asked, restraint.lift_acked))
    for life in history.chats:
        done += [
            ("remove_message", one.actor, one.ident, one.asked, one.done)
            for one in life.removals
            if one.done is not None and one.actor  # what authors delete is not audited
        ]
    wanted = Counter(
        (action, actor, target)
        for action, actor, target, begun, over in done
        if not _lost(history, _CHAT_ENDS, begun, over, bounds, excuses)
    )
    for (action, actor, target), count in wanted.items():
        if found[action, actor, target] < count:
            yield Violation("audit missed", f"{action} {target} by {actor}")
    for (action, actor, target), count in found.items():
        if action in {"mute", "ban"} and count > asked[action, actor, target]:
            yield Violation("audit doubled", f"{action} {target} by {actor}: {count} entries")


def _pages(life: CloudLife) -> Iterator[Violation]:
    """What an admin reads in between has all entries of its range, as they are at the end."""
    final = {record.seq: record for record in life.audit}
    for page in life.audit_pages:
        if not page:
            continue
        first, last = page[0].seq, page[-1].seq
        if page != [final[seq] for seq in range(first, last + 1) if seq in final]:
            yield Violation("audit altered", f"a page from {first} to {last} differs from the stream")
