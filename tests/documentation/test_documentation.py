"""The documentation: it builds, its links work, and the generated pages are up to date."""

import asyncio
import json
import re
import shutil
import sysconfig
import tomllib
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Any, get_args

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.events import ChatEvent
from opsroom_contracts.cloud.commands import COMMANDS
from opsroom_contracts.documents.asyncapi import asyncapi
from opsroom_gateway.process_settings import ProcessSettings
from opsroom_launcher.dev.reference import FOLDER, pages

ROOT = Path(__file__).parents[2]
BUILD_SECONDS = 60
OUTSIDE = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "bench/README.md",
    "frontend/README.md",
)


async def output(*command: str | Path, cwd: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(*command, cwd=cwd, stdout=PIPE, stderr=STDOUT)
    out, _ = await asyncio.wait_for(process.communicate(), BUILD_SECONDS)
    return process.returncode, out.decode()


async def test_it_builds_without_a_warning(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    zensical = Path(sysconfig.get_path("scripts"), "zensical")
    code, said = await output(zensical, "build", "--strict", cwd=tmp_path)
    assert code == 0, said
    assert (tmp_path / ".opsroom/site/reference/messages/index.html").exists()


@pytest.mark.parametrize("name", OUTSIDE)
def test_links_of_pages_outside_the_site_lead_to_files(name: str) -> None:
    page = ROOT / name
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    inside = [link for link in links if "://" not in link and not link.startswith(("../../", "mailto:"))]
    assert [link for link in inside if not (page.parent / link).exists()] == []


def test_what_is_made_from_the_code_is_up_to_date() -> None:
    made = {name: (ROOT / FOLDER / name).read_text(encoding="utf-8") for name in pages()}
    stale = [name for name, text in pages().items() if made[name] != text]
    assert stale == [], "./opsroom docs makes them anew"


def test_the_map_of_the_code_names_existing_files() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    sources = {path.name.removeprefix("opsroom_"): path for path in ROOT.glob("*/*/src/opsroom_*")}
    named = re.findall(rf"`(({'|'.join(sources)})/[\w./]*)`", text)
    assert len(named) > 40
    assert [path for path, name in named if not (sources[name].parent / f"opsroom_{path}").exists()] == []


@pytest.mark.parametrize(
    "word", [*COMMANDS, *(event.model_fields["type"].default for event in get_args(ChatEvent))]
)
def test_every_command_and_every_chat_event_is_in_the_changelog(word: str) -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").lower()
    assert re.search(rf"\b{word}\b", text)


def test_the_lists_of_files_name_existing_ones() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:packages|services|frontend|tools|tests|bench|deploy|docs)/[\w./-]+)`", text)
    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_test_that_security_rests_on_is_there() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    files = [
        path
        for part in ("packages", "services", "tests", "tools")
        for path in (ROOT / part).rglob("test_*.py")
    ]
    known = {path.name for path in files}
    defined = {name for path in files for name in re.findall(r"def (test_\w+)\(", path.read_text())}
    assert len(defined) > 500
    named = set(re.findall(r"`(?:[\w/]*/)?(test_\w+\.py)`", text))
    tests = set(re.findall(r"`(test_\w+)`", text))
    assert len(tests) > 40
    assert (named - known, tests - defined) == (set(), set())
    specs = re.findall(r"`(frontend/[\w/.]+\.ts)`", text)
    assert [spec for spec in specs if not (ROOT / spec).is_file()] == []


def test_every_setting_is_explained() -> None:
    explained = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    explained += (ROOT / "docs/access.md").read_text(encoding="utf-8")
    variables = [ProcessSettings.variable(name) for name in ProcessSettings.model_fields]
    assert [name for name in variables if f"`{name}`" not in explained and name != "STREAM_REPLICAS"] == []


def test_the_asyncapi_document_is_whole() -> None:
    document = asyncapi("1")
    declared = [value for value in vars(endpoints).values() if isinstance(value, endpoints.Endpoint)]
    declared += endpoints.CHANGE_INSTANCE.values()
    assert sorted(one.subject for one in declared) == sorted(one.subject for one in endpoints.ENDPOINTS)

    def lookup(reference: str) -> Any:
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        return found

    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [found for value in part.values() for found in references(value)]
        return [found for value in part for found in references(value)] if isinstance(part, list) else []

    for reference in references(document):
        assert lookup(reference)


def test_everything_that_is_released_has_the_same_license() -> None:
    assert (ROOT / "LICENSE").read_text().split()[:3] == ["Apache", "License", "Version"]
    projects = [ROOT / "pyproject.toml", *ROOT.glob("*/*/pyproject.toml")]
    assert len(projects) > 5
    for project in projects:
        assert tomllib.loads(project.read_text())["project"]["license"] == "Apache-2.0", project
    assert json.loads((ROOT / "frontend" / "package.json").read_text())["license"] == "Apache-2.0"
    for image in ("frontend", "services", "deploy/all-in-one"):
        dockerfile = (ROOT / image / "Dockerfile").read_text()
        assert 'org.opencontainers.image.licenses="Apache-2.0"' in dockerfile, image
        assert "COPY LICENSE " in dockerfile, image
    assert "artifacthub.io/license: Apache-2.0" in (ROOT / "deploy/kubernetes/opsroom/Chart.yaml").read_text()


def test_what_is_simulated_is_called_so() -> None:
    for page in ("README.md", "docs/index.md"):
        assert "simulated" in (ROOT / page).read_text()
