"""The Helm chart, rendered by a real helm. Tests are skipped where there is none."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2] / "deploy" / "kubernetes"
CHART: Final = ROOT / "opsroom"
KUBERNETES: Final = "1.31.0"


def run_helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run helm; a test without it is skipped."""
    program = shutil.which("helm")
    if program is None:
        pytest.skip("helm is not on PATH: go install helm.sh/helm/v3/cmd/helm@latest")
    environ = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    return subprocess.run(
        [program, *arguments], check=False, capture_output=True, text=True, timeout=60, env=environ
    )


def helm(*arguments: str) -> str:
    """What helm prints."""
    done = run_helm(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered(*arguments: str) -> str:
    """The chart's manifests."""
    return helm("template", "opsroom", str(CHART), "--kube-version", KUBERNETES, *arguments)


def refused(*arguments: str) -> str:
    """Why helm refuses to render the chart."""
    done = run_helm("template", "opsroom", str(CHART), "--kube-version", KUBERNETES, *arguments)
    assert done.returncode != 0, "helm accepted this"
    return done.stderr


def part(manifests: str, kind: str, name: str) -> str:
    """The one manifest of that kind and name."""
    (found,) = (
        one
        for one in manifests.split("\n---\n")
        if f"\nkind: {kind}\n" in one and f"\n  name: {name}\n" in one
    )
    return found
