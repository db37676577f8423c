"""What `test` and `check` run, and how a failure ends it."""

import json
import sys
from pathlib import Path

import pytest

from opsroom_launcher.checks import Step, check_steps, run
from opsroom_launcher.checks import test_steps as steps_of_test


def step(name: str, code: str, folder: Path) -> Step:
    return Step(name, (sys.executable, "-S", "-c", code), folder)


def test_first_failure_ends_it_with_its_exit_code(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    steps = [
        step("first", "open('one', 'w')", tmp_path),
        step("second", "raise SystemExit(7)", tmp_path),
        step("third", "open('three', 'w')", tmp_path),
    ]
    assert run(steps) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    summary = [line.split("(")[0].strip() for line in capfd.readouterr().out.splitlines()[-5:]]
    assert summary == ["ok       first", "exit 7   second", "not run  third", "", "failed"]


def test_success_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run([step("first", "", tmp_path), step("second", "", tmp_path)]) == 0
    assert capfd.readouterr().out.endswith("\nall passed\n")


def test_what_could_not_be_tested_is_no_failure_and_no_success(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    skipped = Step("browser", (sys.executable, "-S", "-c", "raise SystemExit(77)"), tmp_path, skipped_by=77)
    assert run([step("first", "", tmp_path), skipped, step("third", "", tmp_path)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split("(")[0].strip() for line in lines[-5:-2]] == [
        "ok       first",
        "SKIPPED  browser",
        "ok       third",
    ]
    assert "NOT ALL WAS TESTED: browser" in lines[-1]


def test_program_that_is_missing_is_a_failure(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run([Step("gone", ("/does/not/exist",), tmp_path)]) == 1
    assert "can't run gone" in capfd.readouterr().err


def test_linters_come_before_tests(tmp_path: Path) -> None:
    names = [step.name for step in steps_of_test(tmp_path, ())]
    assert names == ["ruff check", "ruff format", "mypy", "lint-imports", "pytest, alone", "pytest"]
    assert [step.name for step in check_steps(tmp_path)] == names[:-2]


def test_every_test_runs_once_beside_others_or_alone(tmp_path: Path) -> None:
    alone, beside = (step.argv for step in steps_of_test(tmp_path, ())[4:])
    assert beside[beside.index("-m", 2) + 1] == "not alone"
    assert "-n" in beside
    assert alone[-2:] == ("-m", "alone")
    assert "-n" not in alone


def test_arguments_are_pytest_s_alone(tmp_path: Path) -> None:
    (only,) = steps_of_test(tmp_path, ("-k", "foo"))
    assert only.argv[-3:] == ("pytest", "-k", "foo")


def test_frontend_is_installed_when_its_lock_is_newer_and_then_tested(tmp_path: Path) -> None:
    def names() -> list[str]:
        return [step.name for step in steps_of_test(tmp_path, ())][6:]

    frontend = tmp_path / "frontend"
    (frontend / "node_modules").mkdir(parents=True)
    (frontend / "package.json").write_text(json.dumps({"scripts": {}}))
    (frontend / "package-lock.json").touch()
    assert names() == ["npm ci"]
    (frontend / "package.json").write_text(json.dumps({"scripts": {"test": "true"}}))
    assert names() == ["npm ci", "npm test"]
    (frontend / "package.json").write_text(json.dumps({"scripts": {"e2e": "true", "test": "true"}}))
    assert names() == ["npm ci", "npm test", "npm run e2e"]
    (frontend / "node_modules" / ".package-lock.json").touch()
    assert names() == ["npm test", "npm run e2e"]
