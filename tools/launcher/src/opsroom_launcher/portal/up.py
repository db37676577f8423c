"""`opsroom up`: the composition root of the whole portal on one machine."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from opsroom_launcher import env_vars
from opsroom_launcher.errors import RefusedError
from opsroom_launcher.install.install_layout import InstallLayout
from opsroom_launcher.options import UpOptions
from opsroom_launcher.portal.agent import find_docker, provider_name, templates_file
from opsroom_launcher.portal.banner import Addresses, banner
from opsroom_launcher.portal.broker import HOST as BROKER_HOST
from opsroom_launcher.portal.broker import NAME as BROKER_NAME
from opsroom_launcher.portal.broker import broker_spec, choose_port, find_binary, token_file
from opsroom_launcher.portal.data_dir import DataDir, persistent_dir, temporary_dir
from opsroom_launcher.portal.data_files import write_data_files
from opsroom_launcher.portal.ports import connect_host, format_host_port, free_port
from opsroom_launcher.portal.readiness import serves_course_contract, wait_ready
from opsroom_launcher.portal.service_specs import service_specs
from opsroom_launcher.portal.storage_watch import StorageWatch
from opsroom_launcher.selection.run_record import RunRecord, registered
from opsroom_launcher.supervision.child import ServiceSpec
from opsroom_launcher.supervision.console import Console
from opsroom_launcher.supervision.guard import Guard
from opsroom_launcher.supervision.supervisor import Supervisor

START_SECONDS = 120.0
"""Hosts with a tenth of a core need most of it. What can never work fails earlier."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The processes to run, and the addresses to print."""

    specs: tuple[ServiceSpec, ...]
    addresses: Addresses
    storage: StorageWatch | None = None
    """For the embedded broker."""


def up(options: UpOptions, layout: InstallLayout) -> int:
    """Run the portal until a signal stops it. Returns the exit code.

    Raises:
        RefusedError: it can't start or continue. Nothing of it runs then.
    """
    started = float(os.environ.pop(env_vars.STARTED, "") or time.time())
    with ExitStack() as stack:
        plan = _plan(options, layout, stack)
        coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        console = stack.enter_context(Console(sys.stdout, coloured=coloured))
        return asyncio.run(_serve(plan, console, layout, started))


def _plan(options: UpOptions, layout: InstallLayout, stack: ExitStack) -> Plan:
    """Check all that can be checked before anything runs. ``stack`` releases the data folder."""
    port = free_port(options.host, options.port, "--port or --host")
    course_ports = tuple(
        free_port(options.host, wanted, "--course-ports or --host") for wanted in options.course_ports
    )
    page = layout.page
    tls = bool(os.environ.get("GATEWAY_TLS_CERT"))
    if options.nats_url:
        addresses = Addresses(
            options.host,
            port,
            options.nats_url,
            data=None,
            kept=True,
            page=page,
            tls=tls,
            course_ports=course_ports,
        )
        addresses = replace(addresses, servers=_servers_line(options, layout, None))
        return Plan(service_specs(options, addresses), addresses)
    binary = find_binary()
    nats_port = choose_port(options.nats_port)
    data = stack.enter_context(_data_dir(options, layout))
    nats_url = f"nats://{format_host_port(BROKER_HOST, nats_port)}"
    token = token_file(data.path)
    addresses = Addresses(options.host, port, nats_url, data.path, data.kept, page, tls, token, course_ports)
    addresses = replace(addresses, servers=_servers_line(options, layout, data.path))
    provider = None if options.agent is None else provider_name(options.agent, os.environ)
    token_line = write_data_files(data.path, nats_port, provider)
    broker = broker_spec(binary, data)
    storage = StorageWatch(data.path, broker.is_shown)
    broker = replace(broker, is_shown=storage.is_shown)
    return Plan((broker, *service_specs(options, addresses, token_line)), addresses, storage)


