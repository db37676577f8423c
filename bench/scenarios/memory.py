"""What an idle reader of the real gateway takes, and how fast readers join: hello, session and all."""

from bench.clients.reader import SSE, WEBSOCKET
from bench.generators.reader_load import ReaderPlan, run_reader_load
from bench.options import Options
from bench.results.statistics import spread
from bench.results.table import Cell, Table
from bench.servers.portal import portal

_HEADERS = (
    "readers",
    "joined/s",
    "gateway KiB/reader",
    "chat KiB/reader",
    "nats KiB/reader",
    "generator CPU %",
)


async def measure(options: Options) -> list[Table]:
    """Sockets and streams, as many as ``options.crowds`` says."""
    rows: list[tuple[Cell, ...]] = []
    for readers in options.crowds:
        for kind in (WEBSOCKET, SSE):
            rows.append(await _row(kind, readers, options))
    title = f"Idle readers of the whole portal (rounds: {options.rounds})"
    return [Table(title, _HEADERS, rows)]


async def _row(kind: str, readers: int, options: Options) -> tuple[Cell, ...]:
    found = []
    for _ in range(options.rounds):
        async with portal(delay=3600, pin=options.pin) as servers:
            plan = ReaderPlan(
                kind, readers, False, servers.port, servers.nats_port, servers.pids(), options.share
            )
            found.append(await run_reader_load(plan))
    return (
        f"{readers:,} × {kind}",
        spread([readers / one.joining for one in found]),
        *(
            spread([one.grown[name] / 1024 / readers for one in found])
            for name in ("gateway", "chat", "nats")
        ),
        spread([one.generator_cpu * 100 for one in found]),
    )
