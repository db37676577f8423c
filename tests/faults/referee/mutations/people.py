"""Faults of lists, names, requests, moderation and the audit."""

import random
from dataclasses import replace

from tests.faults.referee.made_up import ADMIN, BEGIN, END, TROLL
from tests.faults.referee.mutation import Mutation
from tests.faults.verification.cloud_history import AuditRecord
from tests.faults.verification.history import (
    Attempt,
    Connected,
    History,
    Holding,
    Listing,
    NameWait,
    Presence,
    Restraint,
    Sent,
    Wait,
)
from tests.faults.verification.stored_message import StoredMessage


def nobody_is_shown_somebody_connected_for_ten_minutes(history: History, _: random.Random) -> None:
    history.connected.append(Connected("eve", "g1", BEGIN, END))
    history.presences.append(Presence("eve", BEGIN, END))


def one_reader_does_not_show_somebody(history: History, rng: random.Random) -> None:
    viewer = max(history.connected, key=lambda one: one.end - one.start if one.reads else 0)
    history.listings = [one for one in history.listings if (one.reader, one.name) != (viewer.name, TROLL)]


def somebody_vanishes_for_a_minute(history: History, _: random.Random) -> None:
    history.connected.append(Connected("fay", "g1", BEGIN, END))
    for viewer in history.connected:
        history.listings.append(Listing(viewer.name, "fay", viewer.start, BEGIN + 200))
        history.listings.append(Listing(viewer.name, "fay", BEGIN + 260, viewer.end))


def a_ghost_of_300_seconds(history: History, _: random.Random) -> None:
    history.presences.append(Presence("gus", BEGIN, BEGIN + 100))
    history.listings.append(Listing("ann", "gus", BEGIN, BEGIN + 400))


def a_ghost_that_never_was(history: History, _: random.Random) -> None:
    history.listings.append(Listing("ann", "never", BEGIN, BEGIN + 100))


def two_hold_one_name(history: History, _: random.Random) -> None:
    one = history.holdings[0]
    history.holdings.append(Holding(one.name, "another", one.start + 1, one.end + 1))


def a_name_without_a_holder_is_refused_for_minutes(history: History, _: random.Random) -> None:
    history.holdings.append(Holding("hal", "h", BEGIN, BEGIN + 50))
    history.stuck.append(NameWait("hal", BEGIN + 20, BEGIN + 300))


def a_name_that_nobody_ever_held_is_refused_to_the_end(history: History, _: random.Random) -> None:
    history.stuck.append(NameWait("ivy", BEGIN + 20, BEGIN + 300, granted=False))


def a_message_is_unavailable_without_an_end(history: History, _: random.Random) -> None:
    history.waits.append(Wait("a message", "ann", BEGIN + 50, BEGIN + 500))


def nobody_can_sign_in_for_two_minutes(history: History, _: random.Random) -> None:
    history.waits.append(Wait("to connect", "ann", BEGIN + 50, BEGIN + 170))


def a_client_gets_an_error(history: History, _: random.Random) -> None:
    history.refused.append("internal")


def somebody_stays_in_the_stream(history: History, _: random.Random) -> None:
    history.left_over.append("ann is still present")


def a_message_of_somebody_muted_is_stored(history: History, _: random.Random) -> None:
    mute = history.restraints[0]
    history.sent["troll.x"] = Sent("general", TROLL, "x")
    history.chat.messages.append(StoredMessage(9999, "troll.x", mute.acked + 25, "general", TROLL, "x"))


def a_mute_has_no_effect(history: History, _: random.Random) -> None:
    mute = history.restraints[0]
    for place, attempt in enumerate(history.attempts):
        if mute.acked < attempt.begun < mute.lift_asked:
            history.attempts[place] = replace(attempt, result="ack")


def a_banned_user_stays_connected(history: History, _: random.Random) -> None:
    ban = Restraint("ban", TROLL, BEGIN + 300, BEGIN + 300.1, ADMIN, "b")
    history.restraints.append(ban)


def somebody_is_muted_after_it_was_lifted(history: History, _: random.Random) -> None:
    mute = history.restraints[0]
    at = mute.lift_acked + 60
    history.attempts.append(Attempt(TROLL, "troll.late", at, at + 0.1, "muted"))


