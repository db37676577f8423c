"""The referee finds nothing in a correct history, and every kind of violation in a corrupted one."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.nemesis.plan import FaultKind
from tests.faults.referee.made_up import BEGIN, BOUNDS, generated
from tests.faults.referee.mutation import Mutation, plain
from tests.faults.referee.mutations import approvals, messages, people, servers
from tests.faults.rules.commands import max_late
from tests.faults.rules.readers import epochs
from tests.faults.verification.checker import check, judged
from tests.faults.verification.cloud_history import CloudLife, StoredEvent
from tests.faults.verification.excuses import EXCUSES, LEASE_RECOVERY, OTHERS_SECONDS, Domain, Excuses
from tests.faults.verification.history import (
    ChatLife,
    CourseReader,
    History,
    LateDelivery,
    NameWait,
    Outage,
    Removal,
)
from tests.faults.verification.readers import Reader, Segment
from tests.faults.verification.seqs import Arrivals, Seqs
from tests.faults.verification.stored_message import StoredMessage
from tests.faults.verification.verdict import Bounds

MUTATIONS = (*messages.MUTATIONS, *servers.MUTATIONS, *people.MUTATIONS, *approvals.MUTATIONS)
SEEDS = st.integers(min_value=0, max_value=2**32)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(SEEDS)
def test_correct_histories_pass(seed: int) -> None:
    history = generated(seed)
    assert check(history, BOUNDS) == []
    assert max_late(history) < 1.0


@pytest.mark.parametrize(
    ("rule", "mutation"), MUTATIONS, ids=[mutation.__name__ for _, mutation in MUTATIONS]
)
def test_each_violation_is_found_in_spite_of_a_fault_every_ten_seconds(rule: str, mutation: Mutation) -> None:
    for seed in range(4):
        history = generated(seed)
        mutation(history, random.Random(seed))
        assert rule in {violation.rule for violation in check(history, BOUNDS)}, seed


def outage(start: float, kind: str = "chat-kill-all", healed: float | None = None, where: str = "") -> Outage:
    return Outage(kind, start, start if healed is None else healed, where=where)


def test_an_excuse_lasts_no_longer_than_the_fault_and_its_recovery() -> None:
    recovery = EXCUSES[FaultKind.CHAT_KILL_ALL].recovery
    excuses = Excuses([outage(100, healed=102)])
    assert excuses.seconds(Domain.LISTS, 90, 200) == 2 + recovery
    assert excuses.seconds(Domain.COMMANDS, 90, 200) == 0
    assert Excuses([Outage("chat-kill-all", 100, 102, felt=0.5)]).seconds(Domain.LISTS, 90, 200) == 2.5


def test_overlapping_excuses_count_once_and_do_not_add_up() -> None:
    recovery = EXCUSES[FaultKind.CHAT_KILL_ALL].recovery
    assert Excuses([outage(100), outage(101)]).seconds(Domain.LISTS, 90, 200) == 1 + recovery
    endless = Excuses([outage(100 + 3 * number) for number in range(100)])
    assert endless.seconds(Domain.LISTS, 100, 400) == recovery + OTHERS_SECONDS
    long = Excuses([outage(100 + 3 * number) for number in range(10)] + [outage(100, "chat-sleep", 145)])
    assert long.seconds(Domain.LISTS, 100, 400) == 45 + EXCUSES[FaultKind.CHAT_SLEEP].recovery


def test_a_fault_of_a_gateway_excuses_its_own_readers() -> None:
    excuses = Excuses([outage(100, "gateway-cut-from-broker", 104, where="g1")])
    assert excuses.seconds(Domain.DELIVERIES, 90, 200, "g2", "ann") == 0
    assert excuses.seconds(Domain.DELIVERIES, 90, 200, "g1", "ann") == 8
    assert excuses.seconds(Domain.NAMES, 90, 200, "g2") == 8
    assert excuses.judged(Domain.DELIVERIES, 100, 200, ("g1", "g2")) == pytest.approx(0.96)


def test_every_kind_of_fault_has_a_bounded_excuse() -> None:
    assert set(EXCUSES) == set(FaultKind)
    longest = {kind: LEASE_RECOVERY if kind.startswith("agent-kill") else 12 for kind in FaultKind}
    assert all(excuse.recovery <= longest[kind] for kind, excuse in EXCUSES.items())
    assert all(excuse.local <= excuse.domains for excuse in EXCUSES.values())


def test_a_run_that_excuses_too_much_fails() -> None:
    history = generated(1)
    history.outages = [outage(BEGIN + 10 * number) for number in range(60)]
    assert judged(history)[Domain.LISTS] == pytest.approx(0.6)
    assert judged(history)[Domain.COMMANDS] == 1
    assert check(history, Bounds(judged=0.59)) == []
    found = check(history, Bounds(judged=0.61))
    assert [violation.rule for violation in found] == ["unjudged", "unjudged"]


def test_a_killed_process_may_lose_audit_entries_and_no_other() -> None:
    history = generated(3)
    history.cloud.audit_pages = []
    accepted = history.cloud.accepted[0]
    history.cloud.audit = [
        one for one in history.cloud.audit if one.operation != accepted.operation or one.outcome == "refused"
    ]
    history.outages = [outage(accepted.answered + 1, "cloud-kill")]
    assert check(history, BOUNDS) == []
    history.outages = [outage(accepted.answered + 60, "cloud-kill")]
    assert {violation.rule for violation in check(history, BOUNDS)} == {"audit missed"}


def two_lives(after: int, *, reset: bool) -> History:
    """Messages 1 to 6, then a restore of a backup with the first four, and two new ones."""
    history = generated(0)
    history.chats = [ChatLife(), ChatLife(kept=4)]
    for number in range(1, 9):
        message = StoredMessage(number if number < 7 else number - 2, f"m{number}")
        lives = (0,) if number in {5, 6} else (1,) if number > 6 else (0, 1)
        history.sent[message.key] = next(iter(history.sent.values()))
        message = StoredMessage(message.seq, message.key, BEGIN + number, *_fields(history, message.key))
        for life in lives:
            history.chats[life].messages.append(message)
    before = Reader("ann", [Segment(0, Seqs([1, 2, 3, 4, 5, 6]))])
    rest = [seq for seq in (5, 6) if seq > after] if not reset else [6]
    later = Reader("ann", [Segment(5 if reset else after, Seqs(rest), reset=reset)], stayed=True)
    history.chats[0].readers.append(before)
    history.chats[1].readers.append(later)
    return history


def _fields(history: History, key: str) -> tuple[str, str, str]:
    sent = history.sent[key]
    return sent.room, sent.author, sent.text


def test_after_a_restore_readers_are_reset_or_resume_within_the_backup() -> None:
    assert check(two_lives(6, reset=True), BOUNDS) == []
    assert check(two_lives(4, reset=False), BOUNDS) == []
    rules = {violation.rule for violation in check(two_lives(5, reset=False), BOUNDS)}
    assert rules == {"message resumed elsewhere"}


@pytest.mark.parametrize(("ended", "rules"), [(201.0, set()), (215.0, {"command late"})])
def test_what_is_pending_in_a_backup_ends_soon_after_the_restore(ended: float, rules: set[str]) -> None:
    history = History(delay=10)
    received = StoredEvent(1, "received", "o1", "i1", "create", "stopped", 100, "op1")
    created = StoredEvent(2, "created", "o1", "i1", "create", "stopped", 110, "op1")
    history.clouds = [
        CloudLife(events=[received, created]),
        CloudLife(kept=1, began=200, events=[received, replace(created, at=ended)]),
    ]
    assert {violation.rule for violation in check(history, BOUNDS)} == rules


def test_what_the_backup_held_is_there_after_the_restore() -> None:
    history = two_lives(4, reset=False)
    history.chats[1].messages.pop(0)
    assert "message lost" in {violation.rule for violation in check(history, BOUNDS)}


def test_a_reset_is_right_if_too_much_was_missed() -> None:
    history = generated(2)
    segment = history.chat.readers[0].segments[-1]
    segment.reset = True
    segment.after = history.chat.readers[0].segments[-2].last + 3
    history.replay_limit = 2
    segment.seqs = Seqs(seq for seq in segment.seqs if seq > segment.after)
    if not len(segment.seqs):
        segment.arrivals = Arrivals()
    assert "message reset" not in {violation.rule for violation in check(history, BOUNDS)}


@pytest.mark.parametrize(("spare", "rules"), [(0, ["course missed"]), (-1, [])])
def test_a_course_client_may_miss_what_is_too_much_to_be_replayed(spare: int, rules: list[str]) -> None:
    history = generated(2)
    room = [one for one in plain(history) if one.room == "general"]
    history.replay_limit = room[2].seq - room[0].seq + spare
    history.chat.course.append(CourseReader("k", [room[0].key, room[2].key]))
    assert [violation.rule for violation in check(history, BOUNDS)] == rules


def test_sequences_are_kept_as_they_came() -> None:
    came = [7, 8, 9, 9, 10, 3, 4, 12]
    seqs = Seqs(came)
    assert (list(seqs), len(seqs), seqs.last, seqs.most()) == (came, len(came), 12, 12)
    assert seqs.runs() == [(7, 9), (9, 10), (3, 4), (12, 12)]
    assert list(seqs.without({9, 4})) == [7, 8, 10, 3, 12]
    ascending = Seqs([1, 2, 3, 7, 8, 20])
    assert ascending.within(1, 7) == [(2, 3), (7, 7)]
    assert ascending.within(8, 100) == [(20, 20)]
    assert ascending.within(20, 100) == [] == Seqs().within(0, 9)


def test_arrivals_are_sampled_so_that_every_pause_shows() -> None:
    arrivals = Arrivals()
    for seq, at in enumerate((1.0, 1.1, 1.2, 9.0, 9.1, 9.7), 1):
        arrivals.arrived(seq, at)
    assert arrivals.samples() == [(1.0, 1), (1.2, 3), (9.0, 4), (9.1, 5), (9.7, 6)]


@pytest.mark.parametrize(
    ("rule", "mutation"),
    [one for one in MUTATIONS if one[0] in {"ghost", "command late", "absent", "name stuck"}],
)
def test_not_even_faults_without_a_pause_excuse_minutes(rule: str, mutation: Mutation) -> None:
    history = generated(4)
    mutation(history, random.Random(4))
    history.outages = [
        outage(BEGIN + 5 * number, kind, BEGIN + 5 * number + 5)
        for number in range(120)
        for kind in ("broker-kill", "chat-kill-all", "cloud-pause")
    ]
    assert judged(history)[Domain.LISTS] == 0
    assert rule in {violation.rule for violation in check(history, BOUNDS)}


def deleted_stream(left: float) -> History:
    """Messages 1 to 6, then another stream. Ann's gateway replays the first one until ``left``."""
    history = generated(0)
    history.outages = [outage(BEGIN + 20, "stream-recreated", BEGIN + 25)]
    old, new = ChatLife(ended=BEGIN + 22), ChatLife(kept=0)
    for seq in range(1, 7):
        key = f"m{seq}"
        history.sent[key] = next(iter(history.sent.values()))
        old.messages.append(StoredMessage(seq, key, BEGIN + seq, *_fields(history, key)))
    history.sent["n1"] = history.sent["m1"]
    new.messages.append(StoredMessage(1, "n1", BEGIN + 26, *_fields(history, "n1")))
    first = Segment(0, Seqs([1, 2, 3]), fresh=True, opened=BEGIN, closed=BEGIN + 3.5)
    replayed = Segment(3, Seqs([4, 5, 6]), opened=BEGIN + 23, closed=left)
    for at, segment in ((BEGIN + 1, first), (BEGIN + 23, replayed)):
        for seq in segment.seqs:
            segment.arrivals.arrived(seq, at + seq / 100)
    old.readers.append(Reader("ann", [first, replayed]))
    after = Segment(1, reset=True, opened=left, closed=BEGIN + 100)
    new.readers.append(Reader("ann", [after], stayed=True))
    history.chats = [old, new]
    return history


