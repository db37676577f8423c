"""A Docker engine of the run, so that it may be stopped and killed. It needs root and ``dockerd``."""

import io
import os
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import httpx

from tests.faults.agents.spec import PRIVATE_IMAGE

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_ASK_SECONDS = 0.1
_PROGRAMS = ("sh", "sleep")


def why_not() -> str | None:
    """Return why no engine can be started; None if one can."""
    if shutil.which("dockerd") is None:
        return "there is no dockerd"
    return None if os.getuid() == 0 else "dockerd needs root"


class PrivateEngine:
    """``dockerd`` with its data in ``folder``. Containers go on while it is away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.socket = folder / "docker.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._times = 0

    def start(self) -> None:
        """Start it, and wait until it responds.

        Raises:
            OSError: it did not.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._launch()
        self._import()

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def go_away(self, seconds: float) -> None:
        """Stop responding for a while: suspended, or killed and started again, in turn."""
        assert self._process is not None
        self._times += 1
        if self._times % 2:
            self._process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            self._process.send_signal(signal.SIGCONT)
        else:
            self._process.kill()
            self._process.wait()
            time.sleep(seconds)
            self._launch()

    def _launch(self) -> None:
        arguments = {
            "--host": f"unix://{self.socket}",
            "--data-root": str(self._folder / "data"),
            "--exec-root": str(self._folder / "exec"),
            "--pidfile": str(self._folder / "pid"),
            "--bridge": "none",
        }
        switches = ["--iptables=false", "--ip-forward=false", "--live-restore"]
        command = ["dockerd", *(text for pair in arguments.items() for text in pair), *switches]
        (self._folder / "pid").unlink(missing_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._responds():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise OSError(f"dockerd did not start; its log is {self._folder / 'log'}")
            time.sleep(_ASK_SECONDS)

    def _responds(self) -> bool:
        try:
            with self._client() as client:
                return client.get("/_ping").status_code == 200
        except httpx.TransportError:
            return False

    def _import(self) -> None:
        """Make an image with a shell of this machine."""
        name, _, tag = PRIVATE_IMAGE.partition(":")
        parameters = {"fromSrc": "-", "repo": name, "tag": tag}
        with self._client() as client:
            reply = client.post("/images/create", params=parameters, content=_root())
        if reply.status_code != 200:
            raise OSError(reply.text)

    def _client(self) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=str(self.socket))
        return httpx.Client(base_url="http://docker", transport=transport, timeout=_START_SECONDS)


def _root() -> bytes:
    """Return a file system, as an archive, with the programs and the libraries that they need."""
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w") as archive:
        paths = {f"/bin/{name}": shutil.which(name) or "" for name in _PROGRAMS}
        for program in list(paths.values()):
            paths |= {library: library for library in _libraries(program)}
        for inside, outside in sorted(paths.items()):
            data = Path(outside).read_bytes()
            entry = tarfile.TarInfo(inside.lstrip("/"))
            entry.size, entry.mode = len(data), 0o755
            archive.addfile(entry, io.BytesIO(data))
    return found.getvalue()


def _libraries(program: str) -> list[str]:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    words = [line.split() for line in listed.stdout.splitlines()]
    return [word for line in words for word in line if word.startswith("/")]
