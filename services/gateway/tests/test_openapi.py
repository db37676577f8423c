"""What the OpenAPI document promises holds: schemathesis asks all that it describes, and much besides."""

import asyncio
import hashlib
import os
import re
import sysconfig
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from opsroom_testkit.broker import BrokerProcess
from services.gateway.tests.portal import Address, gateway_settings, services, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = "a-token-given-out-for-this-test-alone"
GIVEN = f"root admin sha256:{hashlib.sha256(TOKEN.encode()).hexdigest()}"
CONFIG = Path(__file__).with_name("schemathesis.toml")
PROGRAM = Path(sysconfig.get_path("scripts")) / "schemathesis"
EXAMPLES = os.environ.get("OPENAPI_EXAMPLES", "2")
"""Of each operation in each phase, besides those that its schema asks for."""
ALL_PHASES = "examples,coverage,fuzzing,stateful"
FREE_PHASES, GUARDED_PHASES = (
    (ALL_PHASES, ALL_PHASES)
    if "OPENAPI_EXAMPLES" in os.environ
    else ("examples,fuzzing,stateful", "examples,coverage")
)
"""Without that variable each mode has its share, for want of time."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateways(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Address, Address]]:
    """One in open mode, and one in token mode."""
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(services(process.url))
        given = gateway_settings(access="token", tokens=(GIVEN,))
        yield (
            await stack.enter_async_context(serving(process.url)),
            await stack.enter_async_context(serving(process.url, given)),
        )
    await process.stop()


async def found_wrong(address: Address, folder: Path, *more: str) -> str:
    """Ask everything; answers the report where something was not as described."""
    asking = await asyncio.create_subprocess_exec(
        *(str(PROGRAM), "--config-file", str(CONFIG), "--no-color", "run", f"{address.http}/openapi.json"),
        *("--checks", "all", "--max-examples", EXAMPLES, "--seed", "6", "--continue-on-failure", *more),
        *("--exclude-path-regex", "/events$"),  # it has no end, and so none that could be waited for
        cwd=folder,
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        said = (await asking.communicate())[0].decode()
    finally:
        if asking.returncode is None:
            asking.kill()
            await asking.wait()
    assert re.search(r"\d{2,} generated", said), said
    return said if asking.returncode else ""


@pytest.mark.timeout(300)
async def test_all_is_as_described_in_open_and_token_mode(
    gateways: tuple[Address, Address], tmp_path: Path
) -> None:
    free, guarded = gateways
    by_token = ("-H", f"Authorization: Bearer {TOKEN}")
    reports = await asyncio.gather(
        found_wrong(free, tmp_path, "--phases", FREE_PHASES),
        found_wrong(guarded, tmp_path, "--phases", GUARDED_PHASES, *by_token),
    )
    assert not any(reports), "\n".join(reports)