@contextmanager
def _data_dir(options: UpOptions, layout: InstallLayout) -> Iterator[DataDir]:
    if options.ephemeral:
        with temporary_dir() as folder:
            yield folder
    else:
        with persistent_dir(options.data or layout.data) as folder:
            yield folder


def _servers_line(options: UpOptions, layout: InstallLayout, data: Path | None) -> str | None:
    """What runs the servers, or how real ones can be had; None if there is nothing to say."""
    if options.agent is not None:
        templates = templates_file(options.agent, data, os.environ)
        where = "" if templates is None else f" (templates: {templates})"
        return f"simulated, or run by {options.agent}{where}"
    socket = find_docker(os.environ)
    if socket is None:
        return None
    return f"simulated; Docker is there, too: to run them in it, {layout.command} up --docker"


async def _serve(plan: Plan, console: Console, layout: InstallLayout, started: float) -> int:
    stop = asyncio.Event()
    addresses = plan.addresses
    async with Guard() as guard:
        async with Supervisor(plan.specs, guard, console) as supervisor:
            code = _handle_signals(console, stop, supervisor)
            storage = asyncio.create_task(_watch_storage(plan, supervisor))
            await _wait_first(stop.wait(), supervisor.failed(), _ready(addresses, supervisor))
            if not stop.is_set():
                with registered(layout, RunRecord.of(addresses)):
                    course = await serves_course_contract(
                        connect_host(addresses.host), addresses.port, tls=addresses.tls
                    )
                    console.show(banner(addresses, time.time() - started, course=course))
                    await _wait_first(stop.wait(), supervisor.failed(), storage)
            storage.cancel()
    console.say(
        "opsroom", f"stopped; data is kept in {addresses.data}" if addresses.keeps_data else "stopped"
    )
    return code()


async def _watch_storage(plan: Plan, supervisor: Supervisor) -> None:
    """Restart the embedded broker after a full disk. Never returns."""
    if plan.storage is None:
        await asyncio.Event().wait()
    else:
        await plan.storage.run(partial(supervisor.restart, BROKER_NAME))


async def _ready(addresses: Addresses, supervisor: Supervisor) -> None:
    """Wait until the portal is ready.

    Raises:
        RefusedError: it takes too long.
    """
    try:
        async with asyncio.timeout(START_SECONDS):
            await wait_ready(connect_host(addresses.host), addresses.port, tls=addresses.tls)
    except TimeoutError:
        reasons = "; ".join(supervisor.failures()) or "no process died, but /readyz doesn't return 200"
        raise RefusedError(f"opsroom: not ready within {START_SECONDS:g} s: {reasons}") from None


async def _wait_first(*waits: Awaitable[object]) -> None:
    """Wait until one of ``waits`` is done, cancel the others, and raise what it raised."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _handle_signals(console: Console, stop: asyncio.Event, supervisor: Supervisor) -> Callable[[], int]:
    """Stop in order at the first SIGINT or SIGTERM, kill at the second. Returns a function for the exit code.

    SIGHUP makes the processes read their files again. A terminal that is closed sends it, too: the message
    can't be written then, and the console's ``on_closed`` stops the portal.
    """
    loop = asyncio.get_running_loop()
    killed_by: list[signal.Signals] = []

    def ask(number: signal.Signals) -> None:
        if not stop.is_set():
            again = "; Ctrl-C again kills at once" if number is signal.SIGINT else ""
            console.say("opsroom", f"stopping ({number.name}){again}")
            stop.set()
        else:
            killed_by.append(number)
            supervisor.kill()

    def reload() -> None:
        if not stop.is_set():
            console.say("opsroom", "reading certificates again (SIGHUP)")
            supervisor.reload()

    for number in (signal.SIGINT, signal.SIGTERM):
        # A signal that was ignored at our start stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, ask, number)
    loop.add_signal_handler(signal.SIGHUP, reload)

    def stop_from_its_thread() -> None:
        loop.call_soon_threadsafe(stop.set)

    console.on_closed(stop_from_its_thread)
    return lambda: 128 + killed_by[0] if killed_by else 0
