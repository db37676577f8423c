"""Templates of the provider that runs a program: what clients see, and settings for the program."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, JsonValue

from opsroom_agent.templates_file import TemplateFile, TemplateModel
from opsroom_contracts.agents.records import NUMBER_MAX, TEMPLATES_MAX, TemplateView
from opsroom_contracts.cloud.instances import TemplateName


class ExecTemplate(TemplateModel):
    """A template. ``settings``: any TOML without dates, passed to the program as JSON. ``memory``: bytes."""

    description: Annotated[str, Field(max_length=200)] | None = None
    image: Annotated[str, Field(max_length=255)] | None = None
    memory: Annotated[int, Field(ge=0, le=NUMBER_MAX)] | None = None
    cpus: Annotated[float, Field(ge=0, le=NUMBER_MAX)] | None = None
    protected: bool = False
    settings: dict[str, JsonValue] = Field(default_factory=dict)

    def view(self, name: str) -> TemplateView:
        """The template as clients see it."""
        return TemplateView(name=name, **self.model_dump(exclude={"settings"}))


class ExecTemplates(TemplateModel):
    """A file with templates."""

    templates: Annotated[dict[TemplateName, ExecTemplate], Field(max_length=TEMPLATES_MAX)] = Field(
        default_factory=dict
    )

    def views(self) -> tuple[TemplateView, ...]:
        """The templates as clients see them."""
        return tuple(template.view(name) for name, template in self.templates.items())


def read_templates(path: Path | None) -> ExecTemplates:
    """Read the template file; without one there are no templates.

    Raises:
        TemplateFileError: it can't be used; the message names the line and the field.
    """
    return ExecTemplates() if path is None else TemplateFile(path).read(ExecTemplates)
