"""Strategies for NATS messages of a faulty service or a careless operator."""

import json
from dataclasses import dataclass

from hypothesis import strategies as st

from opsroom_contracts import audit, endpoints, gateways, subjects
from opsroom_contracts.chat import events as chat_events
from opsroom_contracts.chat import models as chat
from opsroom_contracts.chat import moderation
from opsroom_contracts.cloud import models as cloud
from opsroom_contracts.incidents import calls, plans
from opsroom_contracts.serialization.model import Model
from opsroom_messaging.deployment.private_files import OPERATOR
from tests.fuzz.cases.socket_cases import INSTANCE, VALUES, nearly

FORGED = "forged"
"""Part of messages that no client may receive."""

_REQUESTS: dict[str, type[Model]] = {
    endpoint.subject: endpoint.request
    for endpoint in endpoints.ENDPOINTS
    if endpoint is not endpoints.STATUS  # its request has no fields
}
_NEVER_WHOLE = {endpoints.REMOVE_MESSAGE.subject, endpoints.RESTRICT.subject}
"""Excluded: valid requests take effect, and may mute a canary or remove a message."""
_EVENTS: dict[str, tuple[type[Model], frozenset[str]]] = {
    "chat.events.general.{}": (chat_events.MessageEvent, frozenset({"chat"})),
    "chat.events.general.log.{}": (chat_events.MessageEvent, frozenset({"chat"})),
    "chat.members.{}": (chat.Member, frozenset({"chat"})),
    "chat.names.{}": (chat.NameClaim, frozenset({"chat"})),
    "chat.erasures.{}": (moderation.Erasure, frozenset({"chat"})),
    "chat.restrictions.{}": (moderation.Restriction, frozenset({"chat"})),
    "chat.moderated.{}": (moderation.Restriction, frozenset({"chat"})),
    subjects.typing_subject("general"): (chat.TypingEvent, frozenset({"gateway"})),
    subjects.GATEWAY_RATE_LIMITS: (gateways.RateLimitDelta, frozenset({"gateway"})),
    "$KV.gateways.{}": (chat.NameClaim, frozenset({"gateway"})),
    "chat.commands.{}": (calls.CommandTrigger, frozenset({"chat"})),
    "incidents.plans.{}": (plans.CommandPlan, frozenset({"incidents"})),
    "incidents.open.{}": (plans.OpenCommand, frozenset({"incidents"})),
    "incidents.last.{}": (plans.LastCommand, frozenset({"incidents"})),
    "audit.accepted.{}": (audit.AuditEntry, frozenset({"gateway", "chat", "cloud", "incidents"})),
    "cloud.events.{}": (cloud.InstanceEvent, frozenset({"cloud"})),
    "cloud.timers.{}": (cloud.DueOperation, frozenset({"cloud"})),
    "cloud.operations.{}": (cloud.OperationRecord, frozenset({"cloud"})),
    "cloud.due.{}": (cloud.DueOperation, frozenset()),
}
"""Subjects, their models, and who else than the operator may publish them."""


@dataclass(frozen=True, slots=True)
class NatsRequest:
    """A request. It needs a response other than an internal error."""

    subject: str
    payload: bytes
    headers: dict[str, str]
    kind: str = "NATS requests"


@dataclass(frozen=True, slots=True)
class NatsEvent:
    """A message published by ``user``, which must have no effect."""

    user: str
    subject: str
    payload: bytes
    kind: str


_RUBBISH = st.binary(max_size=60) | VALUES.map(json.dumps).map(str.encode)
_HEADERS = st.dictionaries(
    st.sampled_from(("traceparent", "tracestate", "Nats-Msg-Id", "X")),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=60).map(str.strip),
    max_size=2,
)
_PLACES = st.sampled_from(("a", "b", "c-1", INSTANCE))


@st.composite
def nats_requests(draw: st.DrawFn) -> NatsRequest:
    """A request that is valid, nearly valid, or garbage."""
    subject = draw(st.sampled_from(sorted(_REQUESTS)))
    fits = _nearly_events if subject in _NEVER_WHOLE else _nearly_requests
    payload = draw(fits(_REQUESTS[subject]) | _RUBBISH)
    return NatsRequest(subject, payload, draw(_HEADERS))


@st.composite
def nats_events(draw: st.DrawFn) -> NatsEvent:
    """Garbage by permitted users; plausible messages by users without the permission."""
    subject, (model, owners) = draw(st.sampled_from(sorted(_EVENTS.items(), key=str)))
    user = draw(st.sampled_from(("gateway", "chat", "cloud", "incidents", OPERATOR)))
    subject = subject.format(draw(_PLACES))
    if user == OPERATOR or user in owners:
        return NatsEvent(user, subject, draw(_RUBBISH | _nearly_events(model)), "NATS events, malformed")
    return NatsEvent(user, subject, draw(_forged(model)), "NATS events, forged")


def _nearly_requests(model: type[Model]) -> st.SearchStrategy[bytes]:
    return nearly(model).map(str.encode)


def _nearly_events(model: type[Model]) -> st.SearchStrategy[bytes]:
    """A message that lacks a field or has an invalid version."""
    return nearly(model).map(lambda text: json.dumps(json.loads(text) | {"version": "none"}).encode())


def _forged(model: type[Model]) -> st.SearchStrategy[bytes]:
    said = {name: FORGED for name in ("text", "actor", "reason") if name in model.model_fields}
    return nearly(model).map(lambda text: json.dumps(json.loads(text) | said).encode())


NATS_CASES: tuple[st.SearchStrategy[NatsRequest | NatsEvent], ...] = (nats_requests(), nats_events())
