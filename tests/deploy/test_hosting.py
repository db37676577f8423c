"""The configuration for hosts, checked against their rules, the image and the settings.

The fields and values of Render's Blueprints are those of https://render.com/docs/blueprint-spec, as far as
they are used here. A field that is not declared below is an error.
"""

import importlib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from opsroom_gateway.process_settings import ProcessSettings
from opsroom_testkit.broker import BrokerProcess
from services.gateway.tests.kit.portal import Portal, portal_at

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy/all-in-one/Dockerfile").read_text()
FREE, WITH_DISK = ROOT / "render.yaml", ROOT / "deploy/render/with-disk.yaml"
RESERVED = {"PORT", "HOST", "RENDER"}
"""Set by Render or by the image."""


class Closed(BaseModel):
    """A field that is not declared is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


class Variable(Closed):
    """An environment variable."""

    key: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    value: str


class Disk(Closed):
    """A disk, for paid plans."""

    name: str
    mount_path: Annotated[str, Field(pattern=r"^/[a-z/]+$")]
    size: Annotated[int, Field(ge=1, alias="sizeGB")]


class Service(Closed):
    """A web service from a Dockerfile."""

    type: Literal["web"]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    runtime: Literal["docker"]
    plan: Literal["free", "starter", "standard"]
    dockerfile_path: str
    docker_context: str
    health_check_path: Annotated[str, Field(pattern=r"^/")]
    num_instances: Literal[1] = 1
    max_shutdown_delay_seconds: Annotated[int, Field(ge=1, le=300)] | None = None
    disk: Disk | None = None
    env_vars: list[Variable]

    @model_validator(mode="after")
    def _what_is_free_has_less(self) -> Self:
        if self.plan == "free" and (self.disk or self.max_shutdown_delay_seconds):
            raise ValueError("the free plan has no disk and no time of its own to stop")
        return self


class Blueprint(Closed):
    """A render.yaml."""

    services: Annotated[list[Service], Field(min_length=1)]


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file."""
    return dict(importlib.import_module("yaml").safe_load(path.read_text()))


def service_of(path: Path) -> Service:
    """Return the only service of a Blueprint."""
    (service,) = Blueprint.model_validate(read_yaml(path)).services
    return service


def in_image(variable: str) -> str:
    """Return the value of a variable in the image."""
    (value,) = re.findall(rf"\b{variable}=(\S+)", DOCKERFILE)
    return str(value)


def test_the_blueprint_that_a_fork_has_costs_nothing_and_asks_nothing() -> None:
    service = service_of(FREE)
    assert (service.plan, service.disk) == ("free", None)


def test_the_blueprint_with_a_disk_keeps_the_data_on_it() -> None:
    service = service_of(WITH_DISK)
    assert service.plan != "free"
    assert service.disk is not None
    assert service.disk.mount_path == in_image("OPSROOM_DATA")
    assert f"\nVOLUME {service.disk.mount_path}\n" in DOCKERFILE
    assert service.name != service_of(FREE).name


@pytest.mark.parametrize("path", [FREE, WITH_DISK], ids=lambda path: path.stem)
def test_a_blueprint_builds_what_is_there_and_sets_what_the_gateway_knows(path: Path) -> None:
    service = service_of(path)
    assert (ROOT / service.docker_context / service.dockerfile_path).read_text() == DOCKERFILE
    assert (ROOT / service.docker_context).resolve() == ROOT
    environ = {variable.key: variable.value for variable in service.env_vars}
    assert RESERVED.isdisjoint(environ)
    known = {ProcessSettings.variable(name) for name in ProcessSettings.model_fields}
    assert set(environ) <= known
    settings = ProcessSettings.from_environment(environ | {"GATEWAY_HOST": in_image("HOST")})
    assert settings.origins() == ("*",), "the page that GitHub publishes may call"
    assert settings.proxies().peers


async def test_blueprints_look_for_health_where_it_is(tmp_path: Path) -> None:
    process = BrokerProcess(tmp_path)
    await process.start()
    async with portal_at(process.url) as portal:
        for path in (FREE, WITH_DISK):
            assert await answer(portal, service_of(path).health_check_path) == 200
    await process.stop()


async def answer(portal: Portal, path: str) -> int:
    """Return the HTTP status of a path."""
    async with httpx.AsyncClient(base_url=portal.gateway.http, timeout=30) as client:
        return (await client.get(path)).status_code


def test_a_blueprint_with_what_a_plan_does_not_have_is_refused() -> None:
    free = read_yaml(FREE)
    for more in ({"disk": {"name": "d", "mountPath": "/data", "sizeGB": 1}}, {"healthCheckTimeout": 5}):
        with pytest.raises(ValueError, match=r"free plan|Extra inputs"):
            Blueprint.model_validate({"services": [free["services"][0] | more]})


@pytest.mark.parametrize("page", ["README.md", "docs/hosting.md"])
def test_the_button_deploys_the_repository_that_it_is_seen_in(page: str) -> None:
    """Without ``?repo=`` Render uses the referring page, so each fork deploys itself."""
    text = (ROOT / page).read_text()
    (image,) = re.findall(r"\[!\[Deploy to Render\]\(([^)]+)\)\]\(https://render\.com/deploy\)", text)
    assert (ROOT / page).parent.joinpath(image).read_text().startswith("<svg ")


def test_the_published_page_is_a_demo_until_its_server_is_named() -> None:
    workflow = (ROOT / ".github/workflows/pages.yml").read_text()
    assert "OPSROOM_API: ${{ vars.OPSROOM_API || 'demo' }}\n" in workflow
