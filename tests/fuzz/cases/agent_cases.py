"""Strategies for hostile agents: what they reply, list, report and stream."""

import json
from dataclasses import dataclass

from hypothesis import strategies as st

from opsroom_contracts.agents import protocol
from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_contracts.serialization.model import Model
from tests.fuzz.cases.socket_cases import INSTANCE, VALUES, nearly

SERVER, VICTIM, VICTIM_NAME = "A-SERVER", "A-VICTIM", "lab-witness"
"""Placeholders: the server that a request is about, and one of another provider. The name of that one."""
VERBS: dict[str, type[Model]] = {
    "apply": protocol.ApplyReply,
    "observe": protocol.ObserveReply,
    "list": protocol.ProviderListReply,
    "adoptable": protocol.AdoptableReply,
    "logs": protocol.StreamReply,
    "stats": protocol.StreamReply,
    "more": protocol.MoreReply,
}
_ROOM_BYTES = 900_000
"""Nearly what the broker accepts."""


@dataclass(frozen=True, slots=True)
class AgentReply:
    """A reply. ``payload``: None for silence. ``error``: it is an error. ``times``: how often it is sent.

    ``seconds``: how late.
    """

    payload: bytes | None
    error: bool = False
    times: int = 1
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class AgentCase:
    """An agent. ``replies``: by verb, in turn. ``notices`` are published while the portal uses it.

    ``chunks``: of the first stream that is opened, sent without waiting; ``exceeds``: more than its window.
    """

    kind: str
    replies: dict[str, tuple[AgentReply, ...]]
    notices: tuple[bytes, ...] = ()
    chunks: tuple[bytes, ...] = ()
    exceeds: bool = False


