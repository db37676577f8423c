"""Writes ``nats-values.yaml``, what Opsroom asks of NATS's own chart, from the permissions in the code.

Run it as ``.venv/bin/python deploy/kubernetes/nats_values.py`` after a change of them: a test says when that
was forgotten. With names of providers as arguments, it prints values in which the agent of each has its own
user, in place of one user for all agents; ``--bot NAME`` adds the user of a bot that offers commands in the
chat.
"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opsroom_messaging.deployment.broker_accounts import bot_argument, provider_argument
from opsroom_messaging.deployment.broker_settings import PINGS
from opsroom_messaging.deployment.permissions import USERS, authorization
from opsroom_messaging.deployment.private_files import SHARED_AGENT, agent_user, bot_user

FILE = Path(__file__).with_name("nats-values.yaml")
_SECRET = "opsroom-nats"  # noqa: S105 - a name


def values(providers: Sequence[str] = (), bots: Sequence[str] = ()) -> dict[str, Any]:
    """Three nodes, synced writes, and the users, whose passwords come from a secret by the environment."""
    agents = [agent_user(provider) for provider in providers]
    users = [user for user in USERS if user != SHARED_AGENT or not agents] + agents
    users += [bot_user(bot) for bot in bots]
    # The chart takes quotes and arrows off, so that the broker reads a variable.
    passwords = {user: f"<< ${_variable(user)} >>" for user in users}
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
                _variable(user): {"valueFrom": {"secretKeyRef": {"name": _SECRET, "key": user}}}
                for user in users
            }
        },
        "natsBox": {"enabled": False},
    }


def _variable(user: str) -> str:
    return f"{user.upper().replace('-', '_')}_PASSWORD"


def text(providers: Sequence[str] = (), bots: Sequence[str] = ()) -> str:
    """The file's content: JSON, which is YAML too."""
    return f"# Made by nats_values.py; do not edit.\n{json.dumps(values(providers, bots), indent=2)}\n"


if __name__ == "__main__":
    parser = ArgumentParser("nats_values")
    parser.add_argument("providers", metavar="PROVIDER", nargs="*", type=provider_argument)
    parser.add_argument("--bot", metavar="NAME", dest="bots", action="append", default=[], type=bot_argument)
    named = parser.parse_args()
    if named.providers or named.bots:
        sys.stdout.write(text(named.providers, named.bots))
        sys.exit()
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{FILE.name} written\n")
