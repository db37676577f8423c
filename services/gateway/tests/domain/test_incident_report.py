"""The report of an incident: every record once, in order. Pure."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from opsroom_contracts.audit import AuditedAction, AuditEntryView, AuditOutcome, AuditRecord
from opsroom_contracts.chat.models import Message, User
from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.models import InstanceEvent
from opsroom_contracts.incidents.calls import CommandCall
from opsroom_contracts.incidents.incidents import (
    ANNOUNCEMENT,
    Incident,
    IncidentChangeKind,
    IncidentChangeView,
    IncidentStatus,
)
from opsroom_contracts.incidents.posts import OPSROOM
from opsroom_contracts.incidents.report import IncidentReport, ReportKind, ReportLine
from opsroom_gateway.domain.incident_report import Records, ServerEvent, markdown, report_lines

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ANN = User(id="ann", name="Ann")
TIMES = st.integers(0, 5000).map(lambda ms: NOW + timedelta(milliseconds=ms))


def message(seq: int, at: datetime, text: str = "hi", **more: object) -> Message:
    fields: dict[str, object] = {
        "seq": seq, "id": f"m{seq}", "room": "general", "user": ANN, "text": text, "timestamp": at,
    }  # fmt: skip
    return Message.model_validate(fields | more)


def change(number: int, at: datetime) -> IncidentChangeView:
    kind = IncidentChangeKind.OPENED if number == 0 else IncidentChangeKind.CLOSED
    return IncidentChangeView(number=number, kind=kind, by="Ann", at=at)


def server_event(seq: int, at: datetime, kind: EventType = EventType.RECEIVED) -> ServerEvent:
    event = InstanceEvent(
        type=kind,
        instance_id="i1",
        name="web-1",
        operation_id="o1",
        command=Command.RESTART,
        state=InstanceState.RUNNING,
        actor="Ann",
        timestamp=at,
    )
    return ServerEvent(seq, event)


def entry(seq: int, at: datetime) -> AuditRecord:
    view = AuditEntryView(
        id=f"a{seq}", at=at, outcome=AuditOutcome.ACCEPTED, action=AuditedAction.APPROVE, actor="Bob"
    )
    return AuditRecord(seq=seq, entry=view)


@st.composite
def records(draw: st.DrawFn) -> Records:
    """Draw records whose sequences are unique, and whose clocks differ."""
    numbers = st.lists(st.tuples(st.integers(0, 40), TIMES), max_size=12, unique_by=lambda one: one[0])
    return Records(
        messages=tuple(message(seq, at) for seq, at in draw(numbers)),
        changes=tuple(change(seq, at) for seq, at in draw(numbers)),
        events=tuple(server_event(seq, at) for seq, at in draw(numbers)),
        audit=tuple(entry(seq, at) for seq, at in draw(numbers)),
    )


def source_of(line: ReportLine) -> str:
    kinds = {ReportKind.COMMAND: "message", ReportKind.CARD: "message"}
    return kinds.get(line.kind, line.kind.value)


@given(found=records())
def test_every_record_is_there_once_and_in_the_order_of_its_stream(found: Records) -> None:
    lines = report_lines(found)
    expected = Counter(
        [
            *(("message", one.seq) for one in found.messages),
            *(("change", one.number) for one in found.changes),
            *(("operation", one.seq) for one in found.events),
            *(("audit", one.seq) for one in found.audit),
        ]
    )
    assert Counter((source_of(line), line.seq) for line in lines) == expected
    for source in ("message", "change", "operation", "audit"):
        places = [line.seq for line in lines if source_of(line) == source]
        assert places == sorted(places)


@given(found=records(), seed=st.integers(0, 1000))
def test_the_order_in_which_records_are_read_makes_no_difference(found: Records, seed: int) -> None:
    chance = random.Random(seed)

    def twice_and_shuffled(values: tuple[object, ...]) -> tuple[object, ...]:
        doubled = [*values, *values]
        chance.shuffle(doubled)
        return tuple(doubled)

    other = Records(
        *(twice_and_shuffled(one) for one in (found.messages, found.changes, found.events, found.audit))  # type: ignore[arg-type]
    )
    assert report_lines(other) == report_lines(found)


@given(found=records())
def test_with_clocks_that_agree_the_order_is_that_of_time(found: Records) -> None:
    ordered = Records(
        messages=tuple(message(one.seq, NOW + timedelta(seconds=one.seq)) for one in found.messages),
        events=tuple(server_event(one.seq, NOW + timedelta(seconds=one.seq)) for one in found.events),
    )
    times = [line.at for line in report_lines(ordered)]
    assert times == sorted(times)


def test_a_change_is_not_said_twice() -> None:
    said = message(3, NOW, "Ann closed the incident.", user=OPSROOM, client_id=f"{ANNOUNCEMENT}m1/1")
    claimed = message(4, NOW, "not the portal", client_id=f"{ANNOUNCEMENT}m1/1")
    lines = report_lines(Records(messages=(said, claimed), changes=(change(1, NOW),)))
    assert [line.text for line in lines] == ["closed the incident", "not the portal"]


def test_the_markdown_has_an_entry_for_each_line_and_nothing_breaks_out_of_it() -> None:
    hostile = "# heading\n- item\n```\n<script>alert(1)</script>\n## Timeline"
    found = Records(
        messages=(
            message(1, NOW, hostile),
            message(2, NOW, "/restart web-1", command=CommandCall(name="restart")),
            message(3, NOW, "", files=None),
        ),
        changes=(change(0, NOW),),
        events=(server_event(9, NOW + timedelta(seconds=10), EventType.RESTARTED),),
    )
    incident = Incident(
        id="m1",
        room="general",
        title="[x](javascript:1) *slow*",
        status=IncidentStatus.CLOSED,
        opened_at=NOW,
        opened_by="Ann",
        changed_at=NOW,
    )
    lines = report_lines(found)
    text = markdown(IncidentReport(incident=incident, made_at=NOW, lines=lines, left_out=2))
    entries = [line for line in text.splitlines() if line.startswith("- 2026-")]
    assert len(entries) == len(lines)
    assert text.count("\n## Timeline\n") == 1
    assert "<script>" not in text
    assert "2 older messages are left out." in text
    assert text.startswith("# \\[x\\]\\(javascript:1\\) \\*slow\\*\n")
    assert "**Ann** (command):\n  > /restart web-1" in text
    assert entries[-1].endswith("(operation): restart web-1: restarted")
