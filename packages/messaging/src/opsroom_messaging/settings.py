"""Settings that a process reads from its environment, once, where it is put together.

A library for this (pydantic-settings) was measured: importing it costs each process 0.1 s of its start.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from opsroom_contracts.codec import first_fault

_SHARED = {"nats_url": "NATS_URL", "stream_replicas": "STREAM_REPLICAS"}
"""Variables that mean the same to every process, and so have no prefix."""


class SettingsError(ValueError):
    """A setting that can't be used; the message names the variable and says why, in one line."""


class BrokerSettings(BaseModel):
    """Where the broker is, and how many copies it keeps of what is stored.

    Environment: ``NATS_URL`` (comma-separated for a cluster) and ``STREAM_REPLICAS``; the other fields of
    a process by their names in capitals behind its ``prefix``. Lists are comma-separated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    prefix: ClassVar[str] = ""

    nats_url: str = "nats://127.0.0.1:4222"
    stream_replicas: Annotated[int, Field(ge=1, le=5)] = 1

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read what is set; what is not keeps its default.

        Raises:
            SettingsError: a value that does not fit.
        """
        given: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            text = environ.get(cls.variable(name))
            if text is None:
                continue
            is_list = get_origin(field.annotation) in {tuple, frozenset}
            given[name] = [part.strip() for part in text.split(",") if part.strip()] if is_list else text
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            fault = first_fault(error)
            variable = cls.variable(fault.field.partition(".")[0])
            raise SettingsError(f"{variable}={environ[variable]!r}: {fault.reason}") from None

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable of a field."""
        return _SHARED.get(field) or cls.prefix + field.upper()
