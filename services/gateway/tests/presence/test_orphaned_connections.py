"""Orphaned connections, compared with a plain dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from opsroom_gateway.presence.orphaned_connections import OrphanedConnections

CONNECTIONS = st.sampled_from("abcde")
USERS = st.sampled_from("xyz")


@given(st.lists(st.tuples(CONNECTIONS, st.none() | USERS)))
def test_both_lookups_agree_with_a_dictionary(steps: list[tuple[str, str | None]]) -> None:
    orphans, model = OrphanedConnections(), dict[str, str]()
    for connection, user in steps:
        if user is None:
            orphans.discard(connection)
            model.pop(connection, None)
        else:
            orphans.add(connection, user)
            model[connection] = user
        assert {c: orphans.owner(c) for c in "abcde"} == {c: model.get(c) for c in "abcde"}
        assert {c for c in "abcde" if c in orphans} == model.keys()
        assert {u: orphans.connections_of(u) for u in "xyz"} == {
            u: {c for c in model if model[c] == u} for u in "xyz"
        }
