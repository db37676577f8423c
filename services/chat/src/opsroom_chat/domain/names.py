"""The key of a name: lookalike names share it, so that only one of them can be claimed."""

import hashlib

from opsroom_contracts.text import fold_name


def name_key(name: str) -> str:
    """Return the digest under which a name is claimed; equal for names that fold to the same."""
    return hashlib.sha256(fold_name(name).encode()).hexdigest()[:32]
