"""Writes ``opsroom/values.schema.json``, by which Helm refuses wrong values, from the services' settings.

Run it as ``.venv/bin/python deploy/kubernetes/values_schema.py`` after a change of settings or of values.
A test compares the file with the code.
"""

import json
import sys
from pathlib import Path
from typing import Any

from opsroom_agent.settings import AgentSettings
from opsroom_chat.settings import ChatSettings
from opsroom_cloud.settings import CloudSettings
from opsroom_contracts.identity import Mode
from opsroom_gateway.middleware.trusted_proxies import PRESETS
from opsroom_gateway.process_settings import ProcessSettings
from opsroom_incidents.settings import IncidentsSettings
from opsroom_messaging.settings import BrokerSettings
from opsroom_runtime.admin_server import AdminSettings
from opsroom_runtime.log_setup import FORMATS, LEVELS

FILE = Path(__file__).parent / "opsroom" / "values.schema.json"
Schema = dict[str, Any]

_OF_THE_CHART = {"host", "port", "shared_port", "frontend", "trusted_proxies", "access", "allowed_origins"}
"""Settings of gateways that the chart sets itself, or that make no sense in a pod."""
_MAY_BE_LEFT_OUT = {"replicas", "resources", "requests", "limits"}
"""Values that may be set to null; Kubernetes has a default for them, or an autoscaler sets them."""
_QUANTITY = r"^[0-9]+(\.[0-9]+)?([numkMGTPE]|[KMGTPE]i|[eE][0-9]+)?$"
_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
_LIST = {"type": "string", "description": "Comma-separated."}


def text() -> str:
    """The file's content."""
    return json.dumps(schema(), indent=2) + "\n"


def schema() -> Schema:
    """All values of the chart. What it does not name is refused."""
    top = _object(
        "Values of the Opsroom chart.",
        image=_image(),
        imagePullSecrets={
            "description": "Secrets for a registry that asks for a login.",
            "type": "array",
            "items": _object("A secret of the same namespace.", name=_text("Its name.", _NAME)),
        },
        preStopSeconds=_whole("How long a pod that ends goes on serving, in seconds.", 0, 300),
        startWaitSeconds=_whole(
            "How long a service waits at its start for what it needs, in seconds.", 0, 3600
        ),
        clusterDomain=_text("The domain of the cluster's names.", _NAME),
        nats=_nats(),
        access=_access(),
        gateway=_gateway(),
        chat=_service(ChatSettings, "chat"),
        cloud=_service(CloudSettings, "cloud"),
        incidents=_service(IncidentsSettings, "incidents"),
        agent=_agent(),
        frontend=_object("The page and nginx.", replicas=_replicas(), resources=_resources()),
        metrics=_object("Metrics.", podMonitor=_flag("Whether a PodMonitor is made.")),
        networkPolicy=_object(
            "Who reaches pods.",
            enabled=_flag("Whether NetworkPolicies are made."),
            metricsFrom={
                "description": "Peers that may read health and metrics, as in a NetworkPolicy.",
                "type": "array",
                "items": {"type": "object"},
            },
        ),
        trustedProxies=_text(
            "Networks and names of hosts whose X-Forwarded-For is believed; comma-separated.",
            _list_of("|".join([r"[0-9a-fA-F.:/]+", *PRESETS])),
        ),
        ingress=_ingress(),
    )
    top["properties"]["global"] = {
        "description": "Helm's own, for charts that contain this one.",
        "type": "object",
    }
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Opsroom", **top}


def _image() -> Schema:
    return _object(
        "Where the images come from: <registry>/opsroom-<service>:<tag>.",
        registry=_text("Host and folder.", r"^[a-z0-9][a-z0-9./:_-]*[a-z0-9]$"),
        tag=_text("The images' tag; empty: the chart's appVersion.", r"^[A-Za-z0-9_.-]*$"),
        pullPolicy={"description": "As in a pod.", "enum": ["Always", "IfNotPresent", "Never"]},
    )


def _nats() -> Schema:
    replicas = BrokerSettings.model_json_schema()["properties"]["stream_replicas"]
    return _object(
        "The broker.",
        url=_text("Its address; comma-separated for a cluster.", _list_of("(nats|tls)://[^ ,]+", least=1)),
        secretName=_text(
            "A secret with the passwords, keys gateway, chat, cloud, incidents and agent.natsUser.", _NAME
        ),
        streamReplicas=_whole("Copies of each stream.", replicas["minimum"], replicas["maximum"]),
    )


def _access() -> Schema:
    return _object(
        "Who may do what.",
        mode={"description": "How people are told apart.", "enum": [mode.value for mode in Mode]},
        tokensSecretName=_text("In token mode: a secret with the key tokens.", _NAME),
        allowedOrigins=_text(
            "Origins whose pages may call; comma-separated.", _list_of(r"\*|[a-z][a-z0-9+.-]*://[^ ,]+")
        ),
    )


