"""The steps of storing and changing messages, as a proxy between a chat process and the broker sees them."""

from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.step_proxy import StepProxy

_REQUESTS = frozenset({b"chat.send", b"chat.edit", b"chat.react", b"chat.card"})
_ERASE = b"$JS.API.STREAM.MSG.DELETE."
_ACKNOWLEDGED = b'"stream":"CHAT"'


def chat_proxy(broker: BrokerProcess) -> StepProxy:
    """Return a proxy to put between a chat process and the broker."""
    return StepProxy(int(broker.url.rpartition(":")[2]), serves=b"SUB chat.send", is_step=is_step)


def is_step(subject: bytes, body: bytes, from_process: bool) -> bool:
    """Whether this is a request or its reply, a write or its acknowledgement, an erasure, or a delivery."""
    if subject.startswith((b"chat.events.", b"chat.erasures.")):
        return True
    if from_process:
        return subject.startswith((b"_INBOX.", _ERASE))
    return subject in _REQUESTS or _ACKNOWLEDGED in body
