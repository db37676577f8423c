"""The background writer of the audit stream."""

from collections import Counter

from opsroom_contracts.audit import AUDIT_ENTRY, AuditEntry, Requester
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_contracts.subjects import AUDIT, AUDIT_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.audit_log import AuditWriter, accepted_entry, rejected_entry
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import audit_stream, ensure_stream
from opsroom_runtime.process import run_tasks

FAULT = Fault(code=ErrorCode.FORBIDDEN, message="no")
LIMIT = 30
EARNED = 10
"""More refusals than a caller may earn while a test records."""


async def stored_after(broker: NatsConnection, entries: list[AuditEntry]) -> list[AuditEntry]:
    """Record entries. Returns what is stored."""
    await ensure_stream(broker, audit_stream(max_age=0, max_bytes=-1, replicas=1))
    writer = AuditWriter(broker)
    async with run_tasks(audit=writer.run()):
        for entry in entries:
            writer.record(entry)
        await writer.drain(30.0)
    page = await StreamReader(broker, AUDIT_STREAM).page(AUDIT, start=1, count=1000)
    return [AUDIT_ENTRY.read(message.data) for message in page]


def refusal(by: Requester) -> AuditEntry:
    return rejected_entry(Command.CREATE, by, FAULT, None)


async def test_one_identity_can_not_flush_the_audit_with_refusals(broker: NatsConnection) -> None:
    """Neither under many names nor from many addresses. Others are recorded as before."""
    many = [Requester(name=f"alias {n}", address=f"198.51.100.{n}", identity="token:a") for n in range(100)]
    other = Requester(name="other", address="203.0.113.1", identity="token:b")
    stored = await stored_after(broker, [refusal(by) for by in (*many, *many, other)])
    counts = Counter(entry.identity for entry in stored)
    assert LIMIT <= counts["token:a"] < LIMIT + EARNED
    assert counts["token:b"] == 1


async def test_one_address_can_not_flush_the_audit_with_refusals(broker: NatsConnection) -> None:
    """An IPv6 address counts as its network."""
    many = [Requester(name="x", address=f"2001:db8::{n}", identity=f"user:u{n}") for n in range(1, 100)]
    stored = await stored_after(broker, [refusal(by) for by in many])
    assert LIMIT <= len(stored) < LIMIT + EARNED


async def test_accepted_requests_and_those_of_the_brokers_operator_are_always_recorded(
    broker: NatsConnection,
) -> None:
    by = Requester(name="ann", address="198.51.100.1", identity="token:a")
    accepted = [accepted_entry(Command.CREATE, by, f"o{n}", None) for n in range(2 * LIMIT)]
    stored = await stored_after(broker, [*accepted, *(refusal(Requester()) for _ in range(2 * LIMIT))])
    assert Counter(entry.identity for entry in stored) == {"token:a": 2 * LIMIT, "operator": 2 * LIMIT}
