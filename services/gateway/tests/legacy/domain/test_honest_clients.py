"""The binding under many interleavings of honest clients of one address and browser.

They are the same in each run: a few are ambiguous, and a guess is then wrong until the next
frame that names its user (docs/decisions/0046).
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from opsroom_gateway.legacy.domain.binding_guesses import OPENS_WITHIN_SECONDS
from services.gateway.tests.kit.binding_world import BINDING_SECONDS, LINGER_SECONDS, Person, World

STEPS_MAX = 30
STEP_SECONDS = OPENS_WITHIN_SECONDS / STEPS_MAX
"""So short that a client that registers first opens its socket in time, however many others act before it."""
PAUSES = (STEP_SECONDS, 5.0, 40.0)


def people(world: World, data: st.DataObject) -> list[Person]:
    """Return two to four clients."""
    first = data.draw(st.lists(st.booleans(), min_size=2, max_size=4))
    return [Person(world, registers_first, f"n{number}") for number, registers_first in enumerate(first)]


def step(world: World, clients: list[Person], data: st.DataObject, seconds: float) -> None:
    """Let one client do something, after some time.

    In the moment between a registration and the opening of its socket, nobody leaves: of two clients with one
    registration and one socket, which then closes, the registration's is gone.
    """
    stay = any(client.opens_now for client in clients)
    able = [client for client in clients if client.actions(stay=stay)]
    if able:
        client = data.draw(st.sampled_from(able))
        world.advance(seconds)
        data.draw(st.sampled_from(client.actions(stay=stay)))()


def missing(world: World, clients: list[Person]) -> list[str]:
    """Return the clients that must be on the list, and are not."""
    return [client.name for client in clients if client.is_there and client.user_id not in world.listed]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_nobody_with_an_open_socket_vanishes_because_of_a_guess(data: st.DataObject) -> None:
    world = World()
    clients = people(world, data)
    for _ in range(data.draw(st.integers(2, STEPS_MAX))):
        step(world, clients, data, STEP_SECONDS)
        assert not missing(world, clients)
        for client in clients:
            if client.socket is not None and client.spoke:
                assert world.binding.user_of(client.socket) == client.user_id


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_frames_that_name_their_user_settle_who_is_there(data: st.DataObject) -> None:
    world = World()
    clients = people(world, data)
    for _ in range(data.draw(st.integers(2, STEPS_MAX))):
        opens = any(client.opens_now for client in clients)
        step(world, clients, data, STEP_SECONDS if opens else data.draw(st.sampled_from(PAUSES)))
        for client in clients:
            assert client.user_id in world.listed or not client.is_there or client.user_id in world.expired
    for client in clients:
        if client.opens_now:
            client.open()
        if client.is_there:
            client.speak()
    assert not missing(world, clients)
    world.advance(BINDING_SECONDS)
    silent = [client.socket for client in clients if client.socket and not client.is_there]
    there = {client.user_id for client in clients if client.is_there}
    assert there <= set(world.listed) <= there | {world.binding.user_of(socket) for socket in silent}
    for client in clients:
        if client.socket is not None:
            client.leave()
    world.advance(LINGER_SECONDS)
    assert not world.listed


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_sockets_that_nobody_registers_for_take_nobody_along(data: st.DataObject) -> None:
    world = World()
    person = Person(world, data.draw(st.booleans()), "n")
    visitors = [Person(world, False, f"v{number}") for number in range(data.draw(st.integers(1, 3)))]
    for _ in range(data.draw(st.integers(2, STEPS_MAX))):
        world.advance(STEP_SECONDS if person.opens_now else data.draw(st.sampled_from(PAUSES)))
        actions = [visitor.open for visitor in visitors if visitor.socket is None and not visitor.done]
        if not person.opens_now:
            actions += [visitor.leave for visitor in visitors if visitor.socket is not None]
        if not person.is_there:
            opens = person.socket is None and not (person.registers_first and person.user_id is None)
            actions.append(person.open if opens else person.register)
        if actions:
            data.draw(st.sampled_from(actions))()
        assert not missing(world, [person])
