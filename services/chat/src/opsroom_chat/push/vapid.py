"""How this portal identifies itself to push services: VAPID (RFC 8292)."""

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from opsroom_chat.push.encryption import CURVE, encode_base64, point_of
from opsroom_contracts.chat.notifications import PushIdentity

_LIFE: Final = timedelta(hours=12)
"""Push services accept a day at most."""
_RENEWED: Final = timedelta(hours=1)
_AUDIENCES_MAX: Final = 256
_NO_CONTACT: Final = "mailto:nobody@example.org"
"""Some push services refuse tokens without a contact."""


def new_identity(now: datetime) -> PushIdentity:
    """Make the key pair of a portal."""
    key = generate_private_key(CURVE)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return PushIdentity(private_key=pem, public_key=encode_base64(point_of(key.public_key())), at=now)


class Vapid:
    """Makes the ``Authorization`` header of push requests. A token is used until shortly before its end."""

    def __init__(self, identity: PushIdentity, contact: str | None) -> None:
        """``contact``: the operator, as ``mailto:`` or ``https:`` address; None: that of each device."""
        key = load_pem_private_key(identity.private_key.encode(), None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise ValueError("the stored key pair of push services is of another kind")
        self.public_key = identity.public_key
        self._key = key
        self._contact = contact
        self._tokens: dict[tuple[str, str], tuple[datetime, str]] = {}

    def authorization(self, endpoint: str, contact: str | None, now: datetime) -> str:
        """Return the header for a push to ``endpoint``. ``contact``: that of the device."""
        parts = urlsplit(endpoint)
        audience, subject = f"{parts.scheme}://{parts.netloc}", self._contact or contact or _NO_CONTACT
        known = self._tokens.get((audience, subject))
        if known is None or known[0] - now < _RENEWED:
            import jwt  # noqa: PLC0415 - only if a push is sent

            if len(self._tokens) >= _AUDIENCES_MAX:
                self._tokens.clear()
            until = now + _LIFE
            claims = {"aud": audience, "exp": int(until.timestamp()), "sub": subject}
            known = until, jwt.encode(claims, self._key, algorithm="ES256")
            self._tokens[audience, subject] = known
        return f"vapid t={known[1]}, k={self.public_key}"
