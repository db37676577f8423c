"""The Autobahn WebSocket test suite against the gateway's own server.

The suite needs an echo server, which no socket of the portal is. So a small echo application replaces the
portal, behind the server, protocol and connection classes of the gateway. Echoes
are built and written as frames to readers are, compressed if that was negotiated.

Its command, ``wstest``, is in ``autobahntestsuite`` on PyPI, which needs Python 2.7.
"""

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from opsroom_gateway.app import Gateway
from opsroom_gateway.settings import GatewaySettings
from opsroom_gateway.transport.encoding import binary_frame, compress_frame, text_frame
from opsroom_gateway.transport.input_budget import InputBudgets
from opsroom_gateway.transport.server import listen, make_server
from opsroom_gateway.transport.stats import TransportStats
from opsroom_gateway.transport.websocket.connection import WebSocketConnection, connection_of
from opsroom_gateway.transport.websocket.receive_queue import Event

_LARGEST = 16 * 1024 * 1024
"""The largest message of the suite; the portal itself takes no more than 64 KiB."""
_SETTINGS: dict[str, object] = {"port": 0, "ping_seconds": 60.0, "outbox_bytes": 4 * _LARGEST}
_GOOD = frozenset({"OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED"})
"""Results that are no failure. ``UNIMPLEMENTED``: an extension that was not negotiated."""
_SUITE_SECONDS = 3600.0


async def _echo(websocket: WebSocket) -> None:
    await websocket.accept()
    outlet = connection_of(websocket)
    outlet.serve_callback(partial(_answer, outlet))


async def _answer(outlet: WebSocketConnection, event: Event) -> None:
    if event["type"] == "websocket.disconnect":
        return
    text = event.get("text")
    frame = binary_frame(event["bytes"]) if text is None else text_frame(text.encode())
    outlet.write(compress_frame(frame) if outlet.deflate else frame)


@asynccontextmanager
async def echoing(*, deflate: bool) -> AsyncIterator[int]:
    """Run the server; yields its port."""
    settings = GatewaySettings.model_validate(_SETTINGS | {"deflate": deflate})
    listener = listen(settings)
    application: Any = Starlette(routes=[WebSocketRoute("/", _echo)])
    budgets = InputBudgets(settings.input())
    at_work = Gateway(application, TransportStats(), budgets, asyncio.Event(), lambda: None, lambda _: None)
    server = make_server(at_work, settings)
    server.config.ws_max_size = _LARGEST
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.stop()
        await serving


async def run_suite(wstest: str, port: int, folder: Path, cases: list[str]) -> dict[str, dict[str, str]]:
    """Return the suite's result of each case: ``behavior`` and ``behaviorClose``.

    Raises:
        TimeoutError: it did not end within an hour.
    """
    specification = {
        "outdir": str(folder),
        "servers": [{"agent": "opsroom", "url": f"ws://127.0.0.1:{port}/"}],
        "cases": cases,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    spec = folder / "spec.json"
    spec.write_text(json.dumps(specification))
    process = await asyncio.create_subprocess_exec(
        wstest, "-m", "fuzzingclient", "-s", spec, stdout=asyncio.subprocess.DEVNULL, cwd=folder
    )
    async with asyncio.timeout(_SUITE_SECONDS):
        await process.wait()
    found: dict[str, dict[str, str]] = json.loads((folder / "index.json").read_text())["opsroom"]
    return found


async def judged(wstest: str, cases: list[str], *, deflate: bool) -> tuple[str, int]:
    """Run ``cases`` (such as ``1.*`` and ``7.3.2``). Returns a report, and how many failed."""
    with tempfile.TemporaryDirectory() as folder:
        async with echoing(deflate=deflate) as port:
            found = await run_suite(wstest, port, Path(folder), cases)
    lines = []
    for what, key in (("behaviour", "behavior"), ("closing", "behaviorClose")):
        counts = Counter(case[key] for case in found.values())
        lines.append(f"{what}: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    bad = {
        name: case for name, case in found.items() if not {case["behavior"], case["behaviorClose"]} <= _GOOD
    }
    lines += [f"{name}: {one['behavior']}, closing {one['behaviorClose']}" for name, one in bad.items()]
    return "\n".join([*lines, f"{len(found)} cases, {len(bad)} failed"]), len(bad)
