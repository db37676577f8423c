"""Install the peers, each from its own registry, and list what is unavailable."""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.install.uv import find_uv, install_into

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
TOOLS = _ROOT / ".opsroom" / "bench"
PEERS_DIR = _HERE / "peers"
_PICOWS = ("picows==2.3.1", "uvloop==0.23.0")
_CENTRIFUGO = "github.com/centrifugal/centrifugo/v6@latest"
_BUILD_SECONDS = 900.0
_NCHAN = (
    Path("/usr/lib/nginx/modules/ngx_nchan_module.so"),
    Path("/usr/share/nginx/modules/ngx_nchan_module.so"),
)


class MissingError(Exception):
    """Something is unavailable here; the message says what and why."""


@dataclass(slots=True)
class PeerTools:
    """What is installed, by name; and what is missing, with the reason."""

    paths: dict[str, Path] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def install_peers() -> PeerTools:
    """Install everything. The load generator itself needs a C compiler.

    Raises:
        MissingError: there is none.
    """
    tools = PeerTools({"loadgen": load_generator()})
    steps: dict[str, Callable[[], Path]] = {
        "floor": lambda: _compiled(PEERS_DIR / "floor.c"),
        "node": node_folder,
        "picows": _picows,
        "nchan": _nchan,
        "centrifugo": centrifugo,
        "nats": lambda: Path(sysconfig.get_path("scripts")) / "nats-server",
    }
    for name, step in steps.items():
        try:
            tools.paths[name] = step()
        except MissingError as error:
            tools.missing[name] = str(error)
    return tools


def load_generator() -> Path:
    """Build the load generator, and return its path.

    Raises:
        MissingError: there is no C compiler.
    """
    return _compiled(_HERE / "loadgen.c")


def _compiled(source: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise MissingError("no C compiler (Debian, Ubuntu: apt-get install gcc libc6-dev)")
    binary = TOOLS / "bin" / source.stem
    binary.parent.mkdir(parents=True, exist_ok=True)
    if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
        _run(f"compiling {source.name}", [compiler, "-O2", "-o", str(binary), str(source)])
    return binary


def node_folder() -> Path:
    """Install the Node packages, and return the folder with ``node_modules``.

    Raises:
        MissingError: there is no Node, or npm failed.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise MissingError("no Node or no npm on PATH")
    folder = TOOLS / "node"
    if not (folder / "node_modules" / "socket.io").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PEERS_DIR / name, folder / name)
        _run("npm ci", [npm, "ci", "--no-audit", "--no-fund", "--prefix", str(folder)])
    return folder


def _picows() -> Path:
    """Install picows and its fastest event loop, and return their folder."""
    folder = TOOLS / "python"
    if not all((folder / package).is_dir() for package in ("picows", "uvloop")):
        try:
            install_into(find_uv(_ROOT / ".opsroom" / "tools"), folder, *_PICOWS)
        except RefusedError as error:
            raise MissingError(str(error)) from None
    return folder


def _nchan() -> Path:
    """Return the nginx module."""
    module = next((path for path in _NCHAN if path.exists()), None)
    if module is None or not _nginx():
        raise MissingError("no nginx with nchan (Debian, Ubuntu: apt-get install nginx libnginx-mod-nchan)")
    return module


def _nginx() -> str | None:
    return shutil.which("nginx") or shutil.which("/usr/sbin/nginx")


def centrifugo() -> Path:
    """Build Centrifugo, and return the program.

    Raises:
        MissingError: there is no Go, or the build failed.
    """
    binary = TOOLS / "bin" / "centrifugo"
    if binary.exists():
        return binary
    go = shutil.which("go")
    if go is None:
        raise MissingError("no Go on PATH to build it with")
    print("bench: building Centrifugo, which takes minutes the first time", file=sys.stderr)
    _run("go install", ["env", f"GOBIN={binary.parent}", go, "install", _CENTRIFUGO])
    return binary


def _run(what: str, argv: list[str]) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_BUILD_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingError(f"{what}: {error}") from None
    if done.returncode:
        raise MissingError(f"{what} failed: {done.stderr.strip()[-200:]}")
