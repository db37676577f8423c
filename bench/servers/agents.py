"""An agent of the simulated provider beside the measured portal."""

import os
import sys
from pathlib import Path

from bench.servers.portal import Launch, Servers, stop_process
from opsroom_agent.providers.simulated.engine import SimulatedEngine
from opsroom_agent.providers.simulated.provider import STATE_FILE

PROVIDER = "lab"
PORTAL = "bench"
NAME = "agent"


def plan_agent(servers: Servers, folder: Path, *, pin: bool, log_rate: float = 1.0) -> None:
    """Set how the agent is started; its servers are in ``folder``.

    Its operations take no time. ``log_rate``: log lines per second of a running server.
    """
    environ = os.environ | {
        "NATS_URL": servers.nats_url,
        "LOG_LEVEL": "WARNING",
        "AGENT_PROVIDER": "simulated",
        "AGENT_NAME": PROVIDER,
        "AGENT_PORTAL": PORTAL,
        "AGENT_STATE_DIR": str(folder),
        "AGENT_SIMULATED_DELAY_SECONDS": "0",
        "AGENT_SIMULATED_ADOPTABLE": "0",
        "AGENT_SIMULATED_LOG_RATE": f"{log_rate:g}",
    }
    argv = (sys.executable, "-m", "opsroom_agent")
    servers.launches[NAME] = Launch(argv, environ, folder / f"{NAME}.log", pin)


async def stop_agent(servers: Servers) -> None:
    """Stop the agent, which may be started again."""
    await stop_process(servers.processes.pop(NAME))


def open_engine(folder: Path) -> SimulatedEngine:
    """Open the servers of an agent that is not running."""
    return SimulatedEngine(folder / STATE_FILE)
