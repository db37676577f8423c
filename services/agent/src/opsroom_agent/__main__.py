"""The agent's process: ``python -m opsroom_agent``."""

import logging
import os

from opsroom_agent.service import agent_service
from opsroom_agent.settings import AgentSettings
from opsroom_messaging.program import Program, run_program
from opsroom_runtime.process import run
from opsroom_runtime.spans import Tracer

log = logging.getLogger("opsroom_agent")


async def main(tracer: Tracer) -> None:
    """Run the agent until the process is asked to stop."""
    settings = AgentSettings.from_environment(os.environ)
    if settings.state_dir is None:
        log.warning("AGENT_STATE_DIR is not set: after a kill of the agent, an operation may be done twice")
    await run_program(Program("agent", settings, lambda broker: agent_service(broker, settings)), tracer)


if __name__ == "__main__":
    run("agent", main)
