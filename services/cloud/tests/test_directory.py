"""What is known about agents while the subscription to their stream begins again."""

from datetime import UTC, datetime, timedelta

from opsroom_cloud.instances.projection import InstanceProjection
from opsroom_cloud.providers.directory import ProviderDirectory, ResolvedTemplate
from opsroom_contracts.agents.records import AgentLease, AgentRecord, TemplateView
from opsroom_contracts.errors import Fault
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import agent_lease, agent_record
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
BEGAN = NOW - timedelta(seconds=5)


def record(name: str) -> StreamMessage:
    found = AgentRecord(
        name=name, kind="docker", process="p", templates=(TemplateView(name=f"of-{name}"),), started_at=BEGAN
    )
    return StreamMessage(1, agent_record(name), encode(found), at=BEGAN)


def lease(name: str) -> StreamMessage:
    return StreamMessage(2, agent_lease(name), encode(AgentLease(process="p")), at=BEGAN)


def test_agents_are_known_while_their_stream_is_read_again() -> None:
    directory = ProviderDirectory(InstanceProjection(), lambda: NOW)
    for name in ("docker", "lab"):
        directory.on_message(record(name))
        directory.on_message(lease(name))
    directory.on_restart(Restart(reset=True))
    assert directory.template("of-lab") == ResolvedTemplate("lab", "of-lab")
    assert directory.connected() == ["docker", "lab"]
    directory.on_message(record("lab"))
    directory.on_message(lease("lab"))
    directory.on_message(record("docker"))
    directory.on_synced()
    assert directory.connected() == ["lab"], "the lease of the other has expired meanwhile"
    directory.on_restart(Restart(reset=True))
    directory.on_synced()
    assert isinstance(directory.template("of-lab"), Fault), "the stream was emptied"
