"""NATS users and their passwords, in files that only their owner can read.

``python -m opsroom_messaging.deployment.broker_accounts FOLDER URL [HOST ...] [--agent PROVIDER ...]
[--bot NAME ...]`` creates the files for a broker at ``URL`` that the launcher does not run:

- ``FOLDER/nats/authorization.conf``: users and permissions, to include in the broker's configuration;
- ``FOLDER/<service>/nats-password``: for ``NATS_PASSWORD_FILE`` of each service;
- ``FOLDER/agent-<provider>/nats-password``: for the agent of each named provider, which can act for no other
  one. Without any, there is ``FOLDER/agent``, whose user can act for all of them;
- ``FOLDER/bot-<name>/nats-password``: for each named bot that offers commands in the chat;
- ``FOLDER/operator/context.json``: for ``nats --context``;
- ``FOLDER/nats/cluster.conf``, if hosts are given: forms a cluster of the brokers on these hosts, with a
  password for the routes between them.

A second run keeps the passwords, also of providers that it does not name, and rewrites the permissions. To
remove an agent's user, delete its folder before that.
"""

import json
import re
import secrets
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from opsroom_contracts.agents.names import PROVIDER_NAME, is_provider_name
from opsroom_contracts.incidents.bot_commands import RESERVED_BOT_NAMES
from opsroom_contracts.incidents.grammar import COMMAND_WORD
from opsroom_messaging.deployment.permissions import USERS, authorization
from opsroom_messaging.deployment.private_files import (
    OPERATOR,
    SHARED_AGENT,
    agent_user,
    bot_user,
    context_file,
    named_agents,
    named_bots,
    password_file,
    write_private,
)

_PASSWORD_BYTES = 24
CLUSTER = "opsroom"
ROUTE_PORT = 6222
ROUTE_USER = "route"


def create_accounts(
    folder: Path, url: str, providers: Sequence[str] = (), bots: Sequence[str] = ()
) -> dict[str, str]:
    """Create missing passwords in ``folder`` and the operator's context for a broker at ``url``.

    ``providers``: those whose agents get a user each. ``bots``: those that get one.

    Returns the password of each user. The shared user of agents is among them if its password exists, so that
    the agents of an earlier release go on working, or if there is no other user for agents.

    Raises:
        OSError: a file can't be written.
    """
    named = named_agents(folder) | {agent_user(provider) for provider in providers}
    users = [*USERS, *sorted(named), *sorted(named_bots(folder) | {bot_user(bot) for bot in bots})]
    if named and not password_file(folder, SHARED_AGENT).exists():
        users.remove(SHARED_AGENT)
    passwords = {user: _password(password_file(folder, user)) for user in users}
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


def main(
    folder: Path,
    url: str,
    hosts: Sequence[str] = (),
    providers: Sequence[str] = (),
    bots: Sequence[str] = (),
) -> None:
    """Create all files for a broker or a cluster on ``hosts``, and for services, agents and bots."""
    passwords = create_accounts(folder, url, providers, bots)
    # nats-server reads JSON, but an included file must not have the outer braces.
    included = json.dumps({"authorization": authorization(passwords)}, indent=2)[1:-1]
    write_private(folder / "nats" / "authorization.conf", included)
    if hosts:
        settings = {"cluster": cluster(hosts, _password(folder / "nats" / "route-password"))}
        write_private(folder / "nats" / "cluster.conf", json.dumps(settings, indent=2)[1:-1])


def provider_argument(text: str) -> str:
    """Return the name of a provider.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not is_provider_name(text):
        raise ArgumentTypeError(f"{text!r} must match {PROVIDER_NAME}")
    return text


def bot_argument(text: str) -> str:
    """Return the name of a bot that may have a user.

    Raises:
        ArgumentTypeError: it is none, or one of the portal's.
    """
    if re.fullmatch(COMMAND_WORD, text) is None:
        raise ArgumentTypeError(f"{text!r} must match {COMMAND_WORD}")
    if text in RESERVED_BOT_NAMES:
        raise ArgumentTypeError(f"{text!r} is a name of the portal")
    return text


def _parser() -> ArgumentParser:
    parser = ArgumentParser("broker_accounts", description="Create the broker's users and their passwords.")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where the files are")
    parser.add_argument("url", metavar="URL", help="of the broker, for the operator's context")
    parser.add_argument("hosts", metavar="HOST", nargs="*", help="of each broker of a cluster")
    parser.add_argument(
        "--agent",
        metavar="PROVIDER",
        dest="providers",
        action="append",
        default=[],
        type=provider_argument,
        help="create a user for the agent of this provider alone (repeatable)",
    )
    parser.add_argument(
        "--bot",
        metavar="NAME",
        dest="bots",
        action="append",
        default=[],
        type=bot_argument,
        help="create a user for the bot of this name, which offers commands in the chat (repeatable)",
    )
    return parser


if __name__ == "__main__":
    arguments = _parser().parse_args()
    main(arguments.folder, arguments.url, arguments.hosts, arguments.providers, arguments.bots)
