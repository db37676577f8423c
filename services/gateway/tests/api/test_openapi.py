"""Responses match the OpenAPI document: schemathesis generates requests for all of it."""

import asyncio
import hashlib
import os
import re
import sysconfig
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from opsroom_testkit.broker import BrokerProcess
from services.gateway.tests.kit.incidents import incidents_at
from services.gateway.tests.kit.portal import Address, gateway_settings, services, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = "a-token-given-out-for-this-test-alone"
STATIC_TOKEN = f"root admin sha256:{hashlib.sha256(TOKEN.encode()).hexdigest()}"
CONFIG = Path(__file__).with_name("schemathesis.toml")
PROGRAM = Path(sysconfig.get_path("scripts")) / "schemathesis"
EXAMPLES = os.environ.get("OPENAPI_EXAMPLES", "2")
"""Number of examples per operation and phase, in addition to those from the schema."""
ALL_PHASES = "examples,coverage,fuzzing,stateful"
FREE_PHASES, GUARDED_PHASES = (
    (ALL_PHASES, ALL_PHASES)
    if "OPENAPI_EXAMPLES" in os.environ
    else ("examples,fuzzing,stateful", "examples,coverage")
)
"""By default each mode runs only some of the phases, to save time."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateways(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Address, Address]]:
    """A gateway in open mode, and one in token mode."""
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(services(process.url))
        await stack.enter_async_context(incidents_at(process.url))
        given = gateway_settings(access="token", tokens=(STATIC_TOKEN,))
        both = (
            await stack.enter_async_context(serving(process.url)),
            await stack.enter_async_context(serving(process.url, given)),
        )
        # Each builds its document once, which may take longer than schemathesis waits: 10 seconds.
        async with httpx.AsyncClient(timeout=120) as client:
            for address in both:
                (await client.get(f"{address.http}/openapi.json")).raise_for_status()
        yield both
    await process.stop()


async def run_schemathesis(address: Address, folder: Path, *more: str) -> str:
    """Run schemathesis. Returns its report if it found a violation."""
    process = await asyncio.create_subprocess_exec(
        *(str(PROGRAM), "--config-file", str(CONFIG), "--no-color", "run", f"{address.http}/openapi.json"),
        *("--checks", "all", "--max-examples", EXAMPLES, "--seed", "6", "--continue-on-failure", *more),
        *("--exclude-path-regex", "/events$"),  # it is endless
        cwd=folder,
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        report = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert re.search(r"\d{2,} generated", report), report
    return report if process.returncode else ""


@pytest.mark.timeout(300)
async def test_responses_match_the_openapi_document_in_open_and_token_mode(
    gateways: tuple[Address, Address], tmp_path: Path
) -> None:
    free, token_mode_gateway = gateways
    by_token = ("-H", f"Authorization: Bearer {TOKEN}")
    reports = await asyncio.gather(
        run_schemathesis(free, tmp_path, "--phases", FREE_PHASES),
        run_schemathesis(token_mode_gateway, tmp_path, "--phases", GUARDED_PHASES, *by_token),
    )
    assert not any(reports), "\n".join(reports)
