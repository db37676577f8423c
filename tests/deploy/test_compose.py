"""The compose file, as Compose reads it. ``tests.containers`` runs it."""

import json
import os
import shutil
import subprocess
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from opsroom_launcher.portal.agent import default_templates

ROOT = Path(__file__).parents[2]
SERVICES = ("chat", "cloud", "gateway", "incidents")
SOCKET = "/var/run/docker.sock"
ISSUER = "https://id.example/realms/team"


def compose(*files: str, settings: str = os.devnull, **environ: str) -> dict[str, Any]:
    """Return the configuration with all profiles. Skips the test if there is no Compose."""
    program = shutil.which("docker")
    asked = [str(program), "compose", "--project-directory", str(ROOT)]
    if program is None or subprocess.run([*asked, "version"], capture_output=True, check=False).returncode:
        pytest.skip("Docker with Compose is not here")
    done = subprocess.run(
        [*asked, *files, "--env-file", settings, "--profile", "*", "config", "--format", "json"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environ},
    )
    assert "is not set" not in done.stderr
    return dict(json.loads(done.stdout))


def ways_out(configuration: dict[str, Any], service: str) -> list[str]:
    """Return its external networks."""
    networks = configuration["networks"]
    return [
        name for name in configuration["services"][service]["networks"] if not networks[name].get("internal")
    ]


def test_every_container_may_do_nothing_but_its_work() -> None:
    for settings in (os.devnull, "deploy/cluster.env"):
        services = compose(settings=settings)["services"]
        assert set(SERVICES) < set(services)
        for name, service in services.items():
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
            assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name
            ends_by_itself = service["restart"] == "no"
            assert ends_by_itself is (name in {"setup", "data", "data-2", "data-3", "operator"}), name
            assert ends_by_itself or service["healthcheck"]["test"], name


def test_grafana_finds_the_folders_that_its_image_does_not_make() -> None:
    grafana = compose()["services"]["grafana"]
    (mounted, _, _) = grafana["tmpfs"][0].partition(":")
    # The image's start makes the last folder for plugins, if need be, and no other.
    data, plugins = (
        PurePosixPath(grafana["environment"][f"GF_PATHS_{what}"]) for what in ("DATA", "PLUGINS")
    )
    assert str(data) == str(plugins.parent) == mounted
    assert grafana["environment"]["GF_AUTH_BASIC_ENABLED"] == "false"


def test_services_reach_the_outside_only_where_that_was_asked_for() -> None:
    closed = compose()
    assert [ways_out(closed, service) for service in SERVICES] == [[]] * len(SERVICES)
    files = ("-f", "docker-compose.yml", "-f", "deploy/outside.yml")
    opened = compose(*files, GATEWAY_OIDC_ISSUER=ISSUER, OTEL_TRACES_SAMPLER="always_on")
    assert [ways_out(opened, service) for service in SERVICES] == [["outside"]] * len(SERVICES)
    assert set(closed["services"]["gateway"]["networks"]) < set(opened["services"]["gateway"]["networks"])
    gateway = opened["services"]["gateway"]["environment"]
    assert (gateway["GATEWAY_OIDC_ISSUER"], gateway.get("GATEWAY_OIDC_CLIENT_ID")) == (ISSUER, None)
    for service in SERVICES:
        assert opened["services"][service]["environment"]["OTEL_TRACES_SAMPLER"] == "always_on"


def test_the_agent_alone_has_the_socket_of_the_engine() -> None:
    services = compose(DOCKER_GROUP="123")["services"]
    mounted = {
        name: [volume["target"] for volume in service.get("volumes", [])]
        for name, service in services.items()
    }
    assert [name for name, targets in mounted.items() if SOCKET in targets] == ["agent"]
    agent = services["agent"]
    assert (agent["profiles"], agent["group_add"]) == (["docker"], ["123"])
    assert "user" not in agent, "the image's own user is not root"
    assert ways_out(compose(), "agent") == []


def test_the_first_templates_are_those_of_the_launcher() -> None:
    assert (ROOT / "deploy/docker/templates.toml").read_text(encoding="utf-8") == default_templates()


def test_two_portals_of_one_engine_mark_their_containers_differently() -> None:
    marks = [
        compose(COMPOSE_PROJECT_NAME=name)["services"]["agent"]["environment"]["AGENT_PORTAL"]
        for name in ("one", "two")
    ]
    assert marks == ["compose-one", "compose-two"]
