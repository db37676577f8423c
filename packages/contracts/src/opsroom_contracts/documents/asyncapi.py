"""AsyncAPI 3 document of WebSocket, SSE and NATS: ``python -m opsroom_contracts.documents.asyncapi``."""

import json
import re
import sys
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from opsroom_contracts import audit, gateways, http, subjects
from opsroom_contracts.agents import protocol, records
from opsroom_contracts.agents.endpoints import agent_endpoints
from opsroom_contracts.chat import events as chat_events
from opsroom_contracts.chat import frames, moderation, notifications, reads, rooms, threads
from opsroom_contracts.chat import models as chat
from opsroom_contracts.cloud import models as cloud
from opsroom_contracts.documents.schema import all_models
from opsroom_contracts.endpoints import ENDPOINTS
from opsroom_contracts.incidents import calls, plans
from opsroom_contracts.incidents import incidents as incident_records

PUBLISHED: dict[str, tuple[type[BaseModel], ...]] = {
    subjects.log_subject("{room}", "{shard}"): get_args(chat_events.ChatEvent),
    subjects.erasure_subject("{message}"): (moderation.Erasure,),
    subjects.command_subject("{message}"): (calls.CommandTrigger,),
    subjects.command_plan("{message}"): (plans.CommandPlan,),
    subjects.open_command("{message}"): (plans.OpenCommand,),
    subjects.last_command("{digest}"): (plans.LastCommand,),
    subjects.UNSAID_CHANGES.replace("*", "{incident}-{number}"): (incident_records.UnsaidChange,),
    subjects.member_subject("{user}"): (chat.Member,),
    subjects.name_subject("{digest}"): (chat.NameClaim,),
    subjects.room_record("{room}"): (rooms.RoomRecord,),
    subjects.room_name_subject("{digest}"): (rooms.RoomNameClaim,),
    subjects.memberships_subject("{user}"): (rooms.PersonRooms,),
    subjects.reads_subject("{user}"): (reads.ReadPositions,),
    subjects.follows_subject("{user}"): (threads.FollowedThreads,),
    subjects.notifications_subject("{user}"): (notifications.NotificationsRecord,),
    subjects.push_devices_subject("{user}"): (notifications.PushDevices,),
    subjects.push_keys_subject(): (notifications.PushIdentity,),
    subjects.push_position_subject(): (notifications.PushPosition,),
    subjects.restriction_subject("{restriction}"): (moderation.Restriction,),
    subjects.typing_subject("{room}"): (chat.TypingEvent,),
    subjects.instance_events("{instance}"): (cloud.InstanceEvent,),
    subjects.instance_timer("{instance}"): (cloud.DueOperation,),
    subjects.instance_due("{instance}"): (cloud.DueOperation,),
    subjects.operation_record("{operation}"): (cloud.OperationRecord,),
    subjects.server_name_subject("{name}"): (cloud.ServerNameClaim,),
    subjects.agent_record("{provider}"): (records.AgentRecord,),
    subjects.agent_lease("{provider}"): (records.AgentLease,),
    subjects.provider_changes("{provider}"): (protocol.ChangeNotice,),
    subjects.provider_stream("{provider}", "{stream}"): (protocol.LogChunk, protocol.StatsChunk),
    subjects.audit_subject("{outcome}", "{entry}"): (audit.AuditEntry,),
    subjects.GATEWAY_RATE_LIMITS: (gateways.RateLimitDelta,),
}
"""Published messages by subject, stored or not."""

_PARAMETER = re.compile(r"\{(\w+)\}")
_SCHEMAS = "#/components/schemas/{model}"


