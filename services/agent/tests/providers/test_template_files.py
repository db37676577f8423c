"""Template files with mutations: never a traceback, errors that name the line and the field, limits always.

``TEMPLATE_EXAMPLES=100000`` tries more than the few of an ordinary run.
"""

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsroom_agent.providers.docker import templates as docker
from opsroom_agent.providers.exec import templates as exec_
from opsroom_agent.providers.hetzner import templates as hetzner
from opsroom_agent.templates_file import TemplateFileError
from opsroom_contracts.agents.records import AGENT_RECORD, AgentRecord, TemplateView
from opsroom_contracts.serialization.codec import MAX_PAYLOAD_BYTES, encode
from opsroom_contracts.text import visible

EXAMPLES = settings(
    max_examples=int(os.environ.get("TEMPLATE_EXAMPLES", "200")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
Read = Callable[[Path], docker.DockerTemplates | exec_.ExecTemplates | hetzner.HetznerTemplates]


@dataclass(frozen=True)
class Kind:
    """A provider's reader of template files, and a valid file without tables inside of templates."""

    name: str
    read: Read
    valid: str


KINDS = (
    Kind(
        "docker",
        docker.read_templates,
        """\
allowed_images = ["nginx:*", "b.example/*"]
[templates.web]
description = "A web server"
image = "nginx:1.27"
command = ["nginx", "-g", "daemon off;"]
memory = "256M"
cpus = 0.5
pids = 100
ports = [80, "8443:443", "53/udp"]
networks = ["front"]
restart = "on-failure"
stop_seconds = 5
env = { MODE = "production" }
user = "1000"
read_only = true
[templates.job-1]
image = "b.example/job:2"
protected = true
""",
    ),
    Kind(
        "exec",
        exec_.read_templates,
        """\
[templates.web]
description = "Serves files"
memory = 134217728
cpus = 1.5
settings = { command = "serve", ports = [1, 2.5, true], deep = { a = { b = "c" } } }
[templates.job-1]
image = "job"
protected = true
""",
    ),
    Kind(
        "hetzner",
        hetzner.read_templates,
        """\
[templates.web]
description = "A small server"
server_type = "cx22"
image = "debian-13"
location = "fsn1"
ssh_keys = ["alice"]
networks = [1, 2]
firewalls = [3]
user_data = "#cloud-config"
ipv6 = false
memory = 4294967296
cpus = 2
protected = true
""",
    ),
)
PRIVILEGES = (
    *(
        "privileged",
        "binds",
        "volumes",
        "mounts",
        "devices",
        "cap_add",
        "network_mode",
        "pid_mode",
        "ipc_mode",
    ),
    *("userns_mode", "security_opt", "cgroup_parent", "runtime", "sysctls", "host_config", "Privileged"),
)
NUMBERS = (
    *("0", "-1", "0.0", "-0.0", "1e400", "inf", "-inf", "nan", "9" * 30, "9" * 400, "9" * 5000),
    *("0x7fffffffffffffff", "1_000", "1e-300", "true", "false"),
)
TEXTS = (
    *('""', '" "', '"\\u0000"', '"a\\nb"', '"host"', '"container:x"', '"../x"', '"-v"', '"\\u202e"'),
    *('"9999999999T"', f'"{"9" * 400}G"', '"1e9"', '"٢٥٦M"', '"0.000001K"', '"99999:99999"', '"0:0"'),
    f'"{"x" * 300}"',
    f'"{"x" * 40_000}"',
    f'"""{" " * 5000}"""',
)
OTHERS = (
    *("[]", "{}", "[[]]", "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", '["a", 1]', '{ "" = 1 }'),
    *(
        '{ "a\\nb" = 1 }',
        '{ "a b" = { c = inf } }',
        "[nan]",
        '["host"]',
        "[{ a = 1 }]",
        "[65536]",
        '["80/sctp"]',
    ),
    "[" * 3000 + "]" * 3000,
    "{a=" * 600 + "1" + "}" * 600,
)
VALUES = st.sampled_from((*NUMBERS, *TEXTS, *OTHERS))
NOT_TOML = ("(at line", "is nested too deeply", "has a number with too many digits", "allowed_images")
"""Errors of lines that have no field, and of the images that ``allowed_images`` does not allow."""
LINES = st.sampled_from(
    (
        *(
            "[templates.web]",
            "[[templates.web]]",
            "[templates]",
            "[templates.web.env]",
            "[x]",
            "[templates.Web]",
        ),
        *('[templates."a.b"]', '[templates."a\\nb"]', "[", "]", "= 1", "a", '"', "'''", '"""', "\ufeff", "#"),
        *(f"{name} = true" for name in PRIVILEGES),
        *(
            "a.b.c = 1",
            '"\\u0000" = 1',
            " " * 5000,
            "x" * 5000,
            "templates = 1",
            "allowed_images = []",
            "\x00",
        ),
        "a." * 2000 + "a = 1",
    )
)


@st.composite
def mutated(draw: st.DrawFn, valid: str) -> str:
    """A file with other values, other lines, and changed characters."""
    lines = valid.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        key, equals, _ = lines[at].partition(" = ")
        match draw(st.sampled_from(("value", "line", "drop", "twice", "characters"))):
            case "value" if equals:
                lines[at] = f"{key} = {draw(VALUES)}"
            case "drop" if len(lines) > 1:
                del lines[at]
            case "twice":
                lines.insert(at, lines[at])
            case "characters":
                cut = draw(st.integers(0, len(lines[at])))
                more = draw(st.text(max_size=3))
                lines[at] = lines[at][:cut] + more + lines[at][cut + draw(st.integers(0, 3)) :]
            case _:
                lines.insert(at, draw(LINES))
    return "\n".join(lines)


def tried(kind: Kind, text: str) -> tuple[TemplateView, ...] | str:
    """Return the views of the file's templates, or the error."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "templates.toml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            found = kind.read(path)
        except TemplateFileError as error:
            return str(error)
    for template in found.templates.values():
        check_template(template)
    return found.views()


def check_template(
    template: docker.DockerTemplate | exec_.ExecTemplate | hetzner.HetznerTemplate,
) -> None:
    """What is created has limits and no privileges, and is sent as JSON."""
    match template:
        case docker.DockerTemplate():
            body = template.body({})
            host = body["HostConfig"]
            assert isinstance(host, dict)
            assert 6 * 2**20 <= host["Memory"] == host["MemorySwap"] <= 2**50
            assert host["NanoCpus"] > 0
            assert host["PidsLimit"] > 0
            assert host["Privileged"] is False
            assert host["SecurityOpt"] == ["no-new-privileges"]
            assert host["NetworkMode"] != "host"
            assert ":" not in host["NetworkMode"]
            assert not {"Binds", "Mounts", "CapAdd", "Devices", "VolumesFrom", "PidMode", "IpcMode"} & set(
                host
            )
            json.dumps(body, allow_nan=False)
        case exec_.ExecTemplate():
            json.dumps(template.settings, allow_nan=False)
        case hetzner.HetznerTemplate():
            json.dumps(template.body("a", {}, start=True), allow_nan=False)


def check_error(error: str) -> None:
    """An error is one line that can be read."""
    assert error.startswith("AGENT_TEMPLATES=")
    assert visible(error) == error
    assert len(error) < 2000


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_files_are_valid(kind: Kind) -> None:
    views = tried(kind, kind.valid)
    assert isinstance(views, tuple)
    assert views[0].name == "web"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@EXAMPLES
@given(st.data())
def test_a_file_can_be_used_or_the_error_says_why(kind: Kind, data: st.DataObject) -> None:
    match tried(kind, data.draw(mutated(kind.valid))):
        case str() as error:
            check_error(error)
        case views:
            record = {"name": "lab", "kind": kind.name, "process": "p", "startedAt": "2026-11-30T00:00:00Z"}
            stored = encode(
                AgentRecord.model_validate_json(json.dumps(record)).model_copy(update={"templates": views})
            )
            assert AGENT_RECORD.read(stored).templates == views
            assert len(stored) <= MAX_PAYLOAD_BYTES


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@EXAMPLES
@given(st.data())
def test_the_error_of_a_value_names_its_line_and_field(kind: Kind, data: st.DataObject) -> None:
    lines = kind.valid.splitlines()
    at = data.draw(st.sampled_from([number for number, line in enumerate(lines) if " = " in line]))
    key = lines[at].partition(" = ")[0]
    value = data.draw(VALUES)
    lines[at] = f"{key} = {value}"
    match tried(kind, "\n".join(lines)):
        case str() as error:
            check_error(error)
            assert f"line {at + 1}" in error or (key == "allowed_images" and "templates." in error), error
            assert key in error or any(reason in error for reason in NOT_TOML), error
        case _:
            pass


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@EXAMPLES
@given(st.data())
def test_no_privilege_can_be_asked_for(kind: Kind, data: st.DataObject) -> None:
    lines = kind.valid.splitlines()
    name, value = data.draw(st.sampled_from(PRIVILEGES)), data.draw(VALUES)
    at = data.draw(st.integers(1, len(lines)))
    lines.insert(at, f"{name} = {value}")
    error = tried(kind, "\n".join(lines))
    assert isinstance(error, str), "accepted"
    check_error(error)
    assert f"line {at + 1}" in error
