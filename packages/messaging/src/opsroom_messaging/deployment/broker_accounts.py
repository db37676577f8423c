"""NATS users and their passwords, in files that only their owner can read.

``python -m opsroom_messaging.deployment.broker_accounts FOLDER URL [HOST ...]`` creates the files for a
broker at ``URL`` that the launcher does not run:

- ``FOLDER/nats/authorization.conf``: users and permissions, to include in the broker's configuration;
- ``FOLDER/<service>/nats-password``: for ``NATS_PASSWORD_FILE`` of each service;
- ``FOLDER/operator/context.json``: for ``nats --context``;
- ``FOLDER/nats/cluster.conf``, if hosts are given: forms a cluster of the brokers on these hosts, with a
  password for the routes between them.

A second run keeps the passwords and rewrites the permissions.
"""

import json
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from opsroom_messaging.deployment.permissions import USERS, authorization
from opsroom_messaging.deployment.private_files import (
    OPERATOR,
    context_file,
    password_file,
    write_private,
)

_PASSWORD_BYTES = 24
CLUSTER = "opsroom"
ROUTE_PORT = 6222
ROUTE_USER = "route"


def create_accounts(folder: Path, url: str) -> dict[str, str]:
    """Create missing passwords in ``folder`` and the operator's context for a broker at ``url``.

    Returns the password of each user.

    Raises:
        OSError: a file can't be written.
    """
    passwords = {user: _password(password_file(folder, user)) for user in USERS}
    context = {
        "description": "Opsroom's operator",
        "url": url,
        "user": OPERATOR,
        "password": passwords[OPERATOR],
        "inbox_prefix": f"_INBOX.{OPERATOR}",
    }
    write_private(context_file(folder), json.dumps(context, indent=2) + "\n")
    return passwords


def _password(path: Path) -> str:
    try:
        password = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        password = ""
    if password:
        return password
    # A leading letter: nats-server parses a value from its environment that starts with a digit as a number.
    password = "o" + secrets.token_urlsafe(_PASSWORD_BYTES)
    write_private(path, password)
    return password


def cluster(hosts: Sequence[str], password: str) -> dict[str, Any]:
    """The ``cluster`` section of the configuration, the same for each of the brokers on ``hosts``."""
    return {
        "name": CLUSTER,
        "listen": f"0.0.0.0:{ROUTE_PORT}",
        "authorization": {"user": ROUTE_USER, "password": password, "timeout": 2},
        "routes": [f"nats-route://{ROUTE_USER}:{quote(password)}@{host}:{ROUTE_PORT}" for host in hosts],
    }


def main(folder: Path, url: str, hosts: Sequence[str] = ()) -> None:
    """Create all files for a broker, or a cluster on ``hosts``, and for services in containers."""
    passwords = create_accounts(folder, url)
    # nats-server reads JSON, but an included file must not have the outer braces.
    included = json.dumps({"authorization": authorization(passwords)}, indent=2)[1:-1]
    write_private(folder / "nats" / "authorization.conf", included)
    if hosts:
        settings = {"cluster": cluster(hosts, _password(folder / "nats" / "route-password"))}
        write_private(folder / "nats" / "cluster.conf", json.dumps(settings, indent=2)[1:-1])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python -m opsroom_messaging.deployment.broker_accounts FOLDER URL [HOST ...]")
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
