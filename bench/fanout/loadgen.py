"""Run the load generator (``loadgen.c``), and measure the servers' CPU and memory at its marks."""

import asyncio
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.fanout.protocols import PeerProtocol
from bench.generators.process import GeneratorError
from bench.servers.portal import Servers, cpu_of, stop_process

_LINE_SECONDS = 180.0
_SETTLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    """``readers``: connections; ``phases``: messages in flight, and seconds.

    ``stuck`` of the readers stop reading before the phase numbered ``stuck_from``.
    """

    readers: int
    phases: tuple[tuple[int, float], ...]
    stuck: int = 0
    stuck_from: int = 0


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase's figures. ``cpu``: seconds of all server processes; ``generator_cpu``: a share of one core.

    ``p50``, ``p99`` and ``most``: seconds from the publishing of a message to its last reader.
    """

    in_flight: int
    elapsed: float
    messages: int
    deliveries: int
    misordered: int
    cpu: float
    generator_cpu: float
    p50: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class Fanout:
    """``connects``: readers joined per second; ``reader_bytes``: the servers' resident memory per reader."""

    connects: float
    reader_bytes: float
    phases: tuple[Phase, ...]


async def run_fanout_load(servers: Servers, protocol: PeerProtocol, load: Load, binary: Path) -> Fanout:
    """Connect, publish and measure.

    Raises:
        GeneratorError: it failed, or fell silent for three minutes.
    """
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-") as folder:
        argv = _arguments(Path(folder), servers.port, protocol, load)
        empty = sum(servers.resident_bytes().values())
        process = await asyncio.create_subprocess_exec(
            str(binary), *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        try:
            connected = await _read_event(process, "connected")
            await asyncio.sleep(_SETTLE_SECONDS)
            full = sum(servers.resident_bytes().values())
            _resume(process)
            phases = tuple([await _phase(process, servers) for _ in load.phases])
            return Fanout(load.readers / connected["seconds"], (full - empty) / load.readers, phases)
        finally:
            await stop_process(process)


async def _phase(process: asyncio.subprocess.Process, servers: Servers) -> Phase:
    await _read_event(process, "begin")
    with cpu_of(servers.pids()) as cpu:
        _resume(process)
        found = await _read_event(process, "end")
    _resume(process)
    found["generator_cpu"] = found.pop("cpu") / found["elapsed"]
    return Phase(cpu=sum(cpu.values()), **found)


async def _read_event(process: asyncio.subprocess.Process, name: str) -> dict[str, Any]:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _LINE_SECONDS)
    except TimeoutError:
        raise GeneratorError(f"the load generator said nothing for {_LINE_SECONDS:g} s") from None
    if not line:
        raise GeneratorError("the load generator failed; its output is above")
    fact: dict[str, Any] = json.loads(line)
    if fact.pop("event") != name:
        raise GeneratorError(f"the load generator said {line!r}, not {name}")
    return fact


def _resume(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"\n")


def _arguments(folder: Path, port: int, protocol: PeerProtocol, load: Load) -> list[str]:
    def file(name: str, content: bytes) -> str:
        (folder / name).write_bytes(content)
        return str(folder / name)

    reader, publisher = protocol.reader, protocol.publisher
    return [
        *(str(port), str(load.readers), str(load.stuck), str(int(protocol.websocket))),
        *(file("open", reader.open), file("hello", reader.hello), file("ready", reader.ready)),
        str(port),
        *(file("pub_open", publisher.open), file("pub_hello", publisher.hello)),
        *(file("pub_ready", publisher.ready), file("message", protocol.message)),
        *(
            f"{in_flight}:{seconds}{'s' if load.stuck and place >= load.stuck_from else ''}"
            for place, (in_flight, seconds) in enumerate(load.phases)
        ),
    ]
