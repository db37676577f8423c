"""Examples in the OpenAPI document that several routes share."""

from typing import Any, Final

INSTANCE_ID: Final = "dfc6bba1-34ad-580a-9554-9380d83f762f"
OPERATION: Final[dict[str, Any]] = {
    "id": "831c0b9187974052a7cb8bd385ef8ea5",
    "command": "create",
    "instanceId": INSTANCE_ID,
    "status": "pending",
    "actor": "alice",
    "acceptedAt": "2026-11-24T00:32:08.054Z",
    "dueAt": "2026-11-24T00:32:18.054Z",
}
APPROVAL: Final[dict[str, Any]] = {
    "need": 1,
    "role": "operator",
    "approvedBy": [],
    "authors": ["0f343b0931126a20f133d67c2b018a3b"],
    "voters": [],
}
INSTANCE: Final[dict[str, Any]] = {
    "id": INSTANCE_ID,
    "name": "web-1",
    "state": "running",
    "timestamp": "2026-11-24T00:32:18.060Z",
    "labels": {"env": "prod"},
    "provider": "docker",
    "template": "web",
    "address": "172.17.0.2",
    "protected": False,
    "condition": "ok",
}
