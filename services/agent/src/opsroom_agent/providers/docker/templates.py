"""Templates of containers. What is not in a template can't be asked for, and limits are always set."""

import re
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from opsroom_agent.templates_file import TemplateFile, TemplateModel
from opsroom_contracts.agents.records import TEMPLATES_MAX, TemplateView
from opsroom_contracts.cloud.instances import TemplateName

_MEMORY = re.compile(r"(\d{1,20}(?:\.\d{1,20})?) ?([KMGT]?)(?:i?B)?", re.IGNORECASE)
_FACTORS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_IMAGE = re.compile(r"[a-z0-9][a-zA-Z0-9._/:@-]*")
_NETWORK = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_PORT = re.compile(r"(?:(\d{1,5}):)?(\d{1,5})(?:/(tcp|udp))?")
_PORT_MAX = 65_535
_MEMORY_MIN = 6 * 2**20
"""The least that the engine accepts."""


def _bytes(value: object) -> object:
    if isinstance(value, str):
        match = _MEMORY.fullmatch(value.strip())
        if match is None:
            raise ValueError("must be a size like 256M or 1.5G")
        return int(float(match[1]) * _FACTORS[match[2].upper()])
    return value


def _image(value: str) -> str:
    if not _IMAGE.fullmatch(value):
        raise ValueError("must be the name of an image, such as nginx:1.27")
    return value


def _network(value: str) -> str:
    if value == "host":
        raise ValueError("the host's network is not allowed")
    if not _NETWORK.fullmatch(value):
        raise ValueError("must be the name of a network")
    return value


def _env_name(value: str) -> str:
    if not value or "=" in value or not value.isprintable():
        raise ValueError("must be the name of a variable")
    return value


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain a null character")
    return value


class Port(TemplateModel):
    """A published port: ``number`` of the container, on ``host`` of 127.0.0.1, or on any free one."""

    number: Annotated[int, Field(ge=1, le=_PORT_MAX)]
    host: Annotated[int, Field(ge=1, le=_PORT_MAX)] | None = None
    protocol: str = "tcp"

    @property
    def key(self) -> str:
        """The port as the engine spells it, such as ``80/tcp``."""
        return f"{self.number}/{self.protocol}"


def _port(value: object) -> object:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    match = _PORT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('must be a port like 80, "8080:80" or "53/udp"')
    return {
        "number": int(match[2]),
        "host": int(match[1]) if match[1] else None,
        "protocol": match[3] or "tcp",
    }


Text = Annotated[str, Field(max_length=32_768), AfterValidator(_text)]


class RestartPolicy(StrEnum):
    """When the engine starts a container again that has ended."""

    NO = "no"
    ON_FAILURE = "on-failure"
    UNLESS_STOPPED = "unless-stopped"
    ALWAYS = "always"


class DockerTemplate(TemplateModel):
    """A template of a container.

    ``memory``: bytes, or text like ``256M``. ``stop_seconds``: how long it has to stop before it is killed.

    There is no way to ask for privileges, folders of the host or its network, and privileges can't be gained
    by programs with the set-user-id bit.
    """

    description: Annotated[str, Field(max_length=200)] | None = None
    image: Annotated[str, Field(max_length=255), AfterValidator(_image)]
    entrypoint: tuple[Text, ...] | None = None
    command: tuple[Text, ...] | None = None
    env: dict[Annotated[str, AfterValidator(_env_name)], Text] = Field(default_factory=dict)
    user: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    memory: Annotated[int, BeforeValidator(_bytes), Field(ge=_MEMORY_MIN, le=2**50)] = 512 * 2**20
    cpus: Annotated[float, Field(ge=0.01, le=1024)] = 1.0
    pids: Annotated[int, Field(ge=1, le=100_000)] = 256
    ports: Annotated[tuple[Annotated[Port, BeforeValidator(_port)], ...], Field(max_length=32)] = ()
    networks: Annotated[
        tuple[Annotated[str, Field(max_length=128), AfterValidator(_network)], ...], Field(max_length=8)
    ] = ()
    restart: RestartPolicy = RestartPolicy.UNLESS_STOPPED
    stop_seconds: Annotated[int, Field(ge=0, le=90)] = 10
    read_only: bool = False
    protected: bool = False

    def view(self, name: str) -> TemplateView:
        """The template as clients see it."""
        return TemplateView(
            name=name,
            description=self.description,
            image=self.image,
            memory=self.memory,
            cpus=self.cpus,
            protected=self.protected,
        )

    def body(self, labels: dict[str, str]) -> dict[str, object]:
        """The request with which the engine creates such a container."""
        networks = self.networks or ("bridge",)
        return {
            "Image": with_tag(self.image),
            "Entrypoint": None if self.entrypoint is None else list(self.entrypoint),
            "Cmd": None if self.command is None else list(self.command),
            "Env": [f"{name}={value}" for name, value in self.env.items()],
            "User": self.user or "",
            "Labels": labels,
            "StopTimeout": self.stop_seconds,
            "ExposedPorts": {port.key: {} for port in self.ports},
            "HostConfig": {
                "Memory": self.memory,
                "MemorySwap": self.memory,
                "NanoCpus": round(self.cpus * 1e9),
                "PidsLimit": self.pids,
                "PortBindings": self._bindings(),
                "NetworkMode": networks[0],
                "RestartPolicy": {"Name": self.restart.value},
                "ReadonlyRootfs": self.read_only,
                "Privileged": False,
                "SecurityOpt": ["no-new-privileges"],
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
            },
        }

    def _bindings(self) -> dict[str, list[dict[str, str]]]:
        bindings: dict[str, list[dict[str, str]]] = {}
        for port in self.ports:
            host = {"HostIp": "127.0.0.1", "HostPort": str(port.host or "")}
            bindings.setdefault(port.key, []).append(host)
        return bindings


class DockerTemplates(TemplateModel):
    """A file with templates. ``allowed_images``: patterns such as ``nginx:*``; each image must match one."""

    allowed_images: tuple[str, ...] | None = None
    templates: Annotated[dict[TemplateName, DockerTemplate], Field(max_length=TEMPLATES_MAX)] = Field(
        default_factory=dict
    )

    def views(self) -> tuple[TemplateView, ...]:
        """The templates as clients see them."""
        return tuple(template.view(name) for name, template in self.templates.items())


def read_templates(path: Path | None) -> DockerTemplates:
    """Read the template file; without one there are no templates, so that servers can only be adopted.

    Raises:
        TemplateFileError: it can't be used; the message names the line and the field.
    """
    if path is None:
        return DockerTemplates()
    file = TemplateFile(path)
    found = file.read(DockerTemplates)
    for name, template in found.templates.items():
        allowed = found.allowed_images
        if allowed is not None and not any(fnmatchcase(template.image, one) for one in allowed):
            reason = (
                f"{template.image!r} matches none of allowed_images: {', '.join(allowed) or 'it is empty'}"
            )
            raise file.invalid(("templates", name, "image"), reason)
    return found


def with_tag(image: str) -> str:
    """Return the reference with a tag: without one, the engine would pull all tags of the image."""
    name = image.rpartition("/")[2]
    return image if ":" in name or "@" in image else f"{image}:latest"
