"""Progress of a program: reports while it is silent, forwarded output, a timeout."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from opsroom_launcher.install.progress import Program, run_logged, run_shown

WAIT_FOR_FILE = """
import os, sys, time
print("begun", flush=True)
while not os.path.exists("go on"):
    time.sleep(0.01)
print("ended")
raise SystemExit(5)
"""


class Output(io.BytesIO):
    """Lets the program continue after the first report."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override]
        if b"still running" in bytes(data):
            (self._folder / "go on").touch()
        return super().write(data)


def program(folder: Path, code: str, timeout: float = 60.0) -> Program:
    return Program("slow", (sys.executable, "-S", "-c", code), folder, timeout)


def test_a_silent_program_is_reported_and_its_output_passed_on(tmp_path: Path) -> None:
    output = Output(tmp_path)
    assert run_shown(program(tmp_path, WAIT_FOR_FILE), output, silence=0.1) == 5
    lines = output.getvalue().decode().splitlines()
    assert (lines[0], lines[-1]) == ("begun", "ended")
    assert "opsroom: slow: still running, " in lines[1]


def test_a_program_that_prints_is_not_reported(tmp_path: Path) -> None:
    output = io.BytesIO()
    assert run_shown(program(tmp_path, "print('a'); print('b')"), output, silence=60) == 0
    assert output.getvalue() == b"a\nb\n"


def test_a_logged_program_is_reported_while_it_prints(tmp_path: Path) -> None:
    reports: list[str] = []

    def report(line: str) -> None:
        reports.append(line)
        (tmp_path / "go on").touch()

    log = io.BytesIO()
    assert run_logged(program(tmp_path, WAIT_FOR_FILE), log, report, silence=0.1) == 5
    assert log.getvalue() == b"begun\nended\n"
    assert reports[0].startswith("slow: still running, ")


def test_a_program_past_its_timeout_is_killed(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_shown(program(tmp_path, WAIT_FOR_FILE, timeout=0.3), io.BytesIO())


def test_a_child_left_behind_with_the_output_open_is_not_waited_for(tmp_path: Path) -> None:
    code = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-S", "-c", {WAIT_FOR_FILE!r}])
"""
    try:
        assert run_shown(program(tmp_path, code), io.BytesIO()) == 0
    finally:
        (tmp_path / "go on").touch()
