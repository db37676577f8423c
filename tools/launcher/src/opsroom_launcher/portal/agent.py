"""The agent beside the portal: the engine it uses, the portal's id, and the files that it keeps."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

from opsroom_contracts.agents.names import PROVIDER_NAME, default_name, is_provider_name
from opsroom_launcher.errors import RefusedError
from opsroom_launcher.portal.in_child import in_child
from opsroom_messaging.deployment.private_files import write_private

NAME = "agent"
DOCKER = "docker"
NAME_VARIABLE = "AGENT_NAME"
SOCKET_VARIABLE = "AGENT_DOCKER_SOCKET"
LOGINS_VARIABLE = "DOCKER_CONFIG"
TEMPLATES_NAME = "docker-templates.toml"
"""The file with the default templates, and its name in the data folder."""
_CONNECT_SECONDS = 1.0
_UNIX = "unix://"


def docker_sockets(environ: Mapping[str, str]) -> Iterator[Path]:
    """The paths at which an engine may listen: the configured one, or else all usual ones."""
    if named := environ.get(SOCKET_VARIABLE):
        yield Path(named)
        return
    host = environ.get("DOCKER_HOST", "")
    if host:  # one at another host has no socket here
        yield from [Path(host.removeprefix(_UNIX))] if host.startswith(_UNIX) else []
        return
    yield Path("/var/run/docker.sock")
    if runtime := environ.get("XDG_RUNTIME_DIR"):  # an engine without root
        yield Path(runtime, "docker.sock")
    if home := environ.get("HOME"):  # Docker Desktop
        yield Path(home, ".docker", "run", "docker.sock")


def find_docker(environ: Mapping[str, str]) -> Path | None:
    """Return the socket of a Docker engine that this user may use, if there is one."""
    return next((path for path in docker_sockets(environ) if _connect_error(path) is None), None)


def require_docker(environ: Mapping[str, str]) -> Path:
    """Return the socket of a Docker engine.

    Raises:
        RefusedError: there is none that this user may use.
    """
    found = find_docker(environ)
    if found is not None:
        return found
    tried = [(path, _connect_error(path)) for path in docker_sockets(environ)]
    reasons = "; ".join(f"{path}: {_reason(error)}" for path, error in tried) or "DOCKER_HOST names no socket"
    hint = (
        "add this user to the group that owns the socket"
        if any(isinstance(error, PermissionError) for _, error in tried)
        else "is it running?"
    )
    raise RefusedError(
        f"opsroom: Docker can't be reached ({reasons}): {hint} (or name its socket in {SOCKET_VARIABLE})"
    )


def docker_logins(environ: Mapping[str, str]) -> Path | None:
    """Return the folder in which this user's ``docker login`` keeps credentials, if there are any."""
    home = environ.get("HOME")
    if environ.get(LOGINS_VARIABLE) or not home:
        return None
    folder = Path(home, ".docker")
    return folder if os.access(folder / "config.json", os.R_OK) else None


def provider_name(kind: str, environ: Mapping[str, str]) -> str:
    """Return the name of the provider of an agent of ``kind``.

    Raises:
        RefusedError: ``AGENT_NAME`` can't be one.
    """
    name = environ.get(NAME_VARIABLE) or default_name(kind)
    if not is_provider_name(name):
        raise RefusedError(f"opsroom: {NAME_VARIABLE}={name!r}: must match {PROVIDER_NAME}")
    return name


def templates_file(kind: str, data: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the file with the templates of an agent of ``kind``; None: it has none."""
    if named := environ.get("AGENT_TEMPLATES"):
        return Path(named)
    return data.resolve() / NAME / TEMPLATES_NAME if kind == DOCKER and data is not None else None


def agent_environ(kind: str, data: Path | None, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of an agent of ``kind``, and create what it keeps in the data folder.

    ``data``: the embedded broker's folder; None: the broker is another, so nothing can be kept beside its
    data. Settings in ``environ`` have precedence.

    Raises:
        RefusedError: a setting is missing or can't be used, a file can't be written, or Docker is not there.
    """
    own = {"AGENT_PROVIDER": kind}
    if kind == DOCKER:
        own[SOCKET_VARIABLE] = str(require_docker(environ))
        if (logins := docker_logins(environ)) is not None:
            own[LOGINS_VARIABLE] = str(logins)
    if data is not None:
        own |= _kept(kind, data.resolve() / NAME, environ)
    elif not environ.get("AGENT_PORTAL"):
        raise RefusedError(
            "opsroom: with a broker of your own, an agent needs AGENT_PORTAL: an id of this portal,"
            " the same at each start, with which it marks the servers that it runs"
        )
    templates = templates_file(kind, data, environ)
    if kind == DOCKER and templates is not None:
        in_child(partial(_check_templates, templates))
    return own


def _check_templates(path: Path) -> None:
    """Check the templates. Only a child process imports what this takes.

    Raises:
        RefusedError: they can't be used.
    """
    from opsroom_agent.providers.docker.templates import read_templates  # noqa: PLC0415 - see above
    from opsroom_runtime.errors import SettingsError  # noqa: PLC0415 - see above

    try:
        read_templates(path)
    except SettingsError as error:
        raise RefusedError(f"opsroom: {error}") from None


def _kept(kind: str, folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The settings that have a default in the data folder."""
    state, templates = folder / "state", folder / TEMPLATES_NAME
    given = {name for name, value in environ.items() if value}
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = {"AGENT_PORTAL": _portal_id(folder / "portal-id"), "AGENT_STATE_DIR": str(state)}
        if kind == DOCKER:
            kept["AGENT_TEMPLATES"] = str(templates)
            if "AGENT_TEMPLATES" not in given and not templates.exists():
                write_private(templates, default_templates())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text"
        raise RefusedError(f"opsroom: the agent's folder {folder}: {reason}") from error
    return {name: value for name, value in kept.items() if name not in given}


def default_templates() -> str:
    """Return the file with which a new portal begins."""
    return files("opsroom_launcher.portal").joinpath(TEMPLATES_NAME).read_text(encoding="utf-8")


def _portal_id(path: Path) -> str:
    """Return the portal's id, which marks its containers. A new portal gets a new one."""
    known = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    if known:
        return known
    made = uuid4().hex
    write_private(path, made + "\n")
    return made


def _connect_error(path: Path) -> OSError | None:
    with closing(socket.socket(socket.AF_UNIX)) as connection:
        connection.settimeout(_CONNECT_SECONDS)
        try:
            connection.connect(os.fspath(path))
        except OSError as error:
            return error
    return None


def _reason(error: OSError | None) -> str:
    return "answers now" if error is None else (error.strerror or str(error)).lower()
