"""The agent beside the portal: where Docker is, what is kept in the data folder, and what is refused."""

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsroom_agent.providers.docker.templates import read_templates
from opsroom_agent.settings import AgentSettings, ProviderKind
from opsroom_launcher.errors import RefusedError
from opsroom_launcher.options import AGENTS
from opsroom_launcher.portal.agent import (
    agent_environ,
    default_templates,
    docker_sockets,
    find_docker,
    templates_file,
)
from opsroom_testkit.waiting import until
from tools.launcher.tests.portal.test_up import ready_portal, refusal

ROOT = Path(__file__).parents[4]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Path]:
    """A socket on which an engine seems to listen."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield path


def test_an_engine_is_looked_for_where_the_environment_says_or_where_engines_usually_are() -> None:
    assert list(docker_sockets({})) == [Path("/var/run/docker.sock")]
    named = {"DOCKER_HOST": "unix:///run/d.sock", "HOME": "/home/me"}
    assert list(docker_sockets(named)) == [Path("/run/d.sock")]
    assert list(docker_sockets({**named, "AGENT_DOCKER_SOCKET": "/s"})) == [Path("/s")]
    assert list(docker_sockets({"DOCKER_HOST": "tcp://other:2375"})) == []
    usual = list(docker_sockets({"HOME": "/home/me", "XDG_RUNTIME_DIR": "/run/user/1"}))
    assert usual[1:] == [Path("/run/user/1/docker.sock"), Path("/home/me/.docker/run/docker.sock")]


def test_an_engine_is_one_that_listens(engine: Path) -> None:
    assert find_docker({"AGENT_DOCKER_SOCKET": str(engine)}) == engine
    for absent in (engine.parent / "none", engine.parent):
        assert find_docker({"AGENT_DOCKER_SOCKET": str(absent)}) is None


def test_the_portal_keeps_its_id_and_the_templates_that_somebody_changed(
    engine: Path, tmp_path: Path
) -> None:
    environ = {"AGENT_DOCKER_SOCKET": str(engine)}
    first = agent_environ("docker", tmp_path, environ)
    settings = AgentSettings.from_environment(first)
    templates = tmp_path / "agent" / "docker-templates.toml"
    assert (settings.provider, settings.docker_socket) == (ProviderKind.DOCKER, engine)
    assert settings.templates == templates == templates_file("docker", tmp_path, {})
    assert settings.state_dir is not None
    assert settings.state_dir.is_dir()
    assert stat.S_IMODE((tmp_path / "agent" / "portal-id").stat().st_mode) == 0o600
    templates.write_text("")
    assert agent_environ("docker", tmp_path, environ) == first
    assert templates.read_text() == ""
    assert agent_environ("docker", tmp_path / "another", environ)["AGENT_PORTAL"] != settings.portal


def test_what_the_environment_says_is_left_alone(engine: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("")
    given = {"AGENT_PORTAL": "p", "AGENT_TEMPLATES": str(own), "AGENT_DOCKER_SOCKET": str(engine)}
    made = agent_environ("docker", tmp_path, given)
    assert {**given, **made} | given == {**given, **made}
    assert not (tmp_path / "agent" / "docker-templates.toml").exists()
    assert agent_environ("docker", None, given).keys() == {"AGENT_PROVIDER", "AGENT_DOCKER_SOCKET"}


def test_the_credentials_of_docker_login_are_used_if_there_are_any(engine: Path, tmp_path: Path) -> None:
    environ = {"AGENT_DOCKER_SOCKET": str(engine), "HOME": str(tmp_path)}
    assert "DOCKER_CONFIG" not in agent_environ("docker", tmp_path, environ)
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text("{}")
    assert agent_environ("docker", tmp_path, environ)["DOCKER_CONFIG"] == str(tmp_path / ".docker")
    assert "DOCKER_CONFIG" not in agent_environ("docker", tmp_path, {**environ, "DOCKER_CONFIG": "/own"})
    assert "DOCKER_CONFIG" not in agent_environ("exec", tmp_path, environ)


def test_what_can_not_work_is_refused_in_one_line(engine: Path, tmp_path: Path) -> None:
    there = {"AGENT_DOCKER_SOCKET": str(engine)}
    with pytest.raises(RefusedError, match=r"Docker can't be reached \(/none/s: no such file or directory\)"):
        agent_environ("docker", tmp_path, {"AGENT_DOCKER_SOCKET": "/none/s"})
    with pytest.raises(RefusedError, match="DOCKER_HOST names no socket"):
        agent_environ("docker", tmp_path, {"DOCKER_HOST": "tcp://other:2375"})
    with pytest.raises(RefusedError, match="needs AGENT_PORTAL"):
        agent_environ("simulated", None, {})
    own = tmp_path / "own.toml"
    own.write_text('[templates.web]\nimage = "nginx"\ncpus = -1\n')
    with pytest.raises(RefusedError, match=r"line 3: templates\.web\.cpus"):
        agent_environ("docker", tmp_path, {**there, "AGENT_TEMPLATES": str(own)})
    (tmp_path / "file").write_text("")
    with pytest.raises(RefusedError, match="the agent's folder"):
        agent_environ("docker", tmp_path / "file", there)


def test_the_first_templates_are_valid_and_have_all_their_defaults_right(tmp_path: Path) -> None:
    path = tmp_path / "templates.toml"
    path.write_text(default_templates())
    assert set(read_templates(path).templates) == {"web", "cache"}
    lines = default_templates().partition("# [templates.database]")[2].splitlines()
    path.write_text("[templates.database]\n" + "\n".join(line.removeprefix("# ") for line in lines))
    full = read_templates(path).templates["database"]
    path.write_text('[templates.database]\nimage = "postgres:17-alpine"\n')
    plain = read_templates(path).templates["database"]
    example = {"description", "command", "env", "user"}
    assert full.model_dump(exclude=example) == plain.model_dump(exclude=example)
    assert full.model_fields_set >= type(full).model_fields.keys() - {"entrypoint"}


def test_the_kinds_are_those_of_the_agent() -> None:
    assert list(AGENTS) == list(ProviderKind)


async def test_up_runs_an_agent_that_can_be_stopped(tmp_path: Path) -> None:
    async with ready_portal("--data", str(tmp_path), "--agent", "simulated") as running:
        assert "agent" in running.family()
        await until(lambda: any("acting for provider lab" in line for line in running.lines))
        assert any(
            line.startswith("  Servers         simulated, or run by simulated") for line in running.lines
        )
        assert await running.stop() == 0
    assert (tmp_path / "agent" / "portal-id").exists()
    assert {path.name for path in (tmp_path / "users").glob("agent*")} == {"agent-lab"}


async def test_up_refuses_a_name_that_can_not_be_that_of_a_provider(tmp_path: Path) -> None:
    said = await refusal("--data", str(tmp_path), "--agent", "simulated", AGENT_NAME="Lab 1")
    assert said.startswith("opsroom: AGENT_NAME='Lab 1': must match")


async def test_up_without_an_engine_says_so_and_ends(tmp_path: Path) -> None:
    said = await refusal("--data", str(tmp_path), "--docker", AGENT_DOCKER_SOCKET=str(tmp_path / "none"))
    assert said.startswith("opsroom: Docker can't be reached")


async def test_up_says_that_docker_is_there(engine: Path, tmp_path: Path) -> None:
    async with ready_portal("--data", str(tmp_path / "data"), AGENT_DOCKER_SOCKET=str(engine)) as running:
        assert any("./opsroom up --docker" in line for line in running.lines)
        assert "agent" not in running.family()
        assert await running.stop() == 0
