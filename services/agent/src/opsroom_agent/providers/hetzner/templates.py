"""Templates of Hetzner Cloud."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from opsroom_agent.templates_file import TemplateFile, TemplateModel
from opsroom_contracts.agents.records import NUMBER_MAX, TEMPLATES_MAX, TemplateView
from opsroom_contracts.cloud.instances import TemplateName

Name = Annotated[str, Field(min_length=1, max_length=255)]


class HetznerTemplate(TemplateModel):
    """A template of a server. ``memory`` (bytes) and ``cpus`` are what clients see; the type decides.

    ``server_type``, ``image``, ``location`` and ``ssh_keys`` are names or ids of the API, ``networks`` and
    ``firewalls`` are ids.
    """

    description: Annotated[str, Field(max_length=200)] | None = None
    server_type: Name
    image: Name
    location: Name | None = None
    ssh_keys: Annotated[tuple[Name, ...], Field(max_length=50)] = ()
    networks: Annotated[tuple[int, ...], Field(max_length=3)] = ()
    firewalls: Annotated[tuple[int, ...], Field(max_length=5)] = ()
    user_data: Annotated[str, Field(max_length=32_768)] | None = None
    ipv4: bool = True
    ipv6: bool = True
    memory: Annotated[int, Field(ge=0, le=NUMBER_MAX)] | None = None
    cpus: Annotated[float, Field(ge=0, le=NUMBER_MAX)] | None = None
    protected: bool = False

    def view(self, name: str) -> TemplateView:
        """The template as clients see it."""
        return TemplateView(
            name=name,
            description=self.description or self.server_type,
            image=self.image,
            memory=self.memory,
            cpus=self.cpus,
            protected=self.protected,
        )

    def body(self, name: str, labels: dict[str, str], *, start: bool) -> dict[str, object]:
        """The request that creates such a server."""
        optional = {"location": self.location, "user_data": self.user_data}
        return {
            "name": name,
            "server_type": self.server_type,
            "image": self.image,
            "labels": labels,
            "start_after_create": start,
            "ssh_keys": list(self.ssh_keys),
            "networks": list(self.networks),
            "firewalls": [{"firewall": one} for one in self.firewalls],
            "public_net": {"enable_ipv4": self.ipv4, "enable_ipv6": self.ipv6},
            **{key: value for key, value in optional.items() if value is not None},
        }


class HetznerTemplates(TemplateModel):
    """A file with templates."""

    templates: Annotated[dict[TemplateName, HetznerTemplate], Field(max_length=TEMPLATES_MAX)] = Field(
        default_factory=dict
    )

    def views(self) -> tuple[TemplateView, ...]:
        """The templates as clients see them."""
        return tuple(template.view(name) for name, template in self.templates.items())


def read_templates(path: Path | None) -> HetznerTemplates:
    """Read the template file; without one there are no templates, so that servers can only be adopted.

    Raises:
        TemplateFileError: it can't be used; the message names the line and the field.
    """
    return HetznerTemplates() if path is None else TemplateFile(path).read(HetznerTemplates)
