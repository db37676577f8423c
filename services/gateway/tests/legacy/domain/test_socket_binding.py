"""Binding of sockets to users."""

import pytest

from opsroom_gateway.legacy.domain.binding_guesses import Departure, Exit, Leave, Rebind
from opsroom_gateway.legacy.domain.socket_binding import Binding

HERE, THERE = "one address.one browser", "another address.another browser"
SAME_ADDRESS = "one address.another browser"
LATER = 100.0
"""Long after everything else: nothing is just about to happen."""


def bound(*claims: tuple[str, str, str | None]) -> Binding:
    """Return a binding with sockets, each an id, an origin and the user who claimed it."""
    binding = Binding()
    for socket_id, origin, user_id in claims:
        binding.open(socket_id, origin, [], 0.0)
        if user_id is not None:
            binding.claim(socket_id, user_id, 2.0)
    return binding


def test_new_sockets_are_bound_in_the_order_of_registrations_at_the_same_time() -> None:
    binding = Binding()
    for user_id in ("early", "late"):
        binding.registered(user_id, HERE, 0.0)
    assert binding.open("1", HERE, ["late", "early"], 0.1) == [Rebind("1", None, "early")]
    assert binding.open("2", HERE, ["late"], 0.2) == [Rebind("2", None, "late")]
    assert binding.open("3", HERE, ["late", "early"], 0.3) == []


def test_a_new_socket_is_bound_to_the_last_registration_if_others_were_long_before() -> None:
    binding = Binding()
    binding.registered("early", HERE, 0.0)
    binding.registered("late", HERE, LATER)
    assert binding.open("1", HERE, ["late", "early"], LATER) == [Rebind("1", None, "late")]


def test_registrations_are_bound_in_the_order_in_which_the_free_sockets_opened() -> None:
    binding = bound(("1", HERE, None), ("2", HERE, None), ("3", HERE, "ann"), ("4", THERE, None))
    assert binding.registered("bob", HERE, 1.0) == [Rebind("1", None, "bob")]
    assert binding.registered("bob", HERE, 1.0) == []
    assert binding.registered("cy", HERE, 1.0) == [Rebind("2", None, "cy")]
    assert binding.registered("dee", HERE, 1.0) == []


def test_a_registration_is_bound_to_the_last_of_sockets_that_opened_long_before() -> None:
    binding = bound(("1", HERE, None), ("2", HERE, None))
    assert binding.registered("bob", HERE, LATER) == [Rebind("2", None, "bob")]


def test_a_socket_that_opens_just_after_a_registration_fits_better_than_one_that_opened_long_before() -> None:
    binding = bound(("1", HERE, None))
    binding.registered("bob", HERE, LATER)
    moved = [Rebind("2", None, "bob"), Rebind("1", "bob", None, Leave.DOUBTFUL)]
    assert binding.open("2", HERE, [], LATER + 0.1) == moved


def test_a_user_returns_to_their_socket_when_one_that_fitted_better_closes() -> None:
    binding = Binding()
    for socket_id in ("other", "own"):
        binding.open(socket_id, HERE, [], 0.0)
    assert binding.registered("user", HERE, LATER) == [Rebind("own", None, "user")]
    binding.open("better", HERE, [], LATER + 0.1)
    assert binding.user_of("better") == "user"
    departure = binding.close("better", LATER + 0.2)
    assert departure == Departure(Leave.DOUBTFUL, (Rebind("own", None, "user"),))


def test_swapped_guesses_are_corrected_together() -> None:
    binding = Binding()
    binding.open("anns", HERE, ["ann", "bob"], 0.0)
    binding.open("bobs", HERE, ["ann", "bob"], 0.0)
    assert binding.claim("anns", "ann", 2.0) == [
        Rebind("anns", "bob", "ann", Leave.DOUBTFUL),
        Rebind("bobs", "ann", "bob", Leave.DOUBTFUL),
    ]
    assert binding.user_of("bobs") == "bob"


def test_a_corrected_guess_displaces_its_user_only_without_another_socket() -> None:
    binding = Binding()
    binding.open("1", HERE, ["bob"], 0.0)
    assert binding.claim("1", "ann", 2.0) == [Rebind("1", "bob", "ann", Leave.DISPLACED)]
    binding = Binding()
    binding.open("1", HERE, ["bob"], 0.0)
    binding.open("2", HERE, [], 0.0)
    binding.claim("2", "bob", 2.0)  # unbinds the guess of socket 1
    assert binding.claim("1", "ann", 2.0) == [Rebind("1", None, "ann")]


def test_the_user_of_a_corrected_guess_takes_a_socket_without_a_user() -> None:
    binding = bound(("1", HERE, None), ("2", HERE, None))
    binding.registered("ann", HERE, 1.0)
    assert binding.claim("1", "bob", 2.0) == [
        Rebind("1", "ann", "bob", Leave.DOUBTFUL),
        Rebind("2", None, "ann"),
    ]


def test_of_two_sockets_that_opened_before_two_registrations_the_second_is_the_seconds() -> None:
    binding = bound(("anns", HERE, None), ("bobs", HERE, None))
    binding.registered("ann", HERE, 1.0)
    binding.registered("bob", HERE, 1.0)
    assert binding.close("bobs", 2.0) == Departure(Leave.DOUBTFUL)
    assert binding.user_of("anns") == "ann"


