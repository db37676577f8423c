"""Faults of servers behind agents: of their operations, of what the engine did, and of the lists."""

import random
from dataclasses import replace

from tests.faults.referee.made_up import DELAY
from tests.faults.referee.mutation import Mutation
from tests.faults.rules.agents.causes import UNKNOWN
from tests.faults.verification.agent_history import (
    AgentHistory,
    EngineServer,
    Executed,
    OutsideChange,
    OutsideKind,
    Refusal,
)
from tests.faults.verification.cloud_history import Accepted, StoredEvent
from tests.faults.verification.history import History

_ENDED = {"created", "adopted", "started", "stopped", "restarted", "removed"}


def _agent(history: History) -> AgentHistory:
    assert history.agent is not None
    return history.agent


def _done(history: History, rng: random.Random, *commands: str) -> StoredEvent:
    """Return the final event of an operation that has succeeded."""
    ends = [one for one in history.cloud.events if one.type in _ENDED and one.operation]
    return rng.choice([one for one in ends if not commands or one.command in commands])


def _received(history: History, final: StoredEvent) -> StoredEvent:
    return next(one for one in history.cloud.events if one.operation == final.operation)


def _change(history: History, event: StoredEvent, **changes: object) -> None:
    place = history.cloud.events.index(event)
    history.cloud.events[place] = replace(event, **changes)  # type: ignore[arg-type]


def _facts(history: History, event: StoredEvent, **changes: object) -> None:
    _change(history, event, facts=replace(event.facts, **changes))  # type: ignore[arg-type]


def _execution(history: History, operation: str) -> Executed:
    return next(one for one in _agent(history).executed if one.operation == operation)


def it_ends_twice(history: History, rng: random.Random) -> None:
    final = _done(history, rng)
    history.cloud.events.insert(history.cloud.events.index(final) + 1, final)


def it_never_ends(history: History, rng: random.Random) -> None:
    history.cloud.events.remove(_done(history, rng))


def it_was_accepted_and_never_received(history: History, _: random.Random) -> None:
    history.cloud.accepted.append(Accepted("x", "start", "s2", "k", 1, 2, actor="op1", provider="lab"))


def it_comes_to_something_else(history: History, rng: random.Random) -> None:
    _change(history, _done(history, rng, "start", "restart", "stop"), type="adopted")


def it_is_of_somebody_else(history: History, rng: random.Random) -> None:
    _change(history, _received(history, _done(history, rng)), actor="mallory")


def a_rename_gives_another_name(history: History, _: random.Random) -> None:
    event = next(one for one in history.cloud.events if one.type == "renamed")
    _facts(history, event, name="another")


def a_change_at_once_is_stored_twice(history: History, _: random.Random) -> None:
    event = next(one for one in history.cloud.events if one.type == "labeled")
    history.cloud.events.insert(history.cloud.events.index(event) + 1, event)


def it_ends_before_it_is_due(history: History, rng: random.Random) -> None:
    final = _done(history, rng)
    _change(history, final, at=_received(history, final).at + DELAY - 0.1)


def the_work_begins_before_it_is_due(history: History, rng: random.Random) -> None:
    received = _received(history, _done(history, rng))
    working = next(
        one for one in history.cloud.events if one.operation == received.operation and one.type == "working"
    )
    _change(history, working, at=received.at + DELAY - 0.1)


def it_ends_minutes_late(history: History, rng: random.Random) -> None:
    final = _done(history, rng)
    _change(history, final, at=final.at + 120)


def it_is_cancelled_and_nobody_asked(history: History, _: random.Random) -> None:
    event = next(one for one in history.cloud.events if one.type == "cancelled")
    accepted = next(one for one in history.cloud.accepted if one.operation == event.operation)
    accepted.cancelled = accepted.cancelling = False


def it_is_cancelled_while_it_is_worked_on(history: History, rng: random.Random) -> None:
    _change(history, _done(history, rng, "start", "stop", "restart"), type="cancelled")


def it_was_executed_twice(history: History, rng: random.Random) -> None:
    agent = _agent(history)
    agent.executed.append(replace(rng.choice(agent.executed)))


def something_was_executed_that_nobody_asked_for(history: History, _: random.Random) -> None:
    _agent(history).executed.append(Executed("y", "s2", "stop", 1200.0))