def asyncapi(version: str) -> dict[str, Any]:
    """Build the document for ``version`` of the product."""
    document = _Document()
    socket = document.channel("chatSocket", "/api/v1/chat/ws", "The chat's WebSocket.", "gateway")
    document.operation("client_frames", "receive", socket, _models_of(frames.ClientFrame))
    document.operation("server_frames", "send", socket, _models_of(frames.ServerFrame))
    stream = document.channel("cloudEvents", "/api/v1/cloud/events", "Server-sent events.", "gateway")
    document.operation("cloud_events", "send", stream, (http.CloudEvent, http.ResetEvent))
    for kind, model in (("logs", protocol.LogChunk), ("stats", protocol.StatsChunk)):
        path = f"/api/v1/cloud/instances/{{instance_id}}/{kind}"
        looked_at = document.channel(f"server_{kind}", path, "Server-sent events.", "gateway")
        document.operation(f"server_{kind}", "send", looked_at, (model, http.StreamEnd))
    for endpoint in (*ENDPOINTS, *agent_endpoints("{provider}").all()):
        name = _name(endpoint.subject)
        channel = document.channel(name, endpoint.subject, "A request and its reply.", "nats")
        document.operation(f"request_{name}", "receive", channel, (endpoint.request,), endpoint.reply)
    for subject, models in PUBLISHED.items():
        channel = document.channel(_name(subject), subject, (models[0].__doc__ or "").split("\n")[0], "nats")
        document.operation(f"publish_{_name(subject)}", "send", channel, models)
    return document.build(version)


class _Document:
    def __init__(self) -> None:
        self.channels: dict[str, Any] = {}
        self.operations: dict[str, Any] = {}
        self.messages: dict[str, Any] = {}

    def channel(self, name: str, address: str, text: str, server: str) -> str:
        """Add a channel and return its name."""
        self.channels[name] = {
            "address": address,
            "description": text,
            "servers": [{"$ref": f"#/servers/{server}"}],
            "messages": {},
        }
        parameters = _PARAMETER.findall(address)
        if parameters:
            self.channels[name]["parameters"] = {parameter: {} for parameter in parameters}
        return name

    def operation(
        self,
        name: str,
        action: str,
        channel: str,
        models: tuple[type[BaseModel], ...],
        reply: type[BaseModel] | None = None,
    ) -> None:
        """Add an operation on ``channel``; ``action`` is from the portal's point of view."""
        self.operations[name] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{channel}"},
            "messages": [self._message(channel, model) for model in models],
        }
        if reply is not None:
            self.operations[name]["reply"] = {
                "channel": {"$ref": f"#/channels/{channel}"},
                "messages": [self._message(channel, reply)],
            }

    def _message(self, channel: str, model: type[BaseModel]) -> dict[str, str]:
        name = model.__name__
        self.messages[name] = {
            "name": name,
            "summary": (model.__doc__ or "").split("\n")[0],
            "contentType": "application/json",
            "payload": {"$ref": _SCHEMAS.format(model=name)},
        }
        self.channels[channel]["messages"][name] = {"$ref": f"#/components/messages/{name}"}
        return {"$ref": f"#/channels/{channel}/messages/{name}"}

    def build(self, version: str) -> dict[str, Any]:
        """Return the complete document, including schemas."""
        _, schemas = models_json_schema(
            [(model, "serialization") for model in all_models()], ref_template=_SCHEMAS
        )
        return {
            "asyncapi": "3.0.0",
            "info": {"title": "Opsroom", "version": version},
            "defaultContentType": "application/json",
            "servers": {
                "gateway": {"host": "127.0.0.1:8000", "protocol": "ws"},
                "nats": {"host": "127.0.0.1:4222", "protocol": "nats"},
            },
            "channels": self.channels,
            "operations": self.operations,
            "components": {"messages": self.messages, "schemas": schemas["$defs"]},
        }


def _models_of(union: object) -> tuple[type[BaseModel], ...]:
    """Return the models of an annotated union."""
    members: tuple[type[BaseModel], ...] = get_args(get_args(union)[0])
    return members


def _name(subject: str) -> str:
    return subject.replace("{", "").replace("}", "").replace(".", "_")


if __name__ == "__main__":
    json.dump(asyncapi("0"), sys.stdout, indent=1)
    sys.stdout.write("\n")
