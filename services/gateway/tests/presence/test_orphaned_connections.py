"""Strays, held against a plain dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from opsroom_gateway.presence.orphaned_connections import OrphanedConnections

CONNECTIONS = st.sampled_from("abcde")
USERS = st.sampled_from("xyz")


@given(st.lists(st.tuples(CONNECTIONS, st.none() | USERS)))
def test_both_lookups_agree_with_a_dictionary(steps: list[tuple[str, str | None]]) -> None:
    strays, model = OrphanedConnections(), dict[str, str]()
    for connection, user in steps:
        if user is None:
            strays.discard(connection)
            model.pop(connection, None)
        else:
            strays.add(connection, user)
            model[connection] = user
        assert {c: strays.owner(c) for c in "abcde"} == {c: model.get(c) for c in "abcde"}
        assert {c for c in "abcde" if c in strays} == model.keys()
        assert {u: strays.connections_of(u) for u in "xyz"} == {
            u: {c for c in model if model[c] == u} for u in "xyz"
        }