def test_a_gateway_may_serve_a_deleted_stream_until_it_has_to_notice() -> None:
    recovery = EXCUSES[FaultKind.STREAM_RECREATED].recovery
    latest = BEGIN + 25 + recovery + BOUNDS.noticed
    assert check(deleted_stream(latest - 0.1), BOUNDS) == []
    found = check(deleted_stream(latest + 0.1), BOUNDS)
    assert [violation.rule for violation in found] == ["message stale"]


def test_what_readers_are_shown_of_a_deleted_stream_is_judged() -> None:
    history = deleted_stream(BEGIN + 24)
    history.chats[0].readers[0].segments[1].seqs = Seqs([4, 6])
    history.chats[0].contents[6] = "general|ann|another"
    assert {violation.rule for violation in check(history, BOUNDS)} == {"message missed", "message altered"}


def reset_reader(known: str, epoch: str) -> History:
    """Ann misses nothing and is reset all the same."""
    history = generated(2)
    first, *_, last = history.chat.readers[0].segments
    last.reset, last.known, last.epoch = True, known, epoch
    first.epoch = "one"
    last.after = history.chat.readers[0].segments[-2].last
    return history


def test_a_reset_is_right_if_the_stream_has_another_epoch() -> None:
    assert check(reset_reader("one", "two"), BOUNDS) == []
    for known, epoch in (("one", "one"), ("", "two"), ("one", "")):
        rules = {violation.rule for violation in check(reset_reader(known, epoch), BOUNDS)}
        assert rules == {"message reset"}, (known, epoch)


