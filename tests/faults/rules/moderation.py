"""Mutes and bans: effective from their acknowledgement until they are lifted, and not longer."""

from collections import defaultdict
from collections.abc import Iterator

from tests.faults.verification.excuses import Domain, Excuses
from tests.faults.verification.history import Attempt, History, Restraint
from tests.faults.verification.verdict import Bounds, Violation

_REFUSALS = ("muted", "banned", "user_unknown")
"""The last one: somebody who was banned a moment ago, and whose socket is about to be closed."""


def moderation(history: History, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    """Check what muted and banned people could do, and what others could not."""
    by_name: dict[str, list[Restraint]] = defaultdict(list)
    for restraint in history.restraints:
        by_name[restraint.name].append(restraint)
        yield from _effective(history, restraint, bounds, excuses)
    for attempt in history.attempts:
        if attempt.result not in {"ack", *_REFUSALS}:
            yield Violation("refusal", f"{attempt.name} was refused {attempt.key}: {attempt.result}")
        elif attempt.result != "ack":
            yield from _justified(attempt, by_name[attempt.name], bounds, excuses)


def _effective(
    history: History, restraint: Restraint, bounds: Bounds, excuses: Excuses
) -> Iterator[Violation]:
    """From shortly after its acknowledgement until somebody asks to lift it."""
    for what, at in _done(history, restraint):
        past = at - restraint.acked - bounds.effect
        if past > 0 and past > excuses.seconds(Domain.LISTS, restraint.acked, at):
            yield Violation(
                f"{restraint.kind} ineffective",
                f"{what} {at - restraint.acked:.1f} s after the {restraint.kind}",
            )


def _done(history: History, restraint: Restraint) -> Iterator[tuple[str, float]]:
    """Return what the restrained user did before anybody asked to lift the restraint, and when."""
    name, lifted = restraint.name, restraint.lift_asked
    for life in history.chats:
        for message in life.messages:
            if message.author == name and message.removes is None and message.at < lifted:
                yield f"{message.key} is stored", message.at
    for attempt in history.attempts:
        if attempt.name == name and attempt.result == "ack" and attempt.answered < lifted:
            yield f"{attempt.key} was acknowledged", attempt.begun
    if restraint.kind == "ban":
        for stay in history.connected:
            if stay.name == name and stay.start < lifted:
                yield f"{name} was connected", min(stay.end, lifted)


def _justified(
    attempt: Attempt, restraints: list[Restraint], bounds: Bounds, excuses: Excuses
) -> Iterator[Violation]:
    """Somebody is refused only while a mute or ban is in force, or was a moment ago."""
    for restraint in restraints:
        over = restraint.lift_acked + bounds.effect
        if restraint.asked <= attempt.answered and attempt.begun <= over:
            return
        if restraint.asked <= attempt.answered and attempt.begun <= over + excuses.seconds(
            Domain.LISTS, restraint.lift_acked, attempt.answered
        ):
            return
    yield Violation(
        "restraint stays", f"{attempt.name} was refused {attempt.key} ({attempt.result}) without a reason"
    )
