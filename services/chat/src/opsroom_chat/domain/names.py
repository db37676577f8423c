"""The keys of a name: names that count as the same share one, so that only one of them can be claimed."""

import hashlib

from opsroom_contracts.text import name_forms


def name_keys(name: str) -> tuple[str, ...]:
    """Return the digests under which a name is claimed: one for each form in which it is compared.

    The first is the only one that the first release claims and reads.
    """
    return tuple(hashlib.sha256(form.encode()).hexdigest()[:32] for form in name_forms(name))
