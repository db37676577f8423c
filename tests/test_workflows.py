"""The workflows have no visible faults, and what they and the images stand on is exact."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DOCKERFILES = [*ROOT.glob("*/Dockerfile"), *ROOT.glob("deploy/*/Dockerfile")]


def test_workflows_have_no_faults() -> None:
    program = shutil.which("actionlint")
    if program is None:
        pytest.skip("actionlint is not on PATH: go install github.com/rhysd/actionlint/cmd/actionlint@latest")
    done = subprocess.run([program, *WORKFLOWS], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_action_is_one_commit_and_says_which_release_that_is() -> None:
    used = [line.strip() for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
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


def test_every_image_that_we_stand_on_is_one_release() -> None:
    assert len(DOCKERFILES) >= 3
    named = [
        found
        for path in [*DOCKERFILES, ROOT / "docker-compose.yml"]
        for found in re.findall(r"^(?:FROM| +image:) (\S+)", path.read_text(), re.MULTILINE)
        if not found.startswith("${COMPOSE_PROJECT_NAME:-opsroom}-")
    ]
    assert len(named) >= 9
    exact = re.compile(r"[\w./-]+:v?\d+\.\d+\.\d+(-[a-z]+)?(@sha256:[0-9a-f]{64})?")
    assert [image for image in named if not exact.fullmatch(image)] == []
