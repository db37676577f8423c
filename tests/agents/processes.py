"""All processes of a portal with an agent, each of which is killed and started again at will."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from opsroom_testkit.forks import ForkedProcess, Forks, forks
from opsroom_testkit.ports import free_port
from opsroom_testkit.processes import ready

NAMES = ("chat", "cloud", "incidents", "gateway", "agent")


class Processes:
    """One process of each service. ``environs``: the settings of each, by its name."""

    def __init__(self, made: Forks, environs: Mapping[str, Mapping[str, str]], stack: AsyncExitStack) -> None:
        self._forks = made
        self._environs = environs
        self._stack = stack
        self._running: dict[str, ForkedProcess] = {}
        self.port = free_port()
        """The port of the gateway, also after it was killed."""
        self.killed: Counter[str] = Counter()

    async def kill(self, name: str) -> None:
        """Kill a process (SIGKILL), and start it again. It need not be ready afterwards."""
        await self._running[name].kill()
        self.killed[name] += 1
        await self.start(name)

    async def start(self, name: str) -> None:
        """Start the process of a service."""
        environ = dict(self._environs[name])
        if name == "gateway":
            environ["GATEWAY_PORT"] = str(self.port)
        self._running[name] = await self._stack.enter_async_context(self._forks.service(name, **environ))


@asynccontextmanager
async def running(folder: Path, environs: Mapping[str, Mapping[str, str]]) -> AsyncIterator[Processes]:
    """Run all processes until the block ends."""
    async with forks(folder, *NAMES) as made, AsyncExitStack() as stack:
        processes = Processes(made, environs, stack)
        for name in NAMES:
            await processes.start(name)
        await ready(processes.port)
        yield processes
