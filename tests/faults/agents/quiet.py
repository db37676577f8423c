"""The end of a run with agents: the portal's list is compared with the engine's when all is quiet."""

import asyncio
import time

from tests.faults.agents.spec import Engine
from tests.faults.clients.commander import COMMAND_PATH, Commander
from tests.faults.clients.http_client import Json
from tests.faults.clients.recorder import Recorder
from tests.faults.rules.agents.engine import engine_list
from tests.faults.verification.agent_history import AgentHistory, ListedServer

_PATIENCE_SECONDS = 90.0
_ASK_SECONDS = 0.5


async def compare(recorder: Recorder, agent: AgentHistory, engine: Engine, commander: Commander) -> None:
    """Look at both lists until they are the same, or for long enough; the history keeps the last look."""
    deadline = time.time() + _PATIENCE_SECONDS
    while True:
        answer = await commander.ask("GET", COMMAND_PATH, {})
        if answer.status == 200:
            agent.listed = [
                _listed(one) for one in answer.body["instances"] if one.get("provider") == agent.provider
            ]
            agent.shown = await asyncio.to_thread(engine.servers)
            agent.looked = time.time()
            if not list(engine_list(agent, recorder.cloud.events)):
                break
        if time.time() > deadline:
            break
        await asyncio.sleep(_ASK_SECONDS)
    agent.executed = await asyncio.to_thread(engine.executed)


def _listed(instance: Json) -> ListedServer:
    pending = instance.get("pending")
    return ListedServer(
        instance["id"],
        instance["name"],
        instance["state"],
        instance.get("condition") or "ok",
        instance.get("reasonCode") or "",
        instance.get("resource") or "",
        pending["id"] if pending else "",
    )
