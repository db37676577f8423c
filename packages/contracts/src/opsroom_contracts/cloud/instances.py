"""What is known about an instance: its name, labels, provider and condition, and the rules for these."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, Field

from opsroom_contracts.agents.names import PROVIDER_NAME
from opsroom_contracts.serialization.model import Identifier, Model

LABELS_MAX = 16
"""The maximum number of labels of an instance."""
SIMULATED: Final = "simulated"
"""The provider that is part of the cloud service, and the default."""
_SHORT_DIGITS = (8, 12, 32)
_NAME = re.compile(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
_LABEL_KEY = re.compile(r"^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$")


def is_uuid(text: str) -> bool:
    """Return whether ``text`` is a UUID with hyphens, as the ids of instances are."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _server_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("must be 1 to 63 of a-z, 0-9 and hyphens, with no hyphen at either end")
    if is_uuid(value):
        raise ValueError("must not look like the id of a server")
    return value


def _label_key(value: str) -> str:
    if not _LABEL_KEY.fullmatch(value):
        raise ValueError(
            "must be 1 to 63 of a-z, 0-9, dot, slash, underscore and hyphen, ending in a letter or digit"
        )
    return value


def _label_value(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must not contain control characters")
    return value


ServerName = Annotated[
    str, Field(max_length=63, json_schema_extra={"pattern": _NAME.pattern}), AfterValidator(_server_name)
]
"""The name of an instance, unique in a portal."""
LabelKey = Annotated[
    str, Field(max_length=63, json_schema_extra={"pattern": _LABEL_KEY.pattern}), AfterValidator(_label_key)
]
LabelValue = Annotated[str, Field(max_length=63), AfterValidator(_label_value)]
Labels = Annotated[dict[LabelKey, LabelValue], Field(max_length=LABELS_MAX)]
LabelChanges = Annotated[dict[LabelKey, LabelValue | None], Field(min_length=1, max_length=2 * LABELS_MAX)]
"""Labels to set, and labels to remove (null), as in a JSON merge patch."""
ProviderName = Annotated[str, Field(pattern=PROVIDER_NAME)]
"""The name of a provider, safe as one token of a NATS subject."""
TemplateName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Resource = Annotated[str, Field(min_length=1, max_length=255)]
"""The provider's own id of what runs, such as that of a container."""
NetworkAddress = Annotated[str, Field(min_length=1, max_length=255)]
"""Where an instance can be reached, as text that the provider gives."""
Reason = Annotated[str, Field(max_length=500)]
"""Why an operation failed, or why an instance is in its condition; in English."""


class Condition(StrEnum):
    """How an instance is, apart from its state."""

    OK = "ok"
    FAILED = "failed"
    """Its last operation failed, or the provider reports a failure; the reason says why."""
    LOST = "lost"
    """The provider no longer has it."""
    UNKNOWN = "unknown"
    """The outcome of its last operation could not be observed."""


class FailureCode(StrEnum):
    """Why an operation failed, for clients that show it in their user's language."""

    PROVIDER_ERROR = "provider_error"
    """The provider's own reason, which only the text gives."""
    PROVIDER_TIMEOUT = "provider_timeout"
    PROVIDER_INTERNAL = "provider_internal"
    SIMULATED = "simulated"
    """A failure that the simulated provider was configured to have."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """The provider did not report an outcome before the deadline of the operation."""
    NO_CAPACITY = "no_capacity"
    """A quota or the room of the provider is used up."""
    VANISHED = "vanished"
    """The provider no longer has the instance."""
    TEMPLATE_UNKNOWN = "template_unknown"
    """The provider does not have the template any more."""


class InstanceFacts(Model):
    """What a stored event repeats about its instance; what is missing has its default.

    ``name``: by default :func:`default_name`. ``provider``: by default the simulated one. ``resource``: only
    if the provider can't find it by the instance's id, because it was adopted. ``condition_reason`` and
    ``condition_code``: why the condition is not ``ok``.
    """

    name: ServerName | None = None
    labels: Labels | None = None
    provider: ProviderName | None = None
    template: TemplateName | None = None
    resource: Resource | None = None
    address: NetworkAddress | None = None
    protected: bool | None = None
    condition: Condition | None = None
    condition_reason: Reason | None = None
    condition_code: FailureCode | None = None


def default_name(instance_id: Identifier) -> str:
    """Return the name of an instance that was given none.

    It is the id, if that is allowed as a name; otherwise ``server-`` and the first digits of the id.
    """
    return instance_id if _is_name(instance_id) else f"server-{_digits(instance_id)[: _SHORT_DIGITS[0]]}"


def free_name(instance_id: Identifier, is_taken: Callable[[str], bool]) -> str:
    """Return a name for an instance that was given none: :func:`default_name`, or a longer one."""
    names = [
        default_name(instance_id),
        *(f"server-{_digits(instance_id)[:count]}" for count in _SHORT_DIGITS),
    ]
    return next((name for name in names if not is_taken(name)), names[-1])


def merge_labels(labels: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return ``labels`` with ``changes``: a value replaces the former one, and None removes it.

    Raises:
        ValueError: there would be more than :data:`LABELS_MAX`.
    """
    merged = {key: value for key, value in {**labels, **changes}.items() if value is not None}
    if len(merged) > LABELS_MAX:
        raise ValueError(f"{len(merged)} labels, and the limit is {LABELS_MAX}")
    return dict(sorted(merged.items()))


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and not is_uuid(text)


def _digits(instance_id: str) -> str:
    return "".join(char for char in instance_id.lower() if char.isascii() and char.isalnum()).ljust(8, "0")
