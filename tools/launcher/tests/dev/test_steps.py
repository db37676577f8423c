"""The steps of `test` and `check`, and their summary."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from opsroom_launcher.dev.steps import Step, check_steps, pytest_step, run_all
from opsroom_launcher.dev.steps import test_steps as steps_of_test
from opsroom_launcher.errors import RefusedError


def step(name: str, code: str, folder: Path) -> Step:
    return Step(name, (sys.executable, "-S", "-c", code), folder)


def test_every_step_runs_and_the_summary_names_what_failed(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    steps = [
        step("first", "open('one', 'w')", tmp_path),
        step("second", "raise SystemExit(7)", tmp_path),
        step("third", "open('three', 'w')", tmp_path),
        step("fourth", "raise SystemExit(8)", tmp_path),
    ]
    assert run_all(steps) == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "three"]
    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert [line.split("(")[0].rstrip() for line in lines[-8:]] == [
        "  ok       first",
        "  exit 7   second",
        "  ok       third",
        "  exit 8   fourth",
        "",
        "failed: second, fourth",
        "  to run it alone: ./opsroom test --only second",
        "  to run it alone: ./opsroom test --only fourth",
    ]


def test_a_step_without_what_it_needs_is_not_run_and_not_called_failed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    needy = replace(step("needy", "open('needy', 'w')", tmp_path), needs="install")
    assert run_all([step("install", "raise SystemExit(3)", tmp_path), needy]) == 3
    assert list(tmp_path.iterdir()) == []
    lines = capfd.readouterr().out.splitlines()
    assert lines[-4:-1] == ["  not run  needy (needs install)", "", "failed: install"]


def test_output_is_passed_on_as_it_comes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_all([step("both", "import sys; print('out'); print('err', file=sys.stderr)", tmp_path)])
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "── both"
    assert sorted(lines[1:3]) == ["err", "out"]


def test_what_failed_is_repeated_only_on_request_and_reported(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    failing = step("first", "raise SystemExit(1)", tmp_path)
    passes = replace(failing, repeated=(sys.executable, "-S", "-c", "open('again', 'w')"))
    fails = replace(failing, repeated=(sys.executable, "-S", "-c", "raise SystemExit(3)"))
    assert run_all([passes]) == 1
    assert not (tmp_path / "again").exists()
    assert run_all([failing], repeat_failed=True) == 1
    assert run_all([fails], repeat_failed=True) == 1
    assert capfd.readouterr().out.splitlines()[-2] == "failed: first"
    assert run_all([passes], repeat_failed=True) == 0
    assert (tmp_path / "again").exists()
    *_, verdict, _, note, last = capfd.readouterr().out.splitlines()
    assert verdict.startswith("  UNSTABLE first (")
    assert (note, last) == ("UNSTABLE: first: tests passed only alone; its output names them", "all passed")


def test_a_step_gets_the_python_under_test(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_all([step("told", "import os; print(os.environ['PYTHON'])", tmp_path)])
    assert capfd.readouterr().out.splitlines()[1] == sys.executable


def test_success_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_all([step("first", "", tmp_path), step("second", "", tmp_path)]) == 0
    assert capfd.readouterr().out.endswith("\nall passed\n")


def test_what_could_not_be_tested_is_no_failure_and_no_success(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    skipped = Step("browser", (sys.executable, "-S", "-c", "raise SystemExit(77)"), tmp_path, skipped_by=77)
    assert run_all([step("first", "", tmp_path), skipped, step("third", "", tmp_path)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split("(")[0].strip() for line in lines[-5:-2]] == [
        "ok       first",
        "SKIPPED  browser",
        "ok       third",
    ]
    assert "NOT ALL WAS TESTED: browser" in lines[-1]


def test_program_that_is_missing_is_a_failure(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_all([Step("gone", ("/does/not/exist",), tmp_path)]) == 1
    assert "can't run gone" in capfd.readouterr().err


def test_linters_come_before_tests(tmp_path: Path) -> None:
    names = [step.name for step in steps_of_test(tmp_path, None)]
    assert names == ["ruff", "ruff-format", "mypy", "lint-imports", "style", "pytest-alone", "pytest"]
    assert [step.name for step in check_steps(tmp_path)] == names[:-2]


def test_every_test_runs_once_beside_others_or_alone(tmp_path: Path) -> None:
    alone, beside = (step.argv for step in steps_of_test(tmp_path, None)[5:])
    assert beside[beside.index("-m", 2) + 1] == "not alone"
    assert "-n" in beside
    assert alone[-2:] == ("-m", "alone")
    assert "-n" not in alone


def test_of_each_step_with_tests_only_what_failed_is_repeated(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(
        "import pathlib\n"
        "def test_stable(): pathlib.Path('stable').open('x')\n"
        "def test_unstable(): pathlib.Path('known').exists() or pathlib.Path('known').touch() or bad\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = alone\n")
    beside = next(step for step in steps_of_test(tmp_path, None) if step.name == "pytest")
    assert run_all([beside]) == 1
    assert run_all([replace(beside, argv=beside.repeated)]) == 0
    assert run_all([replace(beside, argv=beside.repeated)]) == 5  # there is nothing to repeat


def test_arguments_are_pytest_s_alone(tmp_path: Path) -> None:
    assert pytest_step(tmp_path, ("-k", "foo")).argv[-3:] == ("pytest", "-k", "foo")


def test_one_step_can_be_run_alone_with_the_one_it_needs(tmp_path: Path) -> None:
    assert [step.name for step in steps_of_test(tmp_path, "mypy")] == ["mypy"]
    frontend = tmp_path / "frontend"
    frontend.mkdir()
    (frontend / "package.json").write_text(json.dumps({"scripts": {"test": "true", "e2e": "true"}}))
    assert [step.name for step in steps_of_test(tmp_path, "e2e")] == ["npm-ci", "e2e"]
    with pytest.raises(RefusedError, match=r"--only foo: not one of ruff, .*, e2e"):
        steps_of_test(tmp_path, "foo")


def test_frontend_is_installed_when_its_lock_is_newer_and_then_tested(tmp_path: Path) -> None:
    def names() -> list[str]:
        return [step.name for step in steps_of_test(tmp_path, None)][7:]

    frontend = tmp_path / "frontend"
    (frontend / "node_modules").mkdir(parents=True)
    (frontend / "package.json").write_text(json.dumps({"scripts": {}}))
    (frontend / "package-lock.json").touch()
    assert names() == ["npm-ci"]
    (frontend / "package.json").write_text(json.dumps({"scripts": {"test": "true"}}))
    assert names() == ["npm-ci", "npm-test"]
    (frontend / "package.json").write_text(json.dumps({"scripts": {"e2e": "true", "test": "true"}}))
    assert names() == ["npm-ci", "npm-test", "e2e"]
    (frontend / "node_modules" / ".package-lock.json").touch()
    assert names() == ["npm-test", "e2e"]
