"""Settings of a process, read from its environment once at the start.

Not pydantic-settings: importing it added 0.1 s to the start of each process.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from opsroom_contracts.serialization.codec import first_fault
from opsroom_runtime.errors import SettingsError


def _listening_host(text: str) -> str:
    host = text.strip()
    if not host or any(part in host for part in "/[]@ "):
        raise ValueError("must be a host name or an IP address to listen on, like 127.0.0.1, 0.0.0.0 or ::")
    return host


ListeningHost = Annotated[str, AfterValidator(_listening_host)]
"""A host name or IP address to listen on. Whether it is local is only known once it is bound."""


class Settings(BaseModel):
    """Base class of settings that are read from environment variables.

    A field's variable is its name in capitals, with the class's ``prefix`` unless the field is in ``shared``.
    Lists are comma-separated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    prefix: ClassVar[str] = ""
    shared: ClassVar[frozenset[str]] = frozenset()
    """Fields that mean the same in every process, and so have no prefix."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables that are set; the other fields keep their defaults.

        Raises:
            SettingsError: an invalid value.
        """
        given: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            text = environ.get(cls.variable(name))
            if text is None:
                continue
            types = (field.annotation, *get_args(field.annotation))
            is_list = any(get_origin(one) in {tuple, frozenset} for one in types)
            given[name] = [part.strip() for part in text.split(",") if part.strip()] if is_list else text
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            fault = first_fault(error)
            variable = cls.variable(fault.field.partition(".")[0])
            raise SettingsError(f"{variable}={environ[variable]!r}: {fault.reason}") from None

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable of ``field``."""
        is_shared = any(field in getattr(base, "shared", ()) for base in cls.__mro__)
        return field.upper() if is_shared else cls.prefix + field.upper()
