"""NATS accounts on disk: passwords made once, each in a file that only its owner can read.

``python -m opsroom_messaging.deployment.broker_accounts FOLDER URL`` makes, for a broker at ``URL``
that is not the embedded one:

- ``FOLDER/nats/authorization.conf``: users and permissions, for the broker's configuration to include;
- ``FOLDER/<service>/nats-password``: for ``NATS_PASSWORD_FILE`` of each service;
- ``FOLDER/operator/context.json``: for ``nats --context``.

With hosts behind the URL also ``FOLDER/nats/cluster.conf``: the brokers on them become one cluster, each
proving to the others that it belongs to it.

A second run keeps the passwords and writes the permissions anew.
"""

import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from opsroom_messaging.deployment.permissions import OPERATOR, USERS, authorization

_PASSWORD_BYTES = 24
PASSWORD_FILE = "nats-password"  # noqa: S105 - a name
CONTEXT_FILE = "context.json"
CLUSTER = "opsroom"
ROUTE_PORT = 6222
ROUTE_USER = "route"


def password_file(folder: Path, user: str) -> Path:
    """Where the password of ``user`` is."""
    return folder / user / PASSWORD_FILE


def context_file(folder: Path) -> Path:
    """Where the operator's context for the ``nats`` command line is."""
    return folder / OPERATOR / CONTEXT_FILE


def make_users(folder: Path, url: str) -> dict[str, str]:
    """Make what is missing in ``folder`` for a broker at ``url``; the password of each user.

    Raises:
        OSError: it can't be written.
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


def write_private(path: Path, text: str) -> None:
    """Put ``text`` in ``path`` in one step; nobody but its owner can read it at any moment."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _password(path: Path) -> str:
    try:
        known = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        known = ""
    if known:
        return known
    # A letter first: where it comes to the broker through its environment, digits first would make a number.
    password = "o" + secrets.token_urlsafe(_PASSWORD_BYTES)
    write_private(path, password)
    return password


def cluster(hosts: Sequence[str], password: str) -> dict[str, Any]:
    """The broker's ``cluster`` for the brokers on ``hosts``; the same for each of them."""
    return {
        "name": CLUSTER,
        "listen": f"0.0.0.0:{ROUTE_PORT}",
        "authorization": {"user": ROUTE_USER, "password": password, "timeout": 2},
        "routes": [f"nats-route://{ROUTE_USER}:{quote(password)}@{host}:{ROUTE_PORT}" for host in hosts],
    }


def main(folder: Path, url: str, hosts: Sequence[str] = ()) -> None:
    """Make everything that a broker, or those on ``hosts``, and services in containers need."""
    passwords = make_users(folder, url)
    # JSON is what the broker reads, but what it includes must come without the outer braces.
    included = json.dumps({"authorization": authorization(passwords)}, indent=2)[1:-1]
    write_private(folder / "nats" / "authorization.conf", included)
    if hosts:
        settings = {"cluster": cluster(hosts, _password(folder / "nats" / "route-password"))}
        write_private(folder / "nats" / "cluster.conf", json.dumps(settings, indent=2)[1:-1])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python -m opsroom_messaging.deployment.broker_accounts FOLDER URL [HOST ...]")
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