def another_command_was_executed(history: History, rng: random.Random) -> None:
    agent, final = _agent(history), _done(history, rng, "start", "restart")
    done = _execution(history, final.operation)
    agent.executed[agent.executed.index(done)] = replace(done, command="stop")


def it_was_executed_before_it_was_due(history: History, rng: random.Random) -> None:
    agent, final = _agent(history), _done(history, rng)
    done = _execution(history, final.operation)
    early = replace(done, at=_received(history, final).at + 1)
    agent.executed[agent.executed.index(done)] = early


def it_was_undone_and_executed(history: History, _: random.Random) -> None:
    event = next(one for one in history.cloud.events if one.type == "cancelled")
    _agent(history).executed.append(
        Executed(event.operation, event.instance, event.command, event.at + 2 * DELAY)
    )


def it_is_done_and_was_never_executed(history: History, rng: random.Random) -> None:
    agent = _agent(history)
    agent.executed.remove(_execution(history, _done(history, rng).operation))


def it_is_done_and_the_engine_refused_it(history: History, rng: random.Random) -> None:
    agent = _agent(history)
    done = _execution(history, _done(history, rng).operation)
    agent.executed[agent.executed.index(done)] = replace(done, failure="simulated failure")


def it_failed_and_the_engine_did_it(history: History, rng: random.Random) -> None:
    final = _done(history, rng, "start", "stop", "restart")
    facts = replace(final.facts, condition="failed", code="provider_error")
    _change(history, final, type="failed", code="provider_error", facts=facts)


def one_key_makes_two_servers(history: History, rng: random.Random) -> None:
    agent = _agent(history)
    shown = rng.choice([one for one in agent.shown if not one.adopted])
    agent.shown.append(replace(shown, resource="second"))


def a_server_is_created_by_two_operations(history: History, rng: random.Random) -> None:
    done = _execution(history, _done(history, rng, "create").operation)
    _agent(history).executed.append(replace(done, operation="z"))


def the_list_has_a_server_that_the_engine_has_not(history: History, rng: random.Random) -> None:
    agent = _agent(history)
    agent.shown.remove(rng.choice(agent.shown))


def the_engine_has_a_server_that_the_list_has_not(history: History, _: random.Random) -> None:
    _agent(history).shown.append(EngineServer("s99", "sim-s99", "running"))


def an_adopted_server_is_not_listed(history: History, _: random.Random) -> None:
    _agent(history).shown.append(EngineServer("s98", "found-s98", "running", adopted=True))


def _listed(history: History, rng: random.Random, **changes: object) -> None:
    agent = _agent(history)
    there = [one for one in agent.listed if one.condition != "lost"]
    place = agent.listed.index(rng.choice(there))
    agent.listed[place] = replace(agent.listed[place], **changes)  # type: ignore[arg-type]


def the_list_has_another_state(history: History, rng: random.Random) -> None:
    state = {"running": "stopped", "stopped": "running"}
    agent = _agent(history)
    place = agent.listed.index(rng.choice([one for one in agent.listed if one.condition != "lost"]))
    agent.listed[place] = replace(agent.listed[place], state=state[agent.listed[place].state])


def the_list_has_a_condition_that_is_unknown(history: History, rng: random.Random) -> None:
    _listed(history, rng, condition="unknown", code=UNKNOWN)


def the_list_has_a_failure_that_the_engine_has_not(history: History, rng: random.Random) -> None:
    _listed(history, rng, condition="failed", code="")
    agent = _agent(history)
    agent.shown = [replace(one, failed=False) for one in agent.shown]


def an_operation_is_pending_at_the_end(history: History, rng: random.Random) -> None:
    _listed(history, rng, pending="o")


def a_server_is_listed_as_lost_and_is_there(history: History, rng: random.Random) -> None:
    _listed(history, rng, condition="lost", code="vanished")


def the_lists_were_not_compared(history: History, _: random.Random) -> None:
    _agent(history).looked = 0.0


def it_is_observed_without_a_cause(history: History, rng: random.Random) -> None:
    final = _done(history, rng, "start", "restart")
    place = history.cloud.events.index(final) + 1
    seen = replace(final, type="observed", operation="", command="", state="stopped", at=final.at + 0.2)
    history.cloud.events.insert(place, seen)


