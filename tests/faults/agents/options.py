"""The options of the command line that concern agents."""

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opsroom_agent.settings import ProviderKind
from tests.faults.agents import docker, private_engine
from tests.faults.agents.spec import IMAGE, PRIVATE_IMAGE, AgentSpec
from tests.faults.nemesis.plan import FaultKind

OWN = "own"
"""In place of the path of a socket: the run starts an engine."""
_DOCKER_SOCKET = "/var/run/docker.sock"
_SERVERS, _SERVERS_OF_DOCKER = 8, 2
_CONTAINERS_MAX = 24
_COMMAND_SECONDS = 20.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--agent", action="store_true", help="two agents with simulated servers, and faults of both"
    )
    parser.add_argument(
        "--docker",
        nargs="?",
        const=_DOCKER_SOCKET,
        metavar="SOCKET",
        help=f"the same with containers of the Docker engine at {_DOCKER_SOCKET}, or another path;"
        f' "{OWN}": of an engine that the run starts, kills and stops, which needs root',
    )
    parser.add_argument(
        "--servers",
        type=int,
        help="pending commands of each operator for servers behind agents"
        f" (default: {_SERVERS}, of Docker {_SERVERS_OF_DOCKER})",
    )


def servers_of(options: argparse.Namespace) -> int:
    """Return how many servers behind agents each operator has."""
    return int(options.servers or (_SERVERS_OF_DOCKER if options.docker else _SERVERS))


@contextmanager
def agents_of(
    parser: argparse.ArgumentParser, options: argparse.Namespace, seed: int
) -> Iterator[AgentSpec | None]:
    """Yield the agents that the options want. Exits with an error if there is no Docker engine."""
    if not options.docker:
        yield AgentSpec(ProviderKind.SIMULATED, "faults") if options.agent else None
        return
    own = options.docker == OWN
    reason = private_engine.why_not() if own else docker.why_not(Path(options.docker), IMAGE)
    if reason is not None:
        parser.error(f"--docker: {reason}")
    folder = Path(tempfile.mkdtemp(prefix="opsroom-engine-"))
    try:
        yield AgentSpec(
            ProviderKind.DOCKER,
            f"faults-{seed}-{os.getpid()}",
            command_seconds=_COMMAND_SECONDS,
            socket=folder / "docker.sock" if own else Path(options.docker),
            own_engine=own,
            image=PRIVATE_IMAGE if own else IMAGE,
            servers_max=_CONTAINERS_MAX,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def not_with(agent: AgentSpec | None) -> tuple[FaultKind, ...]:
    """Return the faults that are not possible with agents, or with an engine that others use.

    What an engine did after a backup is not undone when the portal is restored.
    """
    if agent is None:
        return ()
    shared = agent.kind is ProviderKind.DOCKER and not agent.own_engine
    return (FaultKind.RESTORE, *((FaultKind.ENGINE_AWAY,) if shared else ()))
