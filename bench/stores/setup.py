"""Install chat servers that store, or find those of the system, and list what is unavailable."""

import shutil
from collections.abc import Callable
from pathlib import Path

from bench.fanout.peer_setup import TOOLS, MissingError, PeerTools, centrifugo, node_folder
from opsroom_launcher.errors import RefusedError
from opsroom_launcher.install.uv import find_uv, install_into

_SYNAPSE = "matrix-synapse==1.163.2"
_ERLANG_LIBRARIES = Path("/usr/lib")
_UV_TOOLS = TOOLS.parent / "tools"


def install_stores() -> PeerTools:
    """Install everything that ``path`` compares with, and the relay in Node."""
    tools = PeerTools()
    steps: dict[str, Callable[[], Path]] = {
        "node": node_folder,
        "ejabberd": _ejabberd,
        "prosody": _prosody,
        "synapse": _synapse,
        "centrifugo": centrifugo,
    }
    for name, step in steps.items():
        try:
            tools.paths[name] = step()
        except MissingError as error:
            tools.missing[name] = str(error)
    return tools


def _ejabberd() -> Path:
    """Return the folder of Debian's Erlang libraries, ejabberd among them."""
    found = next(_ERLANG_LIBRARIES.glob("*/ejabberd-*/ebin"), None)
    if found is None or shutil.which("erl") is None:
        raise MissingError("no ejabberd (Debian, Ubuntu: apt-get install ejabberd)")
    return found.parents[1]


def _prosody() -> Path:
    found = shutil.which("prosody")
    if found is None:
        raise MissingError("no prosody (Debian, Ubuntu: apt-get install prosody lua-dbi-sqlite3)")
    return Path(found)


def _synapse() -> Path:
    """Install Synapse with all that it needs, and return the folder."""
    folder = TOOLS / "synapse"
    if not (folder / "synapse" / "app" / "homeserver.py").is_file():
        try:
            install_into(find_uv(_UV_TOOLS), folder, _SYNAPSE)
        except RefusedError as error:
            raise MissingError(str(error)) from None
    return folder
