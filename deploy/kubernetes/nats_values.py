"""Writes ``nats-values.yaml``, what Opsroom asks of NATS's own chart, from the permissions in the code.

Run it as ``.venv/bin/python deploy/kubernetes/nats_values.py`` after a change of them: a test says when that
was forgotten.
"""

import json
import sys
from pathlib import Path
from typing import Any

from opsroom_messaging.deployment.broker_settings import PINGS
from opsroom_messaging.deployment.permissions import USERS, authorization

FILE = Path(__file__).with_name("nats-values.yaml")
_SECRET = "opsroom-nats"  # noqa: S105 - a name


def values() -> dict[str, Any]:
    """Three nodes, synced writes, and the users, whose passwords come from a secret by the environment."""
    # The chart takes quotes and arrows off, so that the broker reads a variable.
    passwords = {user: f"<< ${user.upper()}_PASSWORD >>" for user in USERS}
    return {
        "config": {
            "cluster": {"enabled": True, "replicas": 3},
            "jetstream": {
                "enabled": True,
                "fileStore": {"pvc": {"size": "10Gi"}},
                "merge": {"sync_interval": "always"},
            },
            # Chart and probes ask for it inside the pod; it has no password, so it is no service.
            "monitor": {"enabled": True},
            "merge": {**PINGS, "authorization": authorization(passwords)},
        },
        "service": {"ports": {"monitor": {"enabled": False}}},
        "container": {
            "env": {
                f"{user.upper()}_PASSWORD": {"valueFrom": {"secretKeyRef": {"name": _SECRET, "key": user}}}
                for user in USERS
            }
        },
        "natsBox": {"enabled": False},
    }


def text() -> str:
    """The file's content: JSON, which is YAML too."""
    return f"# Made by nats_values.py; do not edit.\n{json.dumps(values(), indent=2)}\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{FILE.name} written\n")
