"""Credentials for private registries: found as Docker finds them, sent with a pull, and never logged."""

import base64
import json
import logging
from pathlib import Path

import pytest

from opsroom_agent.providers.docker.registries import RegistryCredentials, registry_of
from opsroom_contracts.agents.protocol import ApplyStatus
from opsroom_contracts.cloud.commands import Command
from services.agent.tests.kit.docker import Docker
from services.agent.tests.kit.fake_engine.engine import FakeEngine

IMAGE = "registry.example:5000/team/app:1"
SECRET = "pass:word-Ä"
TEMPLATES = f"""
[templates.private]
image = "{IMAGE}"
command = ["sleep", "60"]
"""


def encoded(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def config(folder: Path, **content: object) -> Path:
    """Write the file of ``docker login`` and return its folder."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(content))
    return folder


def helper(folder: Path, name: str, script: str) -> dict[str, str]:
    """Write a credential helper, and return the variables with which it is found."""
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return {"PATH": f"{folder}:/usr/bin:/bin", "MARK": "seen"}


async def login_of(folder: Path, image: str = IMAGE, environ: dict[str, str] | None = None) -> object:
    """Return what is sent for an image: the fields of the header, or the problem."""
    auth = await RegistryCredentials(folder, environ or {"PATH": "/nowhere"}).of(image)
    return auth.problem if auth.header is None else json.loads(base64.urlsafe_b64decode(auth.header))


async def test_an_image_of_a_private_registry_is_pulled_with_its_credentials(
    fake_engine: FakeEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake_engine.registry[IMAGE] = [10]
    fake_engine.logins[IMAGE] = f"ann:{SECRET}"
    docker = Docker(fake_engine.socket, tmp_path)
    docker.templates.write_text(TEMPLATES)
    docker.config = config(tmp_path / "docker", auths={})
    async with docker.running():
        refused = await docker.apply(Command.CREATE, docker.ref("private"))
        assert refused.status is ApplyStatus.FAILED
        assert "may require 'docker login'" in (refused.reason or "")
        config(docker.config, auths={"registry.example:5000": {"auth": encoded("ann", SECRET)}})
        assert (await docker.apply(Command.CREATE, docker.ref("private"))).status is ApplyStatus.DONE
    await docker.client.aclose()
    assert not any(secret in caplog.text for secret in (SECRET, encoded("ann", SECRET), "X-Registry-Auth"))


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("nginx", "docker.io"),
        ("team/app:1", "docker.io"),
        ("docker.io/library/nginx", "docker.io"),
        ("ghcr.io/team/app@sha256:00", "ghcr.io"),
        ("localhost/app", "localhost"),
        ("registry:5000/app", "registry:5000"),
    ],
)
def test_the_registry_of_an_image(image: str, registry: str) -> None:
    assert registry_of(image) == registry


async def test_keys_may_be_hosts_or_addresses(tmp_path: Path) -> None:
    auths = {
        "https://index.docker.io/v1/": {"auth": encoded("hub", "a")},
        "https://registry.example:5000/v2/": {"username": "ann", "password": SECRET},
        "ghcr.io": {"identitytoken": "token"},
    }
    folder = config(tmp_path, auths=auths)
    hub = {"username": "hub", "password": "a", "serveraddress": "https://index.docker.io/v1/"}
    assert await login_of(folder, "nginx:1") == hub
    own = {"username": "ann", "password": SECRET, "serveraddress": "registry.example:5000"}
    assert await login_of(folder) == own
    assert await login_of(folder, "ghcr.io/x/y") == {"identitytoken": "token", "serveraddress": "ghcr.io"}
    assert await login_of(folder, "quay.io/x/y") is None


async def test_without_a_file_there_are_no_credentials(tmp_path: Path) -> None:
    assert await login_of(tmp_path) is None
    assert (await RegistryCredentials(None, {}).of(IMAGE)).header is None


async def test_a_helper_goes_before_the_file(tmp_path: Path) -> None:
    reply = json.dumps({"ServerURL": "x", "Username": "ann", "Secret": SECRET})
    environ = helper(
        tmp_path,
        "keys",
        f'read server; test "$server $1 $MARK" = "{IMAGE[:21]} get seen" && echo \'{reply}\'',
    )
    folder = config(
        tmp_path, credHelpers={"registry.example:5000": "keys"}, auths={IMAGE[:21]: {"auth": "eDp5"}}
    )
    own = {"username": "ann", "password": SECRET, "serveraddress": "registry.example:5000"}
    assert await login_of(folder, environ=environ) == own
    assert await login_of(config(tmp_path, credsStore="keys"), environ=environ) == own


async def test_a_helper_that_has_no_credentials(tmp_path: Path) -> None:
    environ = helper(tmp_path, "keys", "echo 'credentials not found in native keychain'; exit 1")
    assert await login_of(config(tmp_path, credsStore="keys"), environ=environ) is None


@pytest.mark.parametrize(
    ("content", "script", "words"),
    [
        ({"credsStore": "other"}, "", "docker-credential-other is not installed where the agent runs"),
        ({"credsStore": "../keys"}, "", "is not installed"),
        ({"credsStore": "keys"}, "echo secret; exit 3", "docker-credential-keys has ended with exit code 3"),
        ({"credsStore": "keys"}, "echo secret", "the output of docker-credential-keys can't be read"),
        ({"auths": {IMAGE[:21]: {"auth": "secret"}}}, "", "is not a user and a password in Base64"),
        ({"auths": [1]}, "", "config.json is not a configuration of Docker: auths"),
    ],
)
async def test_credentials_that_can_not_be_used_are_reported_without_a_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: dict[str, object], script: str, words: str
) -> None:
    environ = helper(tmp_path, "keys", script)
    problem = await login_of(config(tmp_path, **content), environ=environ)
    assert isinstance(problem, str)
    assert words in problem
    assert words in caplog.text
    assert "secret" not in problem + caplog.text


async def test_a_pull_that_fails_without_its_credentials_says_why(
    fake_engine: FakeEngine, tmp_path: Path
) -> None:
    fake_engine.logins[IMAGE] = "ann:x"
    docker = Docker(fake_engine.socket, tmp_path)
    docker.templates.write_text(TEMPLATES)
    docker.config = config(tmp_path / "docker", credsStore="opsroom-missing")
    async with docker.running():
        reply = await docker.apply(Command.CREATE, docker.ref("private"))
    await docker.client.aclose()
    assert "docker-credential-opsroom-missing is not installed" in (reply.reason or "")
