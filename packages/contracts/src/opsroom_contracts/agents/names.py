"""Names of providers. It imports nothing of size: the launcher uses it in the process that stays."""

import re
from typing import Final

PROVIDER_NAME: Final = r"^[a-z0-9][a-z0-9-]{0,31}$"
"""The pattern of a provider's name, safe as one token of a NATS subject."""
_DEFAULTS: Final = {"simulated": "lab"}
"""Names that differ from the kind: the portal's own provider is called ``simulated``."""


def default_name(kind: str) -> str:
    """Return the name of a provider of ``kind`` that was given none."""
    return _DEFAULTS.get(kind, kind)


def is_provider_name(text: str) -> bool:
    """Whether ``text`` can be the name of a provider."""
    return re.fullmatch(PROVIDER_NAME, text) is not None
