"""Strategies for the API of servers: programs of requests that run at the same time, and race for names."""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.instances import LABELS_MAX
from tests.fuzz.cases.socket_cases import ODD, VALUES

OWN, OTHER, OWN_NAME, CASE = "OWN-ID", "OTHER-ID", "OWN-NAME", "CASE-MARK"
"""Placeholders: the ids of the two servers of a program, the name of the first, and its mark."""
LABEL = "case"
"""The label with a program's mark, so that it finds its servers again."""
LAB = "lab"


@dataclass(frozen=True, slots=True)
class ServerStep:
    """A request. ``body``: JSON, or any text. ``streams``: the response may have no end."""

    method: str
    path: str
    body: str | None = None
    streams: bool = False


@dataclass(frozen=True, slots=True)
class ServerCase:
    """Programs that run at once. Each has two servers; ``names``: what these ask for."""

    kind: str
    programs: tuple[tuple[ServerStep, ...], ...]
    names: tuple[str | None, ...]


_POOL = st.sampled_from(("alpha", "beta", "gamma", "delta"))
"""Few names, so that programs race for them."""
_NAMES = st.one_of(
    _POOL,
    _POOL,
    st.sampled_from((OWN_NAME, OWN, OTHER, "-", "a-", "A", "a" * 64, "a" * 63, "lab-witness", "a b", "ä")),
    VALUES,
)
_TOO_MANY = st.just({f"l{number}": "x" for number in range(LABELS_MAX + 1)})
"""As many changes as a request may have, but more labels than a server may have."""
_LABELS: st.SearchStrategy[Any] = st.one_of(
    st.dictionaries(st.sampled_from(("env", "a/b", "x.y", "z_1")), st.sampled_from(("", "prod", "ä", None))),
    _TOO_MANY,
    st.just({f"l{number}": None for number in range(2 * LABELS_MAX + 1)}),
    st.dictionaries(st.sampled_from(("env", "Env", "-", "", "a" * 64)), VALUES, max_size=3),
    VALUES,
)
_FLAGS = st.booleans() | VALUES
_TEMPLATES = (
    st.sampled_from((f"{LAB}/small", "small", "simulated", "none", f"{LAB}/none", "x/y/z", "/")) | VALUES
)
_TARGETS = st.sampled_from((OWN, OWN_NAME, OTHER, "none"))
"""Only its servers: what a program knows of them must not change otherwise."""
_WHEN = st.sampled_from(
    ("2026-11-30T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "0", "now")
)
_TEXT = st.sampled_from(
    ("0", "-1", "1", "9" * 30, "", "x", "true", "null", "1e3", "%00", "2", "1000", "1001")
)
_QUERY = st.fixed_dictionaries(
    {},
    optional={
        "before": _TEXT,
        "limit": _TEXT,
        "instance": _TARGETS | _TEXT,
        "actor": _TEXT | st.just("x" * 65),
        "type": st.sampled_from([one.value for one in EventType]) | _TEXT,
        "from": _WHEN,
        "to": _WHEN,
        "x": _TEXT,
    },
)
_BROKEN = st.sampled_from(("", "{", "null", "[]", '"x"', "NaN", "[" * 500, '{"name":"a","name":"b"}'))


def _json(fields: dict[str, Any]) -> str:
    return json.dumps(fields)


def _body(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """Any of the fields, sometimes with one that is not declared; or no JSON at all."""
    declared = st.fixed_dictionaries({}, optional=fields)
    more = st.sampled_from(({}, {}, {}, {"x": 1}, {"id": OWN}, {"provider": "lab"}))
    return st.builds(lambda one, two: _json(one | two), declared, more) | _BROKEN


_CHANGES = _body(name=_NAMES, labels=_LABELS, protected=_FLAGS)
_MIXED = st.builds(
    lambda name, labels, more: _json({"name": name, "labels": labels} | more),
    st.uuids().map(lambda one: f"n-{one.hex[:12]}"),
    _TOO_MANY | _LABELS,
    st.sampled_from(({}, {"protected": True}, {"protected": False})),
)
"""A name that is free, with labels that may be refused: then the name must stay."""
_NEW = _body(name=_NAMES, template=_TEMPLATES, labels=_LABELS, start=_FLAGS)
_COMMANDS = st.sampled_from(
    ("start", "stop", "restart", "remove", "create", "protect", "")
) | st.sampled_from(ODD)
_BATCH = _body(
    command=_COMMANDS,
    ids=st.lists(_TARGETS, max_size=4) | st.just(["none"] * 101) | VALUES,
    selector=st.sampled_from((f"{LABEL}={CASE}", f" {LABEL} = {CASE} ", "a", "=", "", ",", "x" * 1001))
    | VALUES,
)
_ADOPTION = _body(
    provider=st.sampled_from((LAB, "simulated", "none", "X")),
    resource=st.sampled_from(("found-1", "found-2", "none", "", "x" * 256)),
    name=_NAMES,
    labels=_LABELS,
)

_INSTANCES = "/instances"
_PROTECT = ServerStep("PATCH", f"{_INSTANCES}/{OWN}", _json({"protected": True}))
_STEPS: tuple[st.SearchStrategy[ServerStep], ...] = (
    st.builds(
        lambda target, body: ServerStep("PATCH", f"{_INSTANCES}/{target}", body), _TARGETS, _CHANGES | _MIXED
    ),
    st.builds(lambda body: ServerStep("PATCH", f"{_INSTANCES}/{OWN}", body), _MIXED),
    st.just(_PROTECT),
    st.builds(
        lambda target, verb: ServerStep("POST", f"{_INSTANCES}/{target}/{verb}"),
        _TARGETS,
        st.sampled_from(("start", "stop", "restart")),
    ),
    st.builds(lambda target: ServerStep("DELETE", f"{_INSTANCES}/{target}"), _TARGETS),
    st.builds(lambda body: ServerStep("POST", _INSTANCES, body), _NEW),
    st.builds(lambda body: ServerStep("POST", "/batch", body), _BATCH),
    st.builds(lambda body: ServerStep("POST", "/adoptions", body), _ADOPTION),
    st.builds(
        lambda query: ServerStep("GET", "/history?" + "&".join(f"{k}={v}" for k, v in query.items())), _QUERY
    ),
    st.builds(
        lambda target, what, tail, follow: ServerStep(
            "GET", f"{_INSTANCES}/{target}/{what}?tail={tail}&follow={follow}", streams=True
        ),
        _TARGETS,
        st.sampled_from(("logs", "stats")),
        _TEXT,
        st.sampled_from(("true", "false", "1", "", "x")),
    ),
    st.builds(
        lambda one: ServerStep("GET", one),
        st.sampled_from(
            ("/providers", "/templates", "/providers/lab/adoptable", "/providers/none/adoptable")
        ),
    ),
)


def _case(programs: list[list[ServerStep]], names: list[str | None]) -> ServerCase:
    """Each program ends with a removal, which a protected server refuses."""
    removal = ServerStep("DELETE", f"{_INSTANCES}/{OWN}")
    return ServerCase("servers", tuple((*steps, removal) for steps in programs), tuple(names))


SERVERS: st.SearchStrategy[ServerCase] = st.builds(
    _case,
    st.lists(st.lists(st.one_of(*_STEPS), min_size=3, max_size=8), min_size=2, max_size=3),
    st.lists(_POOL | st.none(), min_size=6, max_size=6),
)