def _gateway() -> Schema:
    return _object(
        "The gateway service.",
        env=_environment(ProcessSettings),
        resources=_resources(),
        autoscaling=_object(
            "How many gateways there are.",
            minReplicas=_whole("At least.", 1, 1000),
            maxReplicas=_whole("At most.", 1, 1000),
            targetCPUUtilizationPercentage=_whole("The load that is aimed at.", 1, 100),
        ),
        terminationGracePeriodSeconds=_whole("How long a gateway may take to end.", 1, 3600),
    )


def _service(settings: type[AdminSettings], name: str) -> Schema:
    return _object(
        f"The {name} service.", replicas=_replicas(), env=_environment(settings), resources=_resources()
    )


def _agent() -> Schema:
    optional = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"
    return _object(
        "An agent, which runs servers at a provider.",
        enabled=_flag("Whether there is one."),
        replicas=_replicas(),
        natsUser=_text(
            "Its user at the broker: agent, or agent-<provider>.", r"^agent(-[a-z0-9][a-z0-9-]{0,31})?$"
        ),
        env=_environment(AgentSettings),
        templatesConfigMap=_text("A config map with the key templates.toml; empty: no templates.", optional),
        tokenSecretName=_text("A secret with the key token, for the provider's API; empty: none.", optional),
        resources=_resources(),
    )


def _ingress() -> Schema:
    return _object(
        "The way in from outside of the cluster.",
        enabled=_flag("Whether an Ingress is made."),
        className=_text("Its class; empty: the cluster's own.", r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"),
        host=_text("The portal's host name.", r"^(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"),
        tlsSecretName=_text(
            "A secret with the certificate; empty: no TLS.", r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"
        ),
        annotations={
            "description": "What the ingress controller wants to know.",
            "type": "object",
            "additionalProperties": {"type": "string"},
        },
    )


def _environment(settings: type[AdminSettings]) -> Schema:
    """Settings by their variables. Files are left out: the chart mounts none but its own."""
    taken = set(AdminSettings.model_fields) | _OF_THE_CHART
    document = settings.model_json_schema()
    fields: Schema = {
        settings.variable(name): _variable(field, document.get("$defs", {}))
        for name, field in document["properties"].items()
        if name not in taken and not _is_file(field)
    }
    logs: Schema = {
        "LOG_LEVEL": {"description": "The least level that is logged.", "enum": list(LEVELS)},
        "LOG_FORMAT": {"description": "How log lines look.", "enum": list(FORMATS)},
    }
    return {
        "description": "Settings by their variables: docs/settings.md.",
        "type": "object",
        "additionalProperties": False,
        "properties": fields | logs,
        "patternProperties": {
            "^OTEL_[A-Z0-9_]+$": {
                "description": "OpenTelemetry's own.",
                "type": ["string", "number", "boolean"],
            }
        },
    }


def _is_file(field: Schema) -> bool:
    return any(kind.get("format") == "path" for kind in _kinds(field))


def _variable(field: Schema, definitions: Schema) -> Schema:
    """What a variable may be: a number or flag may also be text, as all variables are in the end."""
    (kind,) = (kind for kind in _kinds(field) if kind.get("type") != "null")
    if "$ref" in kind:
        kind = definitions[kind["$ref"].rpartition("/")[2]]
    limits = {name: kind[name] for name in _LIMITS if name in kind}
    described = {"description": f"{field.get('title', 'See docs/settings.md')}."}
    match kind["type"]:
        case "integer":
            return described | {"type": ["integer", "string"], "pattern": "^[0-9]+$", **limits}
        case "number":
            return described | {"type": ["number", "string"], "pattern": r"^[0-9]+(\.[0-9]+)?$", **limits}
        case "boolean":
            return described | {"enum": [True, False, "true", "false"]}
        case "array":
            return _LIST
        case _:
            return described | ({"enum": kind["enum"]} if "enum" in kind else {"type": "string"})


_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


def _kinds(field: Schema) -> list[Schema]:
    kinds: list[Schema] = field.get("anyOf", [field])
    return kinds


def _object(description: str, **properties: Schema) -> Schema:
    """A closed object. A value that is required is refused by its name when it is set to null."""
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "required": [name for name in properties if name not in _MAY_BE_LEFT_OUT],
        "properties": properties,
    }


def _list_of(one: str, least: int = 0) -> str:
    """The pattern of a comma-separated list; ``least`` is 0 or 1."""
    return f"^(({one})( *, *({one}))*){'' if least else '?'}$"


def _text(description: str, pattern: str) -> Schema:
    return {"description": description, "type": "string", "pattern": pattern}


def _whole(description: str, least: int, most: int) -> Schema:
    return {"description": description, "type": "integer", "minimum": least, "maximum": most}


def _flag(description: str) -> Schema:
    return {"description": description, "type": "boolean"}


def _replicas() -> Schema:
    return _whole("How many pods there are.", 1, 1000)


def _resources() -> Schema:
    amounts = {
        "type": "object",
        "additionalProperties": {"type": ["string", "number"], "pattern": _QUANTITY, "minimum": 0},
    }
    return _object(
        "CPU and memory, as in a container.",
        requests={"description": "What is set aside."} | amounts,
        limits={"description": "What is the most."} | amounts,
    )


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{FILE.name} written\n")
