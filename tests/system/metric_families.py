"""The metric families of each service: an interface, since the dashboards and alerts of users name them."""

from collections.abc import Iterable
from typing import NamedTuple

from prometheus_client.metrics_core import Metric


class Family(NamedTuple):
    """A metric family as it is exposed. ``name``: without ``opsroom_``, and without the suffix of samples."""

    name: str
    type: str
    help: str
    labels: frozenset[str] = frozenset()


def _family(type_: str, name: str, help_: str, *labels: str) -> Family:
    return Family(name, type_, help_, frozenset(labels))


_ALL = (
    _family(
        "histogram",
        "answer_seconds",
        "Time to answer a request, by its subject and outcome.",
        "subject",
        "outcome",
    ),
    _family("counter", "nats_bytes", "Payload exchanged with the broker.", "direction"),
    _family("gauge", "nats_connected", "1 while the broker is connected."),
    _family("counter", "nats_messages", "Messages exchanged with the broker.", "direction"),
    _family("counter", "nats_reconnects", "Reconnects to the broker."),
    _family("counter", "nats_troubles", "Errors that the client reported; see the log.", "kind"),
    _family("gauge", "requests_in_flight", "Requests in flight."),
    _family("histogram", "store_group_entries", "Entries stored in one batch."),
    _family("histogram", "store_seconds", "Time until the broker stored a write.", "subject"),
    _family("gauge", "store_waiting", "Entries that are queued to be stored."),
    _family("gauge", "stream_live", "1 while the subscription is in sync.", "stream"),
    _family("gauge", "stream_position", "Last sequence delivered.", "stream"),
    _family("counter", "stream_restarts", "Restarts of the subscription.", "stream"),
    _family(
        "gauge",
        "write_landed_timestamp_seconds",
        "When a write to the stream was last seen to land, as a UNIX time.",
        "stream",
    ),
    _family("gauge", "writes_failing", "1 while writes to the stream do not land.", "stream"),
)
_OF_STREAMS = ("store_", "stream_", "write_", "writes_")
"""What the names of families begin with that only services with a projection or own streams have."""
_DUTIES = _family("counter", "duty_failures", "Failed runs of periodic work.", "worker", "duty")
_SKIPPED = _family("counter", "malformed", "Messages skipped because they fit no contract.")

FAMILIES: dict[str, frozenset[Family]] = {
    "chat": frozenset(
        (
            *_ALL,
            _DUTIES,
            _SKIPPED,
            _family("gauge", "message_index_synced", "1 once the message index is complete."),
            _family("counter", "push", "Notifications of one person by their outcome.", "outcome"),
            _family("gauge", "search_index_synced", "1 once the search index is complete."),
            _family(
                "counter",
                "store_conflicts",
                "Writes that were repeated because another process had written before.",
            ),
        )
    ),
    "incidents": frozenset(
        (
            *(one for one in _ALL if not one.name.startswith("stream_")),
            _DUTIES,
            _SKIPPED,
            _family("counter", "webhook_requests", "Requests to webhooks by their outcome.", "outcome"),
            _family(
                "histogram",
                "request_seconds",
                "Time to the reply of a service, retries included.",
                "subject",
                "outcome",
            ),
        )
    ),
    "cloud": frozenset(
        (
            *_ALL,
            _DUTIES,
            _SKIPPED,
            _family("gauge", "instances", "Instances."),
            _family("gauge", "operations_pending", "Operations that are not complete yet."),
            _family(
                "gauge",
                "operations_awaiting_approval",
                "Operations that wait until somebody approves or denies them.",
            ),
            _family(
                "counter",
                "operations_decided",
                "Operations that awaited approval: approved, approved alone by an admin, denied, or expired.",
                "decision",
            ),
            _family("counter", "schedule_runs", "Runs of schedules: done, or missed.", "outcome"),
            _family("gauge", "agent_connected", "1 while the agent of the provider is there.", "provider"),
            _family("gauge", "agent_operations_working", "Operations that this process asks agents about."),
            _family(
                "counter",
                "instances_changed_outside",
                "Changes of servers outside the portal that were stored.",
                "type",
            ),
            _family(
                "histogram",
                "request_seconds",
                "Time to the reply of a service, retries included.",
                "subject",
                "outcome",
            ),
            _family(
                "histogram",
                "operation_late_seconds",
                "Delay between the due time of an operation and its final event, in seconds.",
                "command",
                "outcome",
            ),
        )
    ),
    "agent": frozenset(
        (
            *(one for one in _ALL if not one.name.startswith(_OF_STREAMS)),
            _family("gauge", "agent_active", "1 while the agent holds the lease of its provider and acts."),
            _family("gauge", "open_streams", "Open streams of logs and statistics."),
        )
    ),
    "gateway": frozenset(
        (
            *_ALL,
            _family("counter", "malformed", "Messages skipped because they violate their contract."),
            _family("gauge", "connections", "Connected readers.", "transport", "dialect"),
            _family(
                "counter", "delivered_bytes", "Bytes written to readers.", "stream", "transport", "dialect"
            ),
            _family("counter", "deliveries", "Frames written to readers.", "stream", "transport", "dialect"),
            _family(
                "histogram",
                "fanout_seconds",
                "From a message's timestamp until it is written to all readers;"
                " one sample per event-loop iteration.",
                "stream",
            ),
            _family(
                "gauge",
                "open_connections",
                "Open connections, including handshakes in progress.",
                "transport",
            ),
            _family("gauge", "outbox_bytes", "Bytes that readers have not taken yet.", "of"),
            _family("gauge", "people_present", "Users on the list."),
            _family("gauge", "agent_streams", "Open streams of agents.", "kind"),
            _family("gauge", "agent_stream_readers", "Readers of streams.", "kind"),
            _family("counter", "agent_stream_entries", "Lines and samples that agents sent.", "kind"),
            _family(
                "counter",
                "agent_stream_skipped",
                "Lines and samples that readers lost, because they or an agent were too slow.",
                "kind",
            ),
            _family("counter", "refusals", "Error responses by error code.", "code"),
            _family(
                "histogram",
                "request_seconds",
                "Time to the reply of a service, retries included.",
                "subject",
                "outcome",
            ),
            _family("counter", "silent_readers_closed", "Closed as dead."),
            _family("counter", "slow_readers_closed", "Closed as too slow."),
            _family("counter", "turned_away", "Rejected with 503.", "limit"),
        )
    ),
}
"""The families of each service, without those of the process itself."""


def families_in(found: Iterable[Metric], service: str) -> frozenset[Family]:
    """The families that were exposed. One without samples has the labels that it should have."""
    expected = {family.name: family.labels for family in FAMILIES[service]}
    return frozenset(
        Family(name, metric.type, metric.documentation, labels)
        for metric in found
        if not metric.name.startswith("process_")
        for name in [metric.name.removeprefix("opsroom_")]
        for labels in {frozenset(sample.labels) - {"le"} for sample in metric.samples}
        or {expected.get(name, frozenset())}
    )
