"""Log formats, and that logged text can't forge a line."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from opsroom_runtime.errors import SettingsError
from opsroom_runtime.log_fields import service_fields, work_for
from opsroom_runtime.log_setup import configure

FORGED = "nice\n2026-11-24 00:00:00,000 ERROR   opsroom: forged\x1b[2J"


@pytest.fixture(autouse=True)
def restore_root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def logged(stream: io.StringIO, **environ: str) -> list[str]:
    configure("chat", environ, stream, lambda: {"trace": "4bf9"})
    log = logging.getLogger("opsroom_chat.test")
    log.info("hello %s", FORGED)
    try:
        raise ValueError(FORGED)
    except ValueError:
        log.exception("it broke")
    return stream.getvalue().splitlines()


def test_in_a_pipe_each_line_is_a_json_object_with_the_context_fields() -> None:
    first, second = (json.loads(line) for line in logged(io.StringIO()))
    assert first["message"] == f"hello {FORGED}"
    assert (first["level"], first["service"], first["logger"]) == ("info", "chat", "opsroom_chat.test")
    assert first["trace"] == "4bf9"
    assert first["time"].endswith("Z")
    assert "ValueError: nice\n" in second["traceback"]


@pytest.mark.parametrize(
    ("stream", "environ"),
    [(Terminal(), {}), (io.StringIO(), {"LOG_FORMAT": "Text"})],
    ids=["terminal", "configured"],
)
def test_as_text_a_record_is_one_line_and_a_traceback_is_indented(
    stream: io.StringIO, environ: dict[str, str]
) -> None:
    first, second, *traceback = logged(stream, **environ)
    assert "\\n2026-11-24" in first
    assert "\\x1b[2J" in first
    assert first.endswith(" trace=4bf9")
    assert " ERROR   opsroom_chat.test: it broke" in second
    assert traceback
    assert all(line.startswith("    ") for line in traceback)


def test_the_level_is_applied_and_invalid_settings_are_named() -> None:
    lines = logged(io.StringIO(), LOG_LEVEL="error")
    assert [json.loads(line)["level"] for line in lines] == ["error"]
    for name in ("LOG_LEVEL", "LOG_FORMAT"):
        with pytest.raises(SettingsError, match=f"{name}='loud'"):
            configure("chat", {name: "loud"}, sys.stderr)


@pytest.mark.parametrize(("level", "lines"), [("INFO", 0), ("DEBUG", 1)])
def test_requests_of_the_http_library_are_logged_for_debugging_alone(level: str, lines: int) -> None:
    stream = io.StringIO()
    configure("agent", {"LOG_LEVEL": level}, stream)
    logging.getLogger("httpx").info("HTTP Request: GET http://docker/containers/json")
    assert len(stream.getvalue().splitlines()) == lines


async def test_a_task_of_one_of_several_services_logs_as_that_service() -> None:
    output = io.StringIO()
    configure("services", {}, output, service_fields)
    log = logging.getLogger("a_library")

    async def work(service: str) -> None:
        work_for(service)
        asyncio.get_running_loop().call_soon(log.info, "later")
        await asyncio.create_task(asyncio.to_thread(log.info, "in a thread"))

    await asyncio.gather(work("chat"), work("cloud"))
    log.info("outside")
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    said = {(line["service"], line["message"]) for line in lines}
    assert said == {
        ("chat", "later"),
        ("chat", "in a thread"),
        ("cloud", "later"),
        ("cloud", "in a thread"),
        ("services", "outside"),
    }
