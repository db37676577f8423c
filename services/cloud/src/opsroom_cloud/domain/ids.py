"""Ids derived from other ids, so that a retry gets the same ones."""

from uuid import UUID, uuid5

_OPERATIONS = UUID("5f0a1d5e-6f43-4c39-9d4b-0d6f3c1e7b52")
_INSTANCES = UUID("c2b7e1a4-92d8-4f0e-8a55-3b1f6d9c0e17")


def operation_id_of(client_id: str, identity: str | None = None) -> str:
    """Derive the operation id from the idempotency key ``client_id`` of ``identity``: 32 hexadecimal digits.

    Two identities with the same key get two ids. Without an identity, the id is that of older releases.
    """
    return uuid5(_OPERATIONS, client_id if identity is None else f"{identity}\n{client_id}").hex


def lost_operation_id(instance_id: str, seq: int) -> str:
    """Derive the operation id of the removal of an instance whose event at ``seq`` is lost."""
    return uuid5(_OPERATIONS, f"lost/{instance_id}/{seq}").hex


def instance_id_of(operation_id: str) -> str:
    """Derive the id of the instance that ``operation_id`` creates: a UUID with dashes."""
    return str(uuid5(_INSTANCES, operation_id))


def adopted_id_of(provider: str, resource: str) -> str:
    """Derive the id of the instance for ``resource`` of ``provider``, so that it is taken in only once."""
    return str(uuid5(_INSTANCES, f"adopted/{provider}/{resource}"))
