"""The command line: flags, variables, limits, and one-line errors."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from opsroom_client.cli import running
from opsroom_contracts.identity import Mode
from opsroom_launcher import errors
from opsroom_launcher.cli import (
    CHECKOUT_COMMANDS,
    Check,
    Doctor,
    PortalOptions,
    RunClient,
    RunModule,
    RunPytest,
    RunTests,
    ShowHelp,
    ShowVersion,
    Status,
    Up,
    parse,
)
from opsroom_launcher.options import ACCESS, UpOptions


def up(*arguments: str, environ: Mapping[str, str] | None = None) -> UpOptions:
    command = parse(["up", *arguments], environ or {})
    assert isinstance(command, Up)
    return command.options


def test_defaults() -> None:
    assert up() == UpOptions("127.0.0.1", 8000, None, False, 10.0, None, None)


FLAGS = (
    *("--host", "::1", "--port", "0", "--delay", "0.5"),
    *("--data", "/d", "--nats-port", "4333", "--course-ports", "3000,3001"),
)
VARIABLES = {
    "HOST": "::1",
    "PORT": "0",
    "CLOUD_DELAY_SECONDS": "0.5",
    "OPSROOM_DATA": "/d",
    "NATS_PORT": "4333",
    "GATEWAY_COURSE_PORTS": "3000,3001",
}


def test_flags_and_variables_say_the_same() -> None:
    options = UpOptions("::1", 0, Path("/d"), False, 0.5, None, 4333, course_ports=(3000, 3001))
    assert up(*FLAGS) == up(environ=VARIABLES) == options


def test_flag_beats_variable_even_one_that_is_wrong() -> None:
    assert up("--port", "9000", environ={"PORT": "nonsense"}).port == 9000


def test_empty_variable_says_nothing() -> None:
    assert up(environ=dict.fromkeys([*VARIABLES, "NATS_URL", "OPSROOM_EPHEMERAL"], "")) == up()


@pytest.mark.parametrize(("word", "meant"), [("1", True), ("Yes", True), ("0", False), ("off", False)])
def test_ephemeral_as_variable(word: str, meant: bool) -> None:
    assert up(environ={"OPSROOM_EPHEMERAL": word}).ephemeral is meant


def test_small_is_for_one_process_of_each_service() -> None:
    assert up("--small").small
    assert up(environ={"OPSROOM_SMALL": "true"}).small
    assert up("--small", "--replicas", "gateway=2").small
    assert not up("--replicas", "chat=2", environ={"OPSROOM_SMALL": "true"}).small
    assert not up(environ={"OPSROOM_SMALL": "0"}).small


def test_data_flag_keeps_whatever_the_environment_says() -> None:
    options = up("--data", "/d", environ={"OPSROOM_EPHEMERAL": "1", "NATS_URL": "nats://elsewhere:4222"})
    assert (options.ephemeral, options.nats_url, options.data) == (False, None, Path("/d"))


def test_cluster_of_brokers() -> None:
    assert up("--nats", "nats://a:1,tls://b:2").nats_url == "nats://a:1,tls://b:2"


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (["--port", "65536"], {}, ["--port", "0 to 65535", "'65536'"]),
        (["--port", "x"], {}, ["--port", "0 to 65535", "'x'"]),
        (["--port", "²"], {}, ["--port", "0 to 65535"]),
        (["--course-ports", "3000"], {}, ["--course-ports", "3000,3001", "'3000'"]),
        (["--course-ports", "3000,3000"], {}, ["--course-ports", "3000,3001"]),
        ([], {"GATEWAY_COURSE_PORTS": "1,x"}, ["GATEWAY_COURSE_PORTS", "0 to 65535", "'x'"]),
        ([], {"PORT": "-1"}, ["PORT", "0 to 65535", "'-1'"]),
        (["--delay", "nan"], {}, ["--delay", "0 to 3600", "'nan'"]),
        (["--delay=-1"], {}, ["--delay", "0 to 3600"]),
        ([], {"CLOUD_DELAY_SECONDS": "1e9"}, ["CLOUD_DELAY_SECONDS", "0 to 3600"]),
        (["--host", "http://x"], {}, ["--host", "host name or an IP address"]),
        (["--nats", "localhost:4222"], {}, ["--nats", "nats://host:4222"]),
        (["--nats", "nats://h:99999"], {}, ["--nats", "nats://host:4222"]),
        ([], {"NATS_URL": "nats://"}, ["NATS_URL", "nats://host:4222"]),
        ([], {"OPSROOM_EPHEMERAL": "maybe"}, ["OPSROOM_EPHEMERAL", "true", "'maybe'"]),
        (["--host", "0.0.0.0"], {}, ["0.0.0.0", "--access", "token", "oidc", "open (anyone"]),
        ([], {"HOST": "10.1.2.3"}, ["10.1.2.3", "--access"]),
        (["--access", "token"], {}, ["GATEWAY_TOKENS_FILE or", "-m opsroom_gateway.auth.static_tokens NAME"]),
        ([], {"GATEWAY_ACCESS": "token", "GATEWAY_TOKENS": ""}, ["--access token needs GATEWAY_TOKENS_FILE"]),
        (["--access", "oidc"], {"GATEWAY_OIDC_ISSUER": "https://x"}, ["and GATEWAY_OIDC_CLIENT_ID"]),
        (["--access", "closed"], {}, ["--access", "open, token, oidc", "'closed'"]),
        ([], {"GATEWAY_ACCESS": "x"}, ["GATEWAY_ACCESS", "open, token, oidc"]),
        (["--data", ""], {}, ["--data", "folder"]),
        (["--data", "/d", "--ephemeral"], {}, ["--data", "--ephemeral"]),
        (["--nats", "nats://h", "--nats-port", "1"], {}, ["--nats-port", "--nats"]),
        (["--small", "--replicas", "cloud=2"], {}, ["--small", "one process", "replicas"]),
        (["--por", "1"], {}, ["--por"]),
    ],
)
def test_mistake_is_one_line_with_exit_code_2(
    arguments: list[str], environ: dict[str, str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        up(*arguments, environ=environ)
    complaint = capsys.readouterr().err
    assert ended.value.code == 2
    assert complaint.count("\n") == 1
    assert all(word in complaint for word in words), complaint


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_open_is_taken_for_granted_on_loopback_alone(host: str) -> None:
    assert up("--host", host).access is None
    assert up("--host", "0.0.0.0", "--access", "open").access == "open"
    assert up("--access", "token", environ={"GATEWAY_TOKENS_FILE": "tokens"}).access == "token"


def test_modes_are_those_of_the_contracts() -> None:
    assert tuple(Mode) == ACCESS


def test_commands() -> None:
    assert parse(["check"], {}) == Check()
    assert parse(["test"], {}) == RunTests()
    assert parse(["test", "--only", "mypy"], {}) == RunTests("mypy")
    assert parse(["test", "--", "-k", "foo", "--", "x"], {}) == RunPytest(("-k", "foo", "--", "x"))
    assert parse(["bench", "--help", "--", "y"], {}) == RunModule("bench", "bench", ("--help", "--", "y"))
    assert parse(["faults", "--seed", "1"], {}) == RunModule("faults", "tests.faults", ("--seed", "1"))
    assert parse(["fuzz", "--help"], {}) == RunModule("fuzz", "tests.fuzz", ("--help",))
    assert parse(["servers", "ls", "--help"], {}) == RunClient(("servers", "ls", "--help"))
    assert parse(["completion", "bash"], {}) == RunClient(("completion", "bash"))
    assert parse(["--url=http://a", "chat"], {}) == RunClient(("--url=http://a", "chat"))


@pytest.mark.parametrize("command", CHECKOUT_COMMANDS)
def test_installed_from_wheels_there_is_nothing_to_test_or_measure(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([command], {}, installed=True)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"opsroom: `{command}` needs a checkout of the repository")
    explained = parse([], {}, installed=True)
    assert isinstance(explained, ShowHelp)
    assert f"\n    {command} " not in explained.text


def test_options_may_stand_before_status_and_doctor() -> None:
    assert parse(["--version"], {}) == ShowVersion()
    named = PortalOptions("http://a", Path("token"))
    assert parse(["status", "--url", "http://a", "--token-file", "token"], {}) == Status(named)
    assert parse(["--url", "http://a", "--token-file=token", "doctor"], {}) == Doctor(named)
    for words in (["--json"], ["-o", "json"], ["--output=json"]):
        assert parse(["status", *words], {}) == Status(PortalOptions(as_json=True))
    with pytest.raises(SystemExit):
        parse(["test", "--only", "mypy", "--", "-x"], {})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--url", "http://a", "up"], ["--url", "`up`", "--host and --port"]),
        (["--url=http://a", "test"], ["--url", "`test`", "servers"]),
        (["--token-file", "t", "bench"], ["--token-file", "`bench`"]),
        (["--url", "http://a"], ["--url", "a command must follow"]),
        (["--url", "http://a", "dance"], ["--url", "`dance`"]),
        (["status", "-o", "yaml"], ["--output", "yaml"]),
        (["dance"], ["dance"]),
    ],
)
def test_options_of_a_portal_before_another_command_are_one_line(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments, {})
    complaint = capsys.readouterr().err
    assert (ended.value.code, complaint.count("\n")) == (2, 1), complaint
    assert complaint.startswith("opsroom")
    assert all(word in complaint for word in words), complaint


def test_help_and_version_also_after_options_of_a_portal() -> None:
    assert parse(["--url", "http://a", "--version"], {}) == ShowVersion()
    assert parse(["--url", "http://a", "servers", "--help"], {}) == RunClient(
        ("--url", "http://a", "servers", "--help")
    )


def test_exit_codes_are_those_of_the_client() -> None:
    for name in ("FAILED", "USAGE", "UNREACHABLE", "INTERRUPTED"):
        assert getattr(errors, f"EXIT_{name}") == getattr(running, f"EXIT_{name}")


def test_no_command_explains_all_of_them() -> None:
    command = parse([], {})
    assert isinstance(command, ShowHelp)
    assert all(
        f"\n    {name}" in command.text
        for name in (
            "up",
            "test",
            "check",
            "bench",
            "chat",
            "servers",
            "moderate",
            "people",
            "invite",
            "status",
            "doctor",
            "docs",
        )
    )
