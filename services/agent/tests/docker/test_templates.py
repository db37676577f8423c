"""Template files: what is valid, and errors that name the line and the field."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_agent.providers.docker.templates import DockerTemplate, read_templates, with_tag
from opsroom_agent.templates_file import TemplateFileError, line_of

VALID = """\
# Templates of the team.
allowed_images = ["nginx:*", "registry.example.com/*"]

[templates.web]
description = "A web server"
image = "nginx:1.27"
memory = "256M"
cpus = 0.5
ports = [80, "8443:443", "53/udp"]
networks = ["front"]
restart = "on-failure"

[templates.web.env]
MODE = "production"

[templates."job-1"]
image = "registry.example.com/job:2"
protected = true
"""


def written(folder: Path, text: str) -> Path:
    """A template file."""
    path = folder / "templates.toml"
    path.write_text(text)
    return path


def test_a_valid_file(tmp_path: Path) -> None:
    found = read_templates(written(tmp_path, VALID))
    web = found.templates["web"]
    assert web.memory == 256 * 2**20
    assert [(port.key, port.host) for port in web.ports] == [
        ("80/tcp", None),
        ("443/tcp", 8443),
        ("53/udp", None),
    ]
    assert web.env == {"MODE": "production"}
    views = {view.name: view for view in found.views()}
    assert views["web"].memory == 256 * 2**20
    assert views["job-1"].protected


def test_without_a_file_there_are_no_templates() -> None:
    assert read_templates(None).views() == ()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('memory = "256M"', 'memory = "lots"', "line 7: templates.web.memory: must be a size like 256M"),
        ('memory = "256M"', "memory = 1", "line 7: templates.web.memory: must be at least 6291456"),
        ("cpus = 0.5", "cpus = 0", "line 8: templates.web.cpus: must be at least 0.01"),
        ("cpus = 0.5", "cpus = nan", "line 8: templates.web.cpus: must be a finite number"),
        ('"8443:443"', '"8443:x"', "line 9: templates.web.ports.1: must be a port like 80"),
        ('"8443:443"', "70000", "line 9: templates.web.ports.1.number: must be at most 65535"),
        ('["front"]', '["host"]', "line 10: templates.web.networks.0: the host's network is not allowed"),
        ('["front"]', '["container:x"]', "line 10: templates.web.networks.0: must be the name of a network"),
        ('"on-failure"', '"sometimes"', "line 11: templates.web.restart: must be"),
        ('MODE = "production"', "MODE = 1", "line 14: templates.web.env.MODE: must be text"),
        ("cpus = 0.5", "privileged = true", "line 8: templates.web.privileged: is not permitted"),
        ("cpus = 0.5", 'binds = ["/:/host"]', "line 8: templates.web.binds: is not permitted"),
        ("cpus = 0.5", 'network_mode = "host"', "line 8: templates.web.network_mode: is not permitted"),
        ('image = "nginx:1.27"\n', "", "line 4: templates.web.image: is required"),
        (
            '"nginx:1.27"',
            '"redis:7"',
            "line 6: templates.web.image: 'redis:7' matches none of",
        ),
        ('"nginx:1.27"', '"../nginx"', "line 6: templates.web.image: must be the name of an image"),
        ("[templates.web]", "[templates.Web]", "line 4: templates.Web"),
        ("cpus = 0.5", "cpus 0.5", "line 8"),
        ("allowed_images", "allowed", "line 2: allowed: is not permitted"),
    ],
)
def test_errors_name_the_line_and_the_field(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in VALID
    with pytest.raises(TemplateFileError) as refused:
        read_templates(written(tmp_path, VALID.replace(old, new, 1)))
    assert reason in str(refused.value)
    assert "templates.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(TemplateFileError, match="No such file"):
        read_templates(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(TemplateFileError, match="not UTF-8"):
        read_templates(tmp_path / "binary.toml")


@given(
    st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True), min_size=1, max_size=6, unique=True),
    st.data(),
)
def test_the_line_of_any_field_is_found(names: list[str], data: st.DataObject) -> None:
    """Whatever the order of tables and keys, and with blank lines and comments between them."""
    lines: list[str] = []
    places: dict[tuple[str, ...], int] = {}
    for name in names:
        lines += ["", "# [templates.other]"][: data.draw(st.integers(0, 2))]
        lines.append(f"[templates.{name}]  # a template")
        places["templates", name] = len(lines)
        for key in data.draw(st.permutations(["image", "cpus", "env.A"])):
            lines.append(f'{key} = "x"')
            places["templates", name, *key.split(".")] = len(lines)
    field = data.draw(st.sampled_from(sorted(places)))
    assert line_of("\n".join(lines), field) == places[field]
    assert line_of("\n".join(lines), (*field, "0", "x")) == places[field]
    assert line_of("\n".join(lines), ("unknown",)) is None


@given(
    st.builds(
        DockerTemplate,
        image=st.sampled_from(["a", "a:1", "b.example:5000/a", "a@sha256:00"]),
        memory=st.integers(6 * 2**20, 2**40),
        cpus=st.floats(0.01, 64),
    )
)
def test_limits_are_always_set_and_nothing_is_privileged(template: DockerTemplate) -> None:
    host = template.body({})["HostConfig"]
    assert isinstance(host, dict)
    assert host["Memory"] == host["MemorySwap"] == template.memory
    assert host["NanoCpus"] > 0
    assert host["PidsLimit"] > 0
    assert host["Privileged"] is False
    assert host["NetworkMode"] != "host"
    assert not {"Binds", "Mounts", "CapAdd", "Devices", "VolumesFrom", "PidMode", "IpcMode"} & set(host)


@pytest.mark.parametrize(
    ("image", "tagged"),
    [
        ("nginx", "nginx:latest"),
        ("nginx:1", "nginx:1"),
        ("b.example:5000/nginx", "b.example:5000/nginx:latest"),
        ("nginx@sha256:00", "nginx@sha256:00"),
    ],
)
def test_an_image_without_a_tag_is_the_latest(image: str, tagged: str) -> None:
    assert with_tag(image) == tagged
