"""The steps of `./opsroom test`, `check` and `docs`: run all of them in order, then print a summary."""

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from opsroom_launcher.errors import UsageError
from opsroom_launcher.install import docs_site, frontend
from opsroom_launcher.install.progress import Program, run_shown

STEP_SECONDS = 3600.0
"""A step that takes longer is killed and counts as failed."""
_PYTHON_FOLDERS = ("packages", "services", "tools", "tests", "bench")
_WORKERS_PER_CORE = 2
"""Tests mostly wait for grace periods, for processes to start, and for the broker to sync."""
_MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Step:
    """A program that must succeed."""

    name: str
    argv: tuple[str, ...]
    folder: Path
    skipped_by: int | None = None
    """The exit code that means "skipped". The program's output gives the reason."""
    needs: str | None = None
    """The name of an earlier step that must have succeeded."""
    repeated: tuple[str, ...] = ()
    """The program that runs only the tests that failed again, one at a time; empty: there is none."""


class Outcome(Enum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"
    UNSTABLE = "UNSTABLE"
    """Tests failed beside others, and passed when they were repeated one at a time."""
    SKIPPED = "SKIPPED"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Result:
    """A step, its outcome, and the detail in the summary."""

    step: Step
    verdict: Outcome
    code: int
    detail: str


def check_steps(root: Path) -> list[Step]:
    """The linters and the type checker."""
    sources = [name for name in _PYTHON_FOLDERS if any((root / name).rglob("*.py"))]
    lint_imports = Path(sysconfig.get_path("scripts"), "lint-imports")
    return [
        _python_step(root, "ruff", "ruff", "check", "."),
        _python_step(root, "ruff-format", "ruff", "format", "--check", "."),
        _python_step(root, "mypy", "mypy", *sources, "opsroom"),
        Step("lint-imports", (str(lint_imports),), root),
        _python_step(root, "style", "opsroom_launcher.dev.style"),
    ]


def pytest_step(root: Path, arguments: Sequence[str]) -> Step:
    """Run pytest with ``arguments``."""
    return _python_step(root, "pytest", "pytest", *arguments)


def test_steps(root: Path, only: str | None) -> list[Step]:
    """Return all steps, or the one named ``only``.

    Raises:
        UsageError: there is no step named ``only``.
    """
    workers = min(_WORKERS_PER_CORE * (os.cpu_count() or 1), _MOST_WORKERS)
    steps = [
        *check_steps(root),
        # Tests that need the machine for themselves. They come first because they compile the bytecode that
        # each parallel worker would otherwise compile again.
        _pytest(root, "pytest-alone", "alone"),
        _pytest(root, "pytest", "not alone", "-n", str(workers), "--dist", "worksteal"),
        *_frontend_steps(root),
    ]
    return steps if only is None else _select(steps, only)


def _pytest(root: Path, name: str, marked: str, *arguments: str) -> Step:
    """Run the tests that ``marked`` selects."""
    step = _python_step(root, name, "pytest", *arguments, "-m", marked)
    again = (sys.executable, "-m", "pytest", "--lf", "--last-failed-no-failures", "none", "-x")
    return replace(step, repeated=(*again, "-m", marked))


def _frontend_steps(root: Path) -> list[Step]:
    folder = root / frontend.FOLDER
    repeated = frontend.repeated_tests()
    steps = [
        Step(name, argv, folder, frontend.NO_BROWSER, repeated=repeated.get(name, ()))
        for name, argv in frontend.test_steps(root)
    ]
    installs = steps and steps[0].name == frontend.INSTALL_STEP
    return [steps[0], *(replace(step, needs=steps[0].name) for step in steps[1:])] if installs else steps


def _select(steps: Sequence[Step], only: str) -> list[Step]:
    """Return the step named ``only``, preceded by the one that it needs."""
    named = [step for step in steps if step.name == only]
    if not named:
        raise UsageError(f"opsroom: --only {only}: not one of {', '.join(step.name for step in steps)}")
    return [step for step in steps if step.name in (named[0].needs, only)]


def docs_steps(root: Path) -> list[Step]:
    """Generate the reference pages and build the site. A broken link fails, and a file of another host."""
    page = frontend.built_page(root)
    targets = [str(docs_site.SITE), *([str(page)] if page else [])]
    return [
        _python_step(root, "reference", "opsroom_launcher.dev.reference"),
        Step("zensical", docs_site.build_command(Path(sys.executable)), root),
        replace(_python_step(root, "site", "opsroom_launcher.install.docs_site", *targets), needs="zensical"),
    ]


def package_step(root: Path, name: str, package: str, arguments: Sequence[str]) -> Step:
    """Run a package of the repository, which parses its own options."""
    return _python_step(root, name, package, *arguments)


def run_alone(step: Step) -> int:
    """Run ``step`` on this process's own terminal, as a debugger needs, and return its exit code."""
    return _exit_code(
        step,
        lambda: subprocess.run(step.argv, cwd=step.folder, check=False, timeout=STEP_SECONDS).returncode,
    )


def run_all(steps: Sequence[Step], *, repeat_failed: bool = False) -> int:
    """Run all ``steps``, also after one has failed, and print a summary.

    ``repeat_failed``: repeat the tests of a step that failed once, one at a time. If all of them pass then,
    the step counts as unstable, and not as failed.

    Returns:
        0, or the exit code of the first that failed.
    """
    results: list[Result] = []
    for step in steps:
        failed = {result.step.name for result in results if result.verdict is Outcome.FAILED}
        if step.needs in failed:
            results.append(Result(step, Outcome.NOT_RUN, 0, f"needs {step.needs}"))
            continue
        print(f"── {step.name}", flush=True)
        result = _run(step)
        if result.verdict is Outcome.FAILED and repeat_failed and step.repeated:
            result = _repeat(result)
        results.append(result)
    print("\n".join(("", *map(_line, results), "", *_conclusion(results))), flush=True)
    return next((result.code for result in results if result.code), 0)


def _run(step: Step) -> Result:
    began = time.monotonic()
    # The page's tests start portals. They must use the Python under test, not the machine's default.
    environ = os.environ | {"PYTHON": sys.executable}
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        environ["FORCE_COLOR"] = "1"  # keep colored output, which our pipe would turn off
    program = Program(step.name, step.argv, step.folder, STEP_SECONDS, environ)
    code = _exit_code(step, lambda: run_shown(program, sys.stdout.buffer))
    took = f"{time.monotonic() - began:.1f} s"
    if code and code == step.skipped_by:
        return Result(step, Outcome.SKIPPED, 0, took)
    return Result(step, Outcome.FAILED if code else Outcome.OK, code, took)


def _repeat(failed: Result) -> Result:
    """Repeat the tests that failed; return the result of the step."""
    step = failed.step
    print(f"── {step.name}: what failed, one test at a time", flush=True)
    again = _run(replace(step, argv=step.repeated))
    if again.verdict is not Outcome.OK:
        return failed
    return Result(step, Outcome.UNSTABLE, 0, f"{failed.detail}, and {again.detail} for what failed at first")


def _exit_code(step: Step, run: Callable[[], int]) -> int:
    try:
        return run()
    except subprocess.TimeoutExpired:
        print(f"opsroom: {step.name} was still running after {STEP_SECONDS:g} s", file=sys.stderr)
    except OSError as error:
        print(f"opsroom: can't run {step.name}: {error}", file=sys.stderr)
    return 1


def _line(result: Result) -> str:
    verdict = f"exit {result.code}" if result.verdict is Outcome.FAILED else result.verdict.value
    return f"  {verdict:8} {result.step.name} ({result.detail})"


def _conclusion(results: Sequence[Result]) -> list[str]:
    failed = [result.step.name for result in results if result.verdict is Outcome.FAILED]
    skipped = [result.step.name for result in results if result.verdict is Outcome.SKIPPED]
    if failed:
        again = [f"  to run it alone: ./opsroom test --only {name}" for name in failed]
        return [f"failed: {', '.join(failed)}", *again]
    unstable = [result.step.name for result in results if result.verdict is Outcome.UNSTABLE]
    notes = [f"UNSTABLE: {name}: tests passed only alone; its output names them" for name in unstable]
    if skipped:
        said = f"passed, but NOT ALL WAS TESTED: {', '.join(skipped)} was skipped; its output says why"
        return [*notes, said]
    return [*notes, "all passed"]


def _python_step(root: Path, name: str, module: str, *arguments: str) -> Step:
    return Step(name, (sys.executable, "-m", module, *arguments), root)