def it_is_lost_without_a_cause(history: History, _: random.Random) -> None:
    agent = _agent(history)
    agent.outside = [one for one in agent.outside if one.kind is not OutsideKind.REMOVED]


def it_is_adopted_without_a_cause(history: History, _: random.Random) -> None:
    agent = _agent(history)
    agent.outside = [one for one in agent.outside if one.kind is not OutsideKind.APPEARED]


def it_failed_as_vanished_without_a_cause(history: History, rng: random.Random) -> None:
    final = _done(history, rng, "start", "stop", "restart")
    facts = replace(final.facts, condition="lost", code="vanished")
    _change(history, final, type="failed", code="vanished", facts=facts)


def an_unknown_outcome_stays_unknown(history: History, _: random.Random) -> None:
    event = next(one for one in history.cloud.events if one.code == UNKNOWN)
    events = history.cloud.events
    later = [one for one in events if one.instance == event.instance and one.seq > event.seq]
    history.cloud.events = [one for one in events if one not in later]


def a_crash_is_not_noticed(history: History, _: random.Random) -> None:
    agent = _agent(history)
    last = max(one.at for one in history.cloud.events)
    agent.outside.append(OutsideChange(OutsideKind.CRASHED, "s2", "", last + 1, last + 1))
    agent.looked = last + 90


def a_name_changes_by_itself(history: History, rng: random.Random) -> None:
    _facts(history, _done(history, rng, "start", "stop", "restart"), name="other")


def labels_are_forgotten(history: History, rng: random.Random) -> None:
    _facts(history, _done(history, rng, "start", "stop", "restart"), labels="other=1")


def a_template_changes(history: History, rng: random.Random) -> None:
    _facts(history, _done(history, rng, "start", "stop", "restart"), template="large")


def two_servers_have_one_name(history: History, rng: random.Random) -> None:
    first, *_ = (one for one in history.cloud.events if one.type == "received" and one.command == "create")
    for event in list(history.cloud.events):
        if event.instance != first.instance and event.facts.name:
            _facts(history, event, name=first.facts.name)


def the_state_is_not_that_of_the_command(history: History, rng: random.Random) -> None:
    _change(history, _done(history, rng, "start", "restart"), state="stopped")


def the_condition_stays_after_a_success(history: History, rng: random.Random) -> None:
    _facts(history, _done(history, rng, "start", "stop", "restart"), condition="unknown", code=UNKNOWN)


def a_command_begins_while_another_is_pending(history: History, rng: random.Random) -> None:
    received = _received(history, _done(history, rng, "start", "stop"))
    place = history.cloud.events.index(received) + 1
    history.cloud.events.insert(place, replace(received, operation="second"))


def work_forgets_what_is_pending(history: History, rng: random.Random) -> None:
    event = rng.choice([one for one in history.cloud.events if one.type == "working"])
    _change(history, event, pending="")


def it_is_refused_although_it_is_there(history: History, rng: random.Random) -> None:
    final = _done(history, rng, "start", "stop", "restart")
    _agent(history).refused.append(Refusal("start", final.instance, "transition_invalid", final.at))


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
    ("server list", the_list_has_a_server_that_the_engine_has_not),
    ("server list", the_engine_has_a_server_that_the_list_has_not),
    ("server list", an_adopted_server_is_not_listed),
    ("server list", the_list_has_another_state),
    ("server list", the_list_has_a_condition_that_is_unknown),
    ("server list", the_list_has_a_failure_that_the_engine_has_not),
    ("server list", an_operation_is_pending_at_the_end),
    ("server list", a_server_is_listed_as_lost_and_is_there),
    ("server list", the_lists_were_not_compared),
    ("server facts", it_is_observed_without_a_cause),
    ("server facts", it_is_lost_without_a_cause),
    ("server facts", it_is_adopted_without_a_cause),
    ("server facts", it_failed_as_vanished_without_a_cause),
    ("server facts", a_name_changes_by_itself),
    ("server facts", labels_are_forgotten),
    ("server facts", a_template_changes),
    ("server facts", the_state_is_not_that_of_the_command),
    ("server facts", the_condition_stays_after_a_success),
    ("server facts", a_command_begins_while_another_is_pending),
    ("server facts", work_forgets_what_is_pending),
    ("server name held twice", two_servers_have_one_name),
    ("server stale", a_crash_is_not_noticed),
    ("operation refused", it_is_refused_although_it_is_there),
)
