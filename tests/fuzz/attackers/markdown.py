"""The page's parser of messages, in a process of Node: it is fast, and makes nothing that a browser runs."""

import asyncio
import json
import re
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.fuzz.cases.markdown_cases import MarkdownCase

_ROOT = Path(__file__).parents[3]
_ESBUILD = _ROOT / "frontend" / "node_modules" / ".bin" / "esbuild"
_WORKER = Path(__file__).with_name("markdown_worker.js")
_STEPS = 16
"""Characters that may be looked at for each one of the message."""
_SLOW_MILLISECONDS = 100.0
_DEPTH_MAX = 20
_SAFE = re.compile(r"(https?://|mailto:)", re.ASCII)
_TYPES = frozenset(
    {"paragraph", "fence", "quote", "list", "strong", "em", "del", "code", "link", "mention", "shortcode"}
)


class MarkdownAttackers:
    """Sends messages to the worker, one after the other; nothing without it, because Node is missing."""

    def __init__(self, worker: asyncio.subprocess.Process | None) -> None:
        self._worker = worker
        self._lock = asyncio.Lock()

    async def send(self, case: MarkdownCase) -> None:
        """Parse a message.

        Raises:
            AssertionError: it takes long, or has something that runs.
        """
        if self._worker is None:
            return
        async with self._lock:
            found = await self._parsed(case.text)
            if found["milliseconds"] > _SLOW_MILLISECONDS:
                found = await self._parsed(case.text)  # it may have compiled, or collected garbage
        steps, size = found["steps"], len(case.text.encode("utf-16-le")) // 2
        assert steps <= _STEPS * size + _STEPS, f"{steps} steps for {size} characters"
        assert found["milliseconds"] <= _SLOW_MILLISECONDS, (
            f"{found['milliseconds']} ms for {size} characters"
        )
        assert found["depth"] <= _DEPTH_MAX, f"nested {found['depth']} deep"
        assert not found["changed"], "the colors of code change its text"
        assert _TYPES.issuperset(found["types"]), f"unknown nodes: {found['types']}"
        unsafe = [href for href in found["hrefs"] if not _SAFE.match(href)]
        assert not unsafe, f"links to {unsafe}"

    async def _parsed(self, text: str) -> dict[str, Any]:
        worker = self._worker
        assert worker is not None
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps(text).encode() + b"\n")
        line = await worker.stdout.readline()
        assert line, "the parser raised an error"
        found: dict[str, Any] = json.loads(line)
        return found


@asynccontextmanager
async def markdown_attackers() -> AsyncIterator[MarkdownAttackers]:
    """Bundle the worker and run it, if the page's packages are installed."""
    if not _ESBUILD.exists():
        yield MarkdownAttackers(None)
        return
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "worker.mjs"
        options = ("--bundle", "--platform=node", "--format=esm", f"--outfile={bundle}", "--log-level=error")
        building = await asyncio.create_subprocess_exec(_ESBUILD, _WORKER, *options)
        assert await building.wait() == 0, "the page's parser can't be bundled"
        worker = await asyncio.create_subprocess_exec("node", bundle, stdin=PIPE, stdout=PIPE, limit=2**24)
        try:
            yield MarkdownAttackers(worker)
        finally:
            worker.kill()
            await worker.wait()
