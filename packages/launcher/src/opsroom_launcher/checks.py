"""`./opsroom test`, `check` and `bench`: other programs run in order, and a summary that can't be misread."""

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from opsroom_launcher import frontend

STEP_SECONDS = 3600.0
"""No step may hang for ever, in CI least of all."""
_PYTHON_FOLDERS = ("packages", "services", "tests", "bench")
_WORKERS_PER_CORE = 2
"""Tests mostly wait: for a grace to pass, a process to start, the broker to sync."""
_MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Step:
    """A program that must succeed."""

    name: str
    argv: tuple[str, ...]
    folder: Path
    skipped_by: int | None = None
    """The exit code by which it says that it could not test anything here, and has said why."""


def check_steps(root: Path) -> list[Step]:
    """Linters and types: what needs no test to run."""
    sources = [name for name in _PYTHON_FOLDERS if any((root / name).rglob("*.py"))]
    lint_imports = Path(sysconfig.get_path("scripts"), "lint-imports")
    return [
        _python_step(root, "ruff check", "ruff", "check", "."),
        _python_step(root, "ruff format", "ruff", "format", "--check", "."),
        _python_step(root, "mypy", "mypy", *sources, "opsroom"),
        Step("lint-imports", (str(lint_imports),), root),
    ]


def test_steps(root: Path, pytest_arguments: Sequence[str]) -> list[Step]:
    """Everything; with arguments for pytest, pytest alone, as whoever gives them is after certain tests."""
    if pytest_arguments:
        return [_python_step(root, "pytest", "pytest", *pytest_arguments)]
    workers = min(_WORKERS_PER_CORE * (os.cpu_count() or 1), _MOST_WORKERS)
    return [
        *check_steps(root),
        # What holds the portal to a time or a rate: beside other tests it would measure them. It comes first
        # as it leaves the bytecode of all tests behind, which otherwise each worker would compile for itself.
        _python_step(root, "pytest, alone", "pytest", "-m", "alone"),
        _python_step(root, "pytest", "pytest", "-n", str(workers), "--dist", "worksteal", "-m", "not alone"),
        *(
            Step(*step, root / frontend.FOLDER, skipped_by=frontend.NO_BROWSER)
            for step in frontend.test_steps(root)
        ),
    ]


def docs_steps(root: Path) -> list[Step]:
    """The pages made from the code, and the site; a broken link fails."""
    zensical = Path(sysconfig.get_path("scripts"), "zensical")
    return [
        _python_step(root, "reference", "opsroom_launcher.reference"),
        Step("zensical", (str(zensical), "build", "--clean", "--strict"), root),
    ]


def package_step(root: Path, name: str, package: str, arguments: Sequence[str]) -> Step:
    """A package of the repository, which has its own options."""
    return _python_step(root, name, package, *arguments)


def run(steps: Sequence[Step]) -> int:
    """Run ``steps`` up to the first that fails. Returns 0, or the exit code of that one."""
    summary = []
    skipped = []
    code = 0
    for step in steps:
        if code:
            summary.append(f"  not run  {step.name}")
            continue
        if len(steps) > 1:
            print(f"── {step.name}", flush=True)
        began = time.monotonic()
        code = _run(step)
        verdict = f"exit {code:<2} " if code else "ok      "
        if code and code == step.skipped_by:
            code, verdict = 0, "SKIPPED "
            skipped.append(step.name)
        summary.append(f"  {verdict} {step.name} ({time.monotonic() - began:.1f} s)")
    if len(steps) > 1:
        print("\n".join(("", *summary, "", _conclusion(code, skipped))), flush=True)
    return code


def _conclusion(code: int, skipped: Sequence[str]) -> str:
    if code:
        return "failed"
    if skipped:
        return f"passed, but NOT ALL WAS TESTED: {', '.join(skipped)} was skipped, and says above why"
    return "all passed"


def _run(step: Step) -> int:
    try:
        return subprocess.run(step.argv, cwd=step.folder, check=False, timeout=STEP_SECONDS).returncode
    except subprocess.TimeoutExpired:
        print(f"opsroom: {step.name} was still running after {STEP_SECONDS:g} s", file=sys.stderr)
    except OSError as error:
        print(f"opsroom: can't run {step.name}: {error}", file=sys.stderr)
    return 1


def _python_step(root: Path, name: str, module: str, *arguments: str) -> Step:
    return Step(name, (sys.executable, "-m", module, *arguments), root)