def somebody_is_muted_whom_nobody_muted(history: History, _: random.Random) -> None:
    history.attempts.append(Attempt("ann", "ann.muted", BEGIN, BEGIN + 1, "muted"))


def the_audit_lacks_an_accepted_command(history: History, rng: random.Random) -> None:
    history.outages = [one for one in history.outages if not one.kind.startswith(("cloud", "broker"))]
    operation = rng.choice(history.cloud.accepted).operation
    history.cloud.audit = [
        one for one in history.cloud.audit if one.operation != operation or one.outcome != "accepted"
    ]


def the_audit_lacks_a_refused_command(history: History, rng: random.Random) -> None:
    refused = [one for one in history.cloud.audit if one.outcome == "refused"]
    history.cloud.audit.remove(rng.choice(refused))


def the_audit_lacks_a_mute(history: History, _: random.Random) -> None:
    history.outages = []
    history.cloud.audit = [one for one in history.cloud.audit if one.action != "mute"]


def the_audit_has_one_command_too_many(history: History, _: random.Random) -> None:
    history.cloud.audit.append(AuditRecord(9999, "e", END, "accepted", "start", "op1", "i1", "unknown"))


def the_audit_has_a_refusal_that_nobody_asked_for(history: History, _: random.Random) -> None:
    history.cloud.audit.append(
        AuditRecord(9999, "e", END, "refused", "remove", "op1", "i1", "", "operation_pending")
    )


def the_audit_has_a_command_twice(history: History, rng: random.Random) -> None:
    one = rng.choice([one for one in history.cloud.audit if one.outcome == "accepted" and one.operation])
    history.cloud.audit.append(replace(one, seq=9999))


def the_audit_has_a_mute_that_nobody_asked_for(history: History, _: random.Random) -> None:
    history.cloud.audit.append(AuditRecord(9999, "e", END, "accepted", "mute", ADMIN, "ann"))


def the_audit_changes_afterwards(history: History, _: random.Random) -> None:
    history.cloud.audit_pages[0][2] = replace(history.cloud.audit_pages[0][2], actor="mallory")


def the_audit_names_somebody_else(history: History, rng: random.Random) -> None:
    accepted = [one for one in history.cloud.audit if one.operation and one.outcome == "accepted"]
    # Somebody else may cancel.
    place = history.cloud.audit.index(rng.choice([one for one in accepted if one.action != "cancel"]))
    history.cloud.audit[place] = replace(history.cloud.audit[place], actor="mallory")


MUTATIONS: tuple[tuple[str, Mutation], ...] = (
    ("absent", nobody_is_shown_somebody_connected_for_ten_minutes),
    ("absent", one_reader_does_not_show_somebody),
    ("absent", somebody_vanishes_for_a_minute),
    ("ghost", a_ghost_of_300_seconds),
    ("ghost", a_ghost_that_never_was),
    ("name held twice", two_hold_one_name),
    ("name stuck", a_name_without_a_holder_is_refused_for_minutes),
    ("name stuck", a_name_that_nobody_ever_held_is_refused_to_the_end),
    ("unavailable", a_message_is_unavailable_without_an_end),
    ("unavailable", nobody_can_sign_in_for_two_minutes),
    ("refusal", a_client_gets_an_error),
    ("left over", somebody_stays_in_the_stream),
    ("mute ineffective", a_message_of_somebody_muted_is_stored),
    ("mute ineffective", a_mute_has_no_effect),
    ("ban ineffective", a_banned_user_stays_connected),
    ("restraint stays", somebody_is_muted_after_it_was_lifted),
    ("restraint stays", somebody_is_muted_whom_nobody_muted),
    ("audit missed", the_audit_lacks_an_accepted_command),
    ("audit missed", the_audit_lacks_a_refused_command),
    ("audit missed", the_audit_lacks_a_mute),
    ("audit invented", the_audit_has_one_command_too_many),
    ("audit invented", the_audit_has_a_refusal_that_nobody_asked_for),
    ("audit doubled", the_audit_has_a_command_twice),
    ("audit doubled", the_audit_has_a_mute_that_nobody_asked_for),
    ("audit altered", the_audit_changes_afterwards),
    ("audit altered", the_audit_names_somebody_else),
)
