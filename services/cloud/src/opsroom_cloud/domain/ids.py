"""Ids derived from other ids, so that a retry gets the same ones."""

from uuid import UUID, uuid5

_INSTANCES = UUID("c2b7e1a4-92d8-4f0e-8a55-3b1f6d9c0e17")


def instance_id_of(operation_id: str) -> str:
    """Derive the id of the instance that ``operation_id`` creates: a UUID with dashes."""
    return str(uuid5(_INSTANCES, operation_id))


def adopted_id_of(provider: str, resource: str) -> str:
    """Derive the id of the instance for ``resource`` of ``provider``, so that it is taken in only once."""
    return str(uuid5(_INSTANCES, f"adopted/{provider}/{resource}"))
