"""User ids, message ids, and registration tokens."""

import base64
import hashlib
import hmac
from uuid import UUID, uuid5

from opsroom_contracts.chat.devices import Device
from opsroom_contracts.chat.models import Member
from opsroom_contracts.identity import BOT_ID_PREFIX

_NAMESPACE = UUID("6d4bd2f4-3a55-4d7c-9d4e-6a1f0c9f2b11")
SECRET_BYTES = 32
_SECRET_ID_MIN = 32
"""Minimum length of a client id that a secret is derived from. The gateway's ids have 122 random bits."""


def user_id_for(client_id: str) -> str:
    """Derive the user id of a registration from its ``client_id``, so that a retry gets the same id."""
    return str(uuid5(_NAMESPACE, f"user/{client_id}"))


def bot_id_for(request_id: str) -> str:
    """Derive the user id of a bot from the id of the request that makes it."""
    return f"{BOT_ID_PREFIX}{uuid5(_NAMESPACE, f'bot/{request_id}')}"


def person_id(identity: str, name_key: str) -> str:
    """Derive the user id of the person with a credential under one name: each device gets the same."""
    return str(uuid5(_NAMESPACE, f"person/{identity}/{name_key}"))


def message_id(user_id: str, client_id: str) -> str:
    """Derive a message id from its sender and ``client_id``, so that a retry gets the same id."""
    return uuid5(_NAMESPACE, f"message/{user_id}/{client_id}").hex


def make_token(user_id: str, secret: str) -> str:
    """Return the token of a user: the user id and the secret."""
    return f"{user_id}.{secret}"


def secret_for(client_id: str | None, fresh: str) -> str:
    """Derive a token's secret from ``client_id`` if that is too long to be guessed, else return ``fresh``.

    A registration may be retried while the first request is in progress. With a derived secret, both replies
    have the same, valid token.
    """
    if client_id is None or len(client_id) < _SECRET_ID_MIN:
        return fresh
    digest = hashlib.sha256(f"token/{client_id}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def link_secret_for(request_id: str) -> str:
    """Derive a link's secret from the id of the request, which must be impossible to guess.

    So a retry returns the same link.
    """
    digest = hashlib.sha256(f"link/{request_id}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def owner_of(token: str) -> str:
    """Return the user id in ``token``; it is not verified."""
    return token.partition(".")[0]


def token_hash(token: str) -> str:
    """Return the hash to store for a token. One round of SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def device_of(member: Member, token: str) -> Device | None:
    """Return the device of ``member`` with ``token``; the comparisons take the same time for every token."""
    digest, found = token_hash(token), None
    for device in member.all_devices():
        if hmac.compare_digest(digest, device.token_hash):
            found = device
    return found
