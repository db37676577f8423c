"""The workflows are valid, and their dependencies and those of the images are pinned."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DOCKERFILES = [*ROOT.glob("*/Dockerfile"), *ROOT.glob("deploy/*/Dockerfile")]
WRITES = {
    "actions": "gh workflow run",
    "contents": "gh release create",
    "id-token": "uses: actions/deploy-pages@",
    "packages": "uses: docker/login-action@",
    "pages": "uses: actions/deploy-pages@",
}
"""Why a job may need each write permission."""


def jobs(path: Path) -> dict[str, str]:
    """Return the text of each job by name."""
    _, *parts = re.split(r"^  ([\w-]+):\n", path.read_text().partition("\njobs:\n")[2], flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def needed(release: dict[str, str], name: str) -> set[str]:
    """Return the jobs that must have passed before a job starts."""
    found = re.search(r"^    needs: (.+)$", release[name], re.MULTILINE)
    needs = set(re.findall(r"[\w-]+", found[1])) if found else set()
    return needs.union(*(needed(release, other) for other in needs))


def test_workflows_have_no_faults() -> None:
    program = shutil.which("actionlint")
    if program is None:
        pytest.skip("actionlint is not on PATH: go install github.com/rhysd/actionlint/cmd/actionlint@latest")
    done = subprocess.run([program, *WORKFLOWS], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_action_is_one_commit_and_says_which_release_that_is() -> None:
    lines = [line.strip() for path in WORKFLOWS for line in path.read_text().splitlines()]
    used = [line for line in lines if "uses:" in line and "uses: ./" not in line]
    assert len(used) > 20
    exact = re.compile(r"(- )?uses: [\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [line for line in used if not exact.fullmatch(line)] == []
    releases = {line.rpartition("uses: ")[2] for line in used}
    assert len(releases) == len({one.partition("@")[0] for one in releases}), "one release of each"


def test_every_tool_that_a_workflow_fetches_is_one_release() -> None:
    commands = [line for path in WORKFLOWS for line in path.read_text().splitlines() if "uvx " in line]
    assert len(commands) >= 2
    assert [line for line in commands if not re.search(r"uvx (--from )?[\w-]+(==|@)\d+(\.\d+)+ ", line)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_workflow_is_given_more_than_it_needs(path: Path) -> None:
    text = path.read_text()
    assert "\npermissions:\n  contents: read\n" in text
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    assert "pull_request_target" not in text
    for name, job in jobs(path).items():
        for what in re.findall(r"^ +([\w-]+): write$", job, re.MULTILINE):
            assert WRITES[what] in job, f"{name} has no use for leave to write {what}"


def test_nothing_is_released_before_all_of_ci_has_passed() -> None:
    release = jobs(ROOT / ".github" / "workflows" / "release.yml")
    assert "uses: ./.github/workflows/ci.yml\n" in release["ci"]
    assert "\n  workflow_call:\n" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    published = [name for name, job in release.items() if ": write\n" in job]
    assert sorted(published) == ["images", "page", "wheels"]
    assert [name for name in published if not needed(release, name) >= {"ci", "version"}] == []
    # The environment github-pages takes no deployment from a tag.
    (branch,) = re.findall(r'gh workflow run pages.yml .*--ref "[$](\w+)"', release["page"])
    assert f"{branch}: ${{{{ github.event.repository.default_branch }}}}\n" in release["page"]


def test_every_image_is_built_before_a_release_needs_it() -> None:
    built = jobs(ROOT / ".github" / "workflows" / "ci.yml")["images"]
    assert "run: docker compose --profile docker build\n" in built
    named = (ROOT / "docker-compose.yml").read_text() + built
    paths = [str(path.relative_to(ROOT)) for path in DOCKERFILES]
    assert [path for path in paths if not re.search(rf"(dockerfile:|--file) {path}\s", named)] == []
    released = jobs(ROOT / ".github" / "workflows" / "release.yml")["images"]
    assert set(re.findall(r"file: ([\w/-]+Dockerfile)", released)) == set(paths)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_the_page_is_built_on_the_platform_of_the_builder(path: Path) -> None:
    # The page is the same on every platform. Built for another one, webpack would run under emulation.
    stages = [line for line in path.read_text().splitlines() if line.startswith("FROM ") and "node:" in line]
    assert [line for line in stages if not line.startswith("FROM --platform=$BUILDPLATFORM ")] == []


def test_every_image_that_we_stand_on_is_one_release() -> None:
    assert len(DOCKERFILES) >= 3
    named = [
        found
        for path in [*DOCKERFILES, ROOT / "docker-compose.yml"]
        for found in re.findall(
            r"^(?:FROM(?: --platform=\S+)?| +image:) (\S+)", path.read_text(), re.MULTILINE
        )
        if not found.startswith("${COMPOSE_PROJECT_NAME:-opsroom}-")
    ]
    assert len(named) >= 9
    exact = re.compile(r"[\w./-]+:v?\d+\.\d+\.\d+(-[a-z]+)?(@sha256:[0-9a-f]{64})?")
    assert [image for image in named if not exact.fullmatch(image)] == []
