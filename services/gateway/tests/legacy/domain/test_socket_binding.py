"""Binding of sockets to users."""

import pytest

from opsroom_gateway.legacy.domain.socket_binding import Binding, Rebind

HERE, THERE = "one address.one browser", "another address.another browser"
SAME_ADDRESS = "one address.another browser"


def bound(*claims: tuple[str, str, str | None]) -> Binding:
    """Return a binding with sockets, each an id, an origin and the user who claimed it."""
    binding = Binding()
    for socket_id, origin, user_id in claims:
        binding.open(socket_id, origin, [])
        if user_id is not None:
            binding.claim(socket_id, user_id)
    return binding


def test_a_new_socket_is_bound_to_the_newest_waiting_user_without_one() -> None:
    binding = Binding()
    assert binding.open("1", HERE, ["late", "early"]) == [Rebind("1", None, "late")]
    assert binding.open("2", HERE, ["late", "early"]) == [Rebind("2", None, "early")]
    assert binding.open("3", HERE, ["late", "early"]) == []


def test_a_registration_is_bound_to_the_newest_free_socket_of_its_origin() -> None:
    binding = bound(("1", HERE, None), ("2", HERE, None), ("3", HERE, "ann"), ("4", THERE, None))
    assert binding.registered("bob", HERE) == [Rebind("2", None, "bob")]
    assert binding.registered("bob", HERE) == []
    assert binding.registered("cy", HERE) == [Rebind("1", None, "cy")]
    assert binding.registered("dee", HERE) == []


def test_swapped_guesses_are_corrected_together() -> None:
    binding = Binding()
    binding.open("anns", HERE, ["bob", "ann"])
    binding.open("bobs", HERE, ["bob", "ann"])
    assert binding.claim("anns", "ann") == [Rebind("anns", "bob", "ann"), Rebind("bobs", "ann", "bob")]
    assert binding.user_of("bobs") == "bob"


def test_a_corrected_guess_displaces_its_user_only_without_another_socket() -> None:
    binding = Binding()
    binding.open("1", HERE, ["bob"])
    assert binding.claim("1", "ann") == [Rebind("1", "bob", "ann", displaced=True)]
    binding = Binding()
    binding.open("1", HERE, ["bob"])
    binding.open("2", HERE, [])
    binding.claim("2", "bob")  # unbinds the guess of socket 1
    assert binding.claim("1", "ann") == [Rebind("1", None, "ann")]


def test_a_claim_replaces_another_without_displacing_anybody() -> None:
    binding = bound(("1", HERE, "ann"))
    assert binding.claim("1", "ann") == []
    assert binding.claim("1", "bob") == [Rebind("1", "ann", "bob")]


def test_an_exit_unbinds_the_users_sockets_of_the_same_origin() -> None:
    binding = bound(("1", HERE, "ann"), ("2", HERE, "ann"), ("3", THERE, "ann"), ("4", HERE, "bob"))
    assert binding.exit("1") == ("ann", ["1", "2"])
    assert binding.exit("1") == (None, [])
    assert binding.has_exited("2", "ann")
    assert not binding.has_exited("3", "ann")
    assert [binding.user_of(socket) for socket in "1234"] == [None, None, "ann", "bob"]


def test_after_an_exit_the_socket_is_not_bound_to_the_same_user_again() -> None:
    binding = bound(("1", HERE, "ann"))
    binding.exit("1")
    assert binding.registered("ann", HERE) == []
    assert binding.registered("ann again", HERE) == [Rebind("1", None, "ann again")]


@pytest.mark.parametrize(
    ("sender", "origin", "accepted"),
    [
        ("ann claimed", HERE, False),
        ("free here", HERE, True),
        ("free here", SAME_ADDRESS, True),
        ("free here", THERE, False),
        ("free there", HERE, False),
        ("guessed here", HERE, True),
        ("guessed here", SAME_ADDRESS, False),
        ("guessed here", THERE, False),
        ("gone", HERE, False),
    ],
)
def test_an_exit_that_names_another_user_is_accepted_unless_bound_more_reliably(
    sender: str, origin: str, accepted: bool
) -> None:
    binding = bound(("ann claimed", HERE, "ann"), ("free here", HERE, None), ("free there", THERE, None))
    binding.open("guessed here", HERE, ["cy"])
    assert binding.accepts_exit(sender, "bob", origin) is accepted


def test_an_exit_that_names_a_user_with_a_claimed_socket_is_ignored() -> None:
    binding = bound(("1", HERE, "ann"), ("2", HERE, "bob"), ("3", HERE, None))
    assert not binding.accepts_exit("1", "bob", HERE)
    assert not binding.accepts_exit("3", "bob", HERE)
    assert binding.accepts_exit("2", "bob", HERE)


def test_forget_unbind_and_close_remove_all_state() -> None:
    binding = bound(("1", HERE, "ann"), ("2", THERE, "ann"), ("3", HERE, "bob"))
    binding.forget("ann")
    assert (binding.user_of("1"), binding.user_of("2"), binding.user_of("3")) == (None, None, "bob")
    binding.unbind("3")
    assert binding.user_of("3") is None
    assert binding.close("3") is None
    assert binding.close("3") is None
    assert binding.claim("3", "ann") == []
