"""Faults of operations behind agents, and of what the engine did for them."""

import random
from dataclasses import replace

from tests.faults.referee.made_up import DELAY
from tests.faults.referee.mutation import Mutation
from tests.faults.referee.mutations.agents.common import (
    agent_of,
    change,
    change_facts,
    end_of,
    execution_of,
    received_of,
)
from tests.faults.rules.agents.causes import UNKNOWN
from tests.faults.verification.agent_history import Executed
from tests.faults.verification.cloud_history import Accepted
from tests.faults.verification.history import History


def it_ends_twice(history: History, rng: random.Random) -> None:
    final = end_of(history, rng)
    history.cloud.events.insert(history.cloud.events.index(final) + 1, final)


def it_never_ends(history: History, rng: random.Random) -> None:
    history.cloud.events.remove(end_of(history, rng))


def it_was_accepted_and_never_received(history: History, _: random.Random) -> None:
    history.cloud.accepted.append(Accepted("x", "start", "s2", "k", 1, 2, actor="op1", provider="lab"))


def it_comes_to_something_else(history: History, rng: random.Random) -> None:
    change(history, end_of(history, rng, "start", "restart", "stop"), type="adopted")


def it_is_of_somebody_else(history: History, rng: random.Random) -> None:
    change(history, received_of(history, end_of(history, rng)), actor="mallory")


def a_rename_gives_another_name(history: History, _: random.Random) -> None:
    event = next(one for one in history.cloud.events if one.type == "renamed")
    change_facts(history, event, name="another")


def a_change_at_once_is_stored_twice(history: History, _: random.Random) -> None:
    event = next(one for one in history.cloud.events if one.type == "labeled")
    history.cloud.events.insert(history.cloud.events.index(event) + 1, event)


def it_ends_before_it_is_due(history: History, rng: random.Random) -> None:
    final = end_of(history, rng)
    change(history, final, at=received_of(history, final).at + DELAY - 0.1)


def the_work_begins_before_it_is_due(history: History, rng: random.Random) -> None:
    received = received_of(history, end_of(history, rng))
    working = next(
        one for one in history.cloud.events if one.operation == received.operation and one.type == "working"
    )
    change(history, working, at=received.at + DELAY - 0.1)


def it_ends_minutes_late(history: History, rng: random.Random) -> None:
    final = end_of(history, rng)
    change(history, final, at=final.at + 120)


def it_is_cancelled_and_nobody_asked(history: History, _: random.Random) -> None:
    event = next(one for one in history.cloud.events if one.type == "cancelled")
    accepted = next(one for one in history.cloud.accepted if one.operation == event.operation)
    accepted.cancelled = accepted.cancelling = False


def it_is_cancelled_while_it_is_worked_on(history: History, rng: random.Random) -> None:
    change(history, end_of(history, rng, "start", "stop", "restart"), type="cancelled")


def it_was_executed_twice(history: History, rng: random.Random) -> None:
    agent = agent_of(history)
    agent.executed.append(replace(rng.choice(agent.executed)))


def something_was_executed_that_nobody_asked_for(history: History, _: random.Random) -> None:
    agent_of(history).executed.append(Executed("y", "s2", "stop", 1200.0))


def another_command_was_executed(history: History, rng: random.Random) -> None:
    agent, final = agent_of(history), end_of(history, rng, "start", "restart")
    done = execution_of(history, final.operation)
    agent.executed[agent.executed.index(done)] = replace(done, command="stop")


def it_was_executed_before_it_was_due(history: History, rng: random.Random) -> None:
    agent, final = agent_of(history), end_of(history, rng)
    done = execution_of(history, final.operation)
    early = replace(done, at=received_of(history, final).at + 1)
    agent.executed[agent.executed.index(done)] = early


def it_was_undone_and_executed(history: History, _: random.Random) -> None:
    event = next(one for one in history.cloud.events if one.type == "cancelled")
    agent_of(history).executed.append(
        Executed(event.operation, event.instance, event.command, event.at + 2 * DELAY)
    )


def it_is_done_and_was_never_executed(history: History, rng: random.Random) -> None:
    agent = agent_of(history)
    agent.executed.remove(execution_of(history, end_of(history, rng).operation))


def it_is_done_and_the_engine_refused_it(history: History, rng: random.Random) -> None:
    agent = agent_of(history)
    done = execution_of(history, end_of(history, rng).operation)
    agent.executed[agent.executed.index(done)] = replace(done, failure="simulated failure")


def it_failed_and_the_engine_did_it(history: History, rng: random.Random) -> None:
    final = end_of(history, rng, "start", "stop", "restart")
    facts = replace(final.facts, condition="failed", code="provider_error")
    change(history, final, type="failed", code="provider_error", facts=facts)


def one_key_makes_two_servers(history: History, rng: random.Random) -> None:
    agent = agent_of(history)
    shown = rng.choice([one for one in agent.shown if not one.adopted])
    agent.shown.append(replace(shown, resource="second"))


def a_server_is_created_by_two_operations(history: History, rng: random.Random) -> None:
    done = execution_of(history, end_of(history, rng, "create").operation)
    agent_of(history).executed.append(replace(done, operation="z"))


def an_unknown_outcome_stays_unknown(history: History, _: random.Random) -> None:
    event = next(one for one in history.cloud.events if one.code == UNKNOWN)
    events = history.cloud.events
    later = [one for one in events if one.instance == event.instance and one.seq > event.seq]
    history.cloud.events = [one for one in events if one not in later]


MUTATIONS: tuple[tuple[str, Mutation], ...] = (
    ("operation doubled", it_ends_twice),
    ("operation unfinished", it_never_ends),
    ("operation lost", it_was_accepted_and_never_received),
    ("operation wrong", it_comes_to_something_else),
    ("operation wrong", it_is_of_somebody_else),
    ("operation wrong", a_rename_gives_another_name),
    ("operation doubled", a_change_at_once_is_stored_twice),
    ("operation early", it_ends_before_it_is_due),
    ("operation early", the_work_begins_before_it_is_due),
    ("operation late", it_ends_minutes_late),
    ("operation cancelled", it_is_cancelled_and_nobody_asked),
    ("operation undone", it_is_cancelled_while_it_is_worked_on),
    ("executed twice", it_was_executed_twice),
    ("executed unasked", something_was_executed_that_nobody_asked_for),
    ("executed unasked", another_command_was_executed),
    ("executed early", it_was_executed_before_it_was_due),
    ("undone and executed", it_was_undone_and_executed),
    ("outcome wrong", it_is_done_and_was_never_executed),
    ("outcome wrong", it_is_done_and_the_engine_refused_it),
    ("outcome wrong", it_failed_and_the_engine_did_it),
    ("outcome unknown", an_unknown_outcome_stays_unknown),
    ("created twice", one_key_makes_two_servers),
    ("created twice", a_server_is_created_by_two_operations),
)