def _json(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def _ids(text: str) -> st.SearchStrategy[bytes]:
    """Put ids of servers in the place of those that were drawn."""
    fields = json.loads(text)
    ids = st.sampled_from((SERVER, VICTIM, VICTIM_NAME, "s-1", "s-2", INSTANCE))
    return st.builds(lambda one: json.dumps(_with_id(fields, one)).encode(), ids)


def _with_id(value: object, key: str) -> object:
    if isinstance(value, list):
        return [_with_id(one, key) for one in value]
    if isinstance(value, dict):
        found = {name: _with_id(one, key) for name, one in value.items()}
        return found | {"id": key} if isinstance(found.get("id"), str) else found
    return value


_RUBBISH = st.binary(max_size=60) | VALUES.map(json.dumps).map(str.encode)
_HUGE = st.sampled_from(
    (
        b"x" * _ROOM_BYTES,
        b"[" * _ROOM_BYTES,
        _json(status="working", progress={"text": "x" * _ROOM_BYTES}),
        _json(servers=[{"id": f"s-{n}", "state": "running"} for n in range(20_000)]),
        _json(gone=["s-1"] * 50_000),
    )
)
_FAULTS = st.builds(
    lambda code, text: _json(code=code, message=text),
    st.sampled_from([one.value for one in ErrorCode] + ["x"]),
    st.sampled_from(("", "no", "x" * 1000, "x" * 1001, "\u202e\n")),
) | nearly(Fault).map(str.encode)


def _replies(model: type[Model]) -> st.SearchStrategy[AgentReply]:
    right = nearly(model).flatmap(_ids)
    return st.one_of(
        st.builds(AgentReply, right),
        st.builds(AgentReply, right, times=st.just(20)),
        st.builds(AgentReply, right, seconds=st.sampled_from((0.3, 1.0))),
        st.builds(AgentReply, _RUBBISH),
        st.builds(AgentReply, _HUGE),
        st.builds(AgentReply, _FAULTS, error=st.just(True)),
        st.just(AgentReply(None)),
    )


_PAGES = st.one_of(
    st.just(
        [_json(servers=[{"id": f"s-{n % 20}", "state": "running"}], next=f"{n:08}") for n in range(3000)]
    ),
    st.just([_json(servers=[], next="a"), _json(servers=[], next="b")] * 50),
    st.just([_json(servers=[{"id": VICTIM_NAME, "state": "stopped"}, {"id": VICTIM, "state": "stopped"}])]),
    st.just([_json(servers=[{"id": SERVER, "state": "stopped"}, {"id": SERVER, "state": "running"}])]),
)
"""Lists without an end, and lists of servers of others."""


def _several(verb: str) -> st.SearchStrategy[tuple[AgentReply, ...]]:
    return st.lists(_replies(VERBS[verb]), min_size=1, max_size=4).map(tuple)


@st.composite
def replying(draw: st.DrawFn) -> AgentCase:
    """An agent with odd replies to some verbs."""
    verbs = draw(st.lists(st.sampled_from(sorted(VERBS)), min_size=1, max_size=4, unique=True))
    return AgentCase("hostile agents: replies", {verb: draw(_several(verb)) for verb in verbs})


@st.composite
def listing(draw: st.DrawFn) -> AgentCase:
    """An agent with odd lists, which observes whatever it is asked about as stopped."""
    pages = tuple(AgentReply(page) for page in draw(_PAGES))
    seen = _json(found=[{"id": one, "state": "stopped"} for one in (SERVER, VICTIM, VICTIM_NAME)])
    return AgentCase("hostile agents: lists", {"list": pages, "observe": (AgentReply(seen),)})


@st.composite
def notifying(draw: st.DrawFn) -> AgentCase:
    """An agent that reports changes of its servers and of others'."""
    seen = _json(found=[{"id": one, "state": "stopped"} for one in (SERVER, VICTIM)])
    of_others = _json(found=[{"id": VICTIM, "state": "stopped"}], gone=[VICTIM])
    kinds = st.sampled_from((of_others, _json(), _json(gone=[SERVER]), seen))
    notices = draw(
        st.lists(kinds | _RUBBISH | nearly(protocol.ChangeNotice).flatmap(_ids), min_size=1, max_size=8)
    )
    times = draw(st.sampled_from((1, 10, 300)))
    found, gone = [{"id": VICTIM, "state": "stopped"}], [VICTIM]
    seen_as = draw(st.sampled_from((_json(found=found), _json(gone=gone), _json(found=found, gone=gone))))
    return AgentCase(
        "hostile agents: notices", {"observe": (AgentReply(seen_as),)}, (of_others, *notices) * times
    )


_LINES = [{"text": "x" * 400}] * 200
_NUMBERS = (0, -1, 1, 2**53, 10**30, 10**4000)


@st.composite
def streaming(draw: st.DrawFn) -> AgentCase:
    """An agent whose streams have gaps, odd numbers, too many messages, or no sense."""
    kind = draw(st.sampled_from(("window", "gaps", "numbers", "rubbish", "samples")))
    match kind:
        case "window":
            chunks = [_json(seq=n, lines=_LINES) for n in range(1, 300)]
        case "gaps":
            chunks = [_json(seq=n, lines=[{"text": "x"}]) for n in draw(st.permutations(range(1, 12)))]
        case "numbers":
            odd = draw(st.sampled_from(_NUMBERS))
            chunks = [
                b'{"seq":1,"skipped":%d,"lines":[{"text":"x"}]}' % odd,
                b'{"seq":2,"samples":[{"at":"2026-11-30T00:00:00Z","cpu":1e999,"memory":%d}]}' % odd,
            ]
        case "samples":
            sample = {
                "at": draw(st.sampled_from(("2026-11-30T00:00:00Z", "0001-01-01T00:00:00+14:00"))),
                "cpu": 1.5,
            }
            chunks = [
                _json(seq=1, samples=[sample | {"memory": 1}] * 200),
                _json(seq=2, end=True, reason="x" * 501),
            ]
        case _:
            chunks = draw(
                st.lists(_RUBBISH | nearly(protocol.LogChunk).map(str.encode), min_size=1, max_size=10)
            )
    return AgentCase("hostile agents: streams", {}, (), tuple(chunks), kind == "window")


REPLYING, LISTING, NOTIFYING, STREAMING = replying(), listing(), notifying(), streaming()
AGENTS = (REPLYING, LISTING, NOTIFYING, STREAMING)