@pytest.mark.parametrize(("kept", "nodes", "most"), [(None, 1, 3), (0, 3, 3), (9, 1, 3), (9, 3, 7)])
def test_the_epoch_changes_only_after_a_restore_and_a_few_times(
    kept: int | None, nodes: int, most: int
) -> None:
    def told(count: int) -> list[str]:
        segments = [Segment(0, epoch=f"e{number}") for number in range(count)]
        return [one.rule for one in epochs([Reader("ann", segments)], kept, nodes, "message")]

    assert told(most) == []
    assert told(most + 1) == ["epoch changed"]


@pytest.mark.parametrize(("until", "rules"), [(1255.0, []), (1285.0, ["name stuck"])])
def test_a_restored_claim_expires_after_the_restore(until: float, rules: list[str]) -> None:
    history = History(delay=1)
    history.outages = [outage(1200, "restore", 1215)]
    history.stuck = [NameWait("ann", 1150, until)]
    assert [violation.rule for violation in check(history, BOUNDS)] == rules


@pytest.mark.parametrize(
    ("kind", "where", "late", "rules"),
    [
        ("reader-slow", "ann", 6.9, []),
        ("reader-slow", "ann", 7.1, ["removed message"]),
        ("reader-slow", "bob", 3.1, ["removed message"]),
        ("gateway-stalled-from-broker", "g1", 6.9, []),
        ("gateway-stalled-from-broker", "g1", 7.1, ["removed message"]),
        ("gateway-stalled-from-broker", "g2", 3.1, ["removed message"]),
    ],
)
def test_a_reader_or_gateway_that_does_not_read_may_get_a_removed_message_late(
    kind: str, where: str, late: float, rules: list[str]
) -> None:
    history = generated(5)
    removal = history.chat.removals[0]
    assert removal.done is not None
    history.outages = [Outage(kind, removal.done - 1, removal.done + 4, felt=0.0, where=where)]
    history.chat.shown_after_removal.append(LateDelivery("ann", "g1", removal.seq, removal.done + late))
    found = [one.rule for one in check(history, BOUNDS) if one.rule == "removed message"]
    assert found == rules


@pytest.mark.parametrize(("first", "rules"), [(1, []), (0, ["refusal"])])
def test_only_a_message_that_has_expired_may_be_unknown_to_its_removal(first: int, rules: list[str]) -> None:
    history = generated(5)
    expired = history.chat.messages[0]
    history.chat.firsts.append((expired.at, expired.seq + first))
    history.chat.removals.append(Removal(expired.seq, expired.key, expired.at, None, unknown=True))
    assert [one.rule for one in check(history, BOUNDS) if one.rule == "refusal"] == rules
