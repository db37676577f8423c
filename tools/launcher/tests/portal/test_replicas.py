"""Several processes of each service: the option, and what the processes share."""

import argparse
import asyncio
import os
import signal
import sys
from collections import Counter
from contextlib import AsyncExitStack

import psutil
import pytest

from opsroom_launcher.portal.replicas import MAX_REPLICAS, Replicas, read_replicas
from opsroom_testkit.waiting import until, until_answer
from tools.launcher.tests.portal.test_up import (
    Portal,
    answers_ready,
    create_instance,
    instances,
    ready_portal,
)

CONNECTIONS = 64
"""With this number of connections, one of two gateways gets none once in 2 ** 63 runs."""


def test_what_is_not_named_stays_one() -> None:
    assert read_replicas("chat=2") == Replicas(chat=2, cloud=1, gateway=1)
    assert read_replicas("gateway=3, cloud=2") == Replicas(1, 2, 3)


def test_auto_is_one_for_each_core() -> None:
    assert read_replicas("gateway=auto").gateway == min(MAX_REPLICAS, len(os.sched_getaffinity(0)))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "must name each of chat, cloud, gateway, incidents once at most"),
        ("nats=3", "must name each"),
        ("chat=1,chat=2", "must name each"),
        ("chat", "chat must be 1 to 32, or auto, not ''"),
        ("chat=0", "chat must be 1 to 32"),
        ("cloud=33", "cloud must be 1 to 32"),
        ("gateway=-1", "gateway must be 1 to 32"),
        ("chat=١", "chat must be 1 to 32"),
    ],
)
def test_others_are_refused_in_words(text: str, complaint: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=complaint):
        read_replicas(text)


@pytest.mark.skipif(sys.platform != "linux", reason="several gateways share a port on Linux only")
async def test_gateways_share_the_port_and_one_killed_is_not_missed() -> None:
    async with ready_portal("--ephemeral", "--replicas", "chat=2,cloud=2,gateway=2,incidents=2") as running:
        assert Counter(name for name, _ in services(running)) == dict.fromkeys(
            ("chat", "cloud", "gateway", "incidents"), 2
        )
        gateways = [pid for name, pid in services(running) if name == "gateway"]
        await until_answer(lambda: listening(gateways), bool)
        port = int(running.web.rpartition(":")[2])
        async with AsyncExitStack() as stack:
            for _ in range(CONNECTIONS):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                stack.callback(writer.close)
            await until(lambda: all(connections(pid) for pid in gateways))
        os.kill(gateways[0], signal.SIGKILL)
        await until(lambda: any("restarting" in line for line in running.lines))
        await create_instance(running.web)
        assert await answers_ready(running.web)
        assert len(await instances(running.web)) == 1
        await until(lambda: len(services(running)) == 8)
        assert await running.stop() == 0
        (death,) = [line for line in running.lines if "restarting" in line]
        assert death.split()[2] in {"gateway-1", "gateway-2"}


def services(running: Portal) -> list[tuple[str, int]]:
    """Return the running services: name and pid of each."""
    children = psutil.Process(running.process.pid).children()
    commands = [(child.cmdline(), child.pid) for child in children if child.is_running()]
    return [(c[-1].removeprefix("opsroom_"), pid) for c, pid in commands if "-m" in c[1:3]]


async def listening(gateways: list[int]) -> bool:
    """Whether all of them listen."""
    return all(
        any(one.status == psutil.CONN_LISTEN for one in psutil.Process(pid).net_connections("tcp"))
        for pid in gateways
    )


def connections(gateway: int) -> int:
    """Return how many clients a gateway has."""
    port = {
        one.laddr.port for one in psutil.Process(gateway).net_connections("tcp") if one.status == "LISTEN"
    }
    return sum(
        one.status == psutil.CONN_ESTABLISHED and one.laddr.port in port
        for one in psutil.Process(gateway).net_connections("tcp")
    )