def test_a_user_whose_leave_is_in_doubt_returns_at_once_when_a_frame_names_them() -> None:
    binding = bound(("bobs", HERE, None), ("anns", HERE, None))
    binding.registered("ann", HERE, 10.0)  # each types another time
    binding.registered("bob", HERE, 20.0)
    assert binding.close("anns", 30.0) == Departure(Leave.DOUBTFUL)  # of bob, by the guess
    assert binding.claim("bobs", "bob", 31.0) == [Rebind("bobs", "ann", "bob", Leave.DOUBTFUL)]


def test_users_who_came_one_after_another_leave_without_a_doubt() -> None:
    binding = bound(("anns", HERE, None))
    binding.registered("ann", HERE, 1.0)
    binding.open("bobs", HERE, [], 10.0)
    binding.registered("bob", HERE, 11.0)
    assert binding.close("bobs", 12.0) == Departure(Leave.SURE)
    assert binding.close("anns", 13.0) == Departure(Leave.SURE)


def test_the_user_of_a_guessed_socket_that_closes_takes_one_without_a_user_that_was_open_before() -> None:
    binding = bound(("1", HERE, None), ("2", HERE, None), ("3", THERE, None))
    binding.registered("ann", HERE, 1.0)
    assert binding.close("1", 2.0) == Departure(Leave.DOUBTFUL, (Rebind("2", None, "ann"),))
    assert binding.close("2", 3.0) == Departure(Leave.SURE)


def test_a_socket_that_opened_long_after_the_registration_takes_nobody_over() -> None:
    binding = bound(("1", HERE, None))
    binding.registered("ann", HERE, 1.0)
    binding.open("2", HERE, [], LATER)
    assert binding.close("1", LATER) == Departure(Leave.SURE)


def test_a_socket_that_exited_takes_nobody_along() -> None:
    binding = bound(("bobs", HERE, "bob"))
    binding.exit("bobs", 3.0)
    binding.registered("carl", HERE, 4.0)
    assert binding.open("carls", HERE, [], 4.1) == [
        Rebind("carls", None, "carl"),
        Rebind("bobs", "carl", None, Leave.DOUBTFUL),
    ]
    assert binding.close("bobs", 5.0) == Departure()


def test_a_socket_that_opened_before_a_broken_one_ended_takes_its_user_over() -> None:
    binding = bound(("1", HERE, None))
    binding.registered("ann", HERE, 1.0)
    binding.claim("1", "ann", 1.5)
    binding.open("2", HERE, [], LATER)
    handed = (Rebind("2", None, "ann"),)
    assert binding.close("1", LATER, clean=False) == Departure(Leave.DOUBTFUL, handed)


def test_a_page_that_reloads_while_it_is_in_doubt_who_left_registers_its_name_again() -> None:
    binding = bound(("anns", HERE, None), ("bobs", HERE, None))
    binding.registered("ann", HERE, 1.0)
    binding.registered("bob", HERE, 1.0)
    assert not binding.is_returning("bob", HERE)
    binding.close("bobs", 2.0)
    assert not binding.is_returning("bob", SAME_ADDRESS)
    assert not binding.is_returning("ann", HERE)
    assert binding.is_returning("bob", HERE)
    binding.open("bobs again", HERE, ["bob"], 2.5)
    assert binding.user_of("bobs again") is None
    assert binding.returned("bob", 3.0) == [Rebind("bobs again", None, "bob")]
    assert not binding.is_returning("bob", HERE)


def test_the_name_of_a_user_with_another_socket_is_not_given_away() -> None:
    binding = bound(("anns", HERE, None), ("others", HERE, None))
    binding.registered("ann", HERE, 1.0)
    binding.close("anns", 2.0)
    assert binding.user_of("others") == "ann"
    assert not binding.is_returning("ann", HERE)


def test_a_new_user_takes_the_socket_of_one_who_may_have_left() -> None:
    binding = bound(("1", HERE, None), ("2", HERE, None))
    binding.registered("ann", HERE, 1.0)
    binding.close("1", 2.0)
    assert binding.registered("bob", HERE, 3.0) == [Rebind("2", "ann", "bob", Leave.DOUBTFUL)]


def test_a_claim_replaces_another_without_displacing_anybody() -> None:
    binding = bound(("1", HERE, "ann"))
    assert binding.claim("1", "ann", 2.0) == []
    assert binding.claim("1", "bob", 2.0) == [Rebind("1", "ann", "bob")]


def test_an_exit_unbinds_the_users_sockets_of_the_same_origin() -> None:
    binding = bound(("1", HERE, "ann"), ("2", HERE, "ann"), ("3", THERE, "ann"), ("4", HERE, "bob"))
    assert binding.exit("1", 3.0) == Exit("ann", ("1", "2"))
    assert binding.exit("1", 3.0) == Exit(None)
    assert binding.has_exited("2", "ann")
    assert not binding.has_exited("3", "ann")
    assert [binding.user_of(socket) for socket in "1234"] == [None, None, "ann", "bob"]


def test_after_an_exit_the_socket_is_not_bound_to_the_same_user_again() -> None:
    binding = bound(("1", HERE, "ann"))
    binding.exit("1", 3.0)
    assert binding.registered("ann", HERE, 1.0) == []
    assert binding.registered("ann again", HERE, 1.0) == [Rebind("1", None, "ann again")]


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
    binding.open("guessed here", HERE, ["cy"], 0.0)
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
    assert binding.close("3", 3.0) == Departure()
    assert binding.close("3", 3.0) == Departure()
    assert binding.claim("3", "ann", 2.0) == []
