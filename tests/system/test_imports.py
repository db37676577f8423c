"""What each process must not import: it would take memory for as long as the portal runs."""

import subprocess
import sys

import pytest

PROVIDERS = {"opsroom_agent", "hcloud", "docker", "requests"}
COMMAND_LINE = {"opsroom_client", "typer", "rich", "prompt_toolkit"}
WEB = {"fastapi", "starlette", "uvicorn", "websockets", "httptools", "sse_starlette"}
DEVELOPMENT = {"pytest", "hypothesis", "opsroom_testkit", "unittest"}
EVERYWHERE = PROVIDERS | COMMAND_LINE | DEVELOPMENT


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        (
            ("opsroom_launcher.__main__", "opsroom_launcher.portal.up"),
            EVERYWHERE | WEB | {"pydantic", "nats", "regex", "prometheus_client", "opsroom_gateway"},
        ),
        (("opsroom_chat.__main__",), EVERYWHERE | WEB | {"httpx", "jwt"}),
        (("opsroom_cloud.__main__",), EVERYWHERE | WEB | {"httpx", "jwt", "sqlite3"}),
        (("opsroom_incidents.__main__",), EVERYWHERE | WEB | {"httpx", "jwt", "sqlite3"}),
        (("opsroom_launcher.services",), EVERYWHERE | WEB | {"httpx", "jwt", "opsroom_gateway"}),
        (("opsroom_gateway.__main__",), EVERYWHERE | {"opsroom_chat", "opsroom_cloud", "sqlite3"}),
    ],
    ids=lambda value: value[0].split(".")[0] if isinstance(value, tuple) else "",
)
def test_a_process_imports_only_what_it_needs(modules: tuple[str, ...], unwanted: set[str]) -> None:
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert imported & unwanted == set()
