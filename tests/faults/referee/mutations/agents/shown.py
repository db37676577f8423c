"""Faults of what the portal says of servers behind agents."""

import random
from dataclasses import replace

from tests.faults.referee.mutation import Mutation
from tests.faults.referee.mutations.agents.common import agent_of, change, change_facts, end_of, received_of
from tests.faults.rules.agents.causes import UNKNOWN
from tests.faults.verification.agent_history import EngineServer, OutsideChange, OutsideKind, Refusal
from tests.faults.verification.history import History


def the_list_has_a_server_that_the_engine_has_not(history: History, rng: random.Random) -> None:
    agent = agent_of(history)
    agent.shown.remove(rng.choice(agent.shown))


def the_engine_has_a_server_that_the_list_has_not(history: History, _: random.Random) -> None:
    agent_of(history).shown.append(EngineServer("s99", "sim-s99", "running"))


def an_adopted_server_is_not_listed(history: History, _: random.Random) -> None:
    agent_of(history).shown.append(EngineServer("s98", "found-s98", "running", adopted=True))


def _listed(history: History, rng: random.Random, **changes: object) -> None:
    agent = agent_of(history)
    there = [one for one in agent.listed if one.condition != "lost"]
    place = agent.listed.index(rng.choice(there))
    agent.listed[place] = replace(agent.listed[place], **changes)  # type: ignore[arg-type]


def the_list_has_another_state(history: History, rng: random.Random) -> None:
    state = {"running": "stopped", "stopped": "running"}
    agent = agent_of(history)
    place = agent.listed.index(rng.choice([one for one in agent.listed if one.condition != "lost"]))
    agent.listed[place] = replace(agent.listed[place], state=state[agent.listed[place].state])


def the_list_has_a_condition_that_is_unknown(history: History, rng: random.Random) -> None:
    _listed(history, rng, condition="unknown", code=UNKNOWN)


def the_list_has_a_failure_that_the_engine_has_not(history: History, rng: random.Random) -> None:
    _listed(history, rng, condition="failed", code="")
    agent = agent_of(history)
    agent.shown = [replace(one, failed=False) for one in agent.shown]


def an_operation_is_pending_at_the_end(history: History, rng: random.Random) -> None:
    _listed(history, rng, pending="o")


def a_server_is_listed_as_lost_and_is_there(history: History, rng: random.Random) -> None:
    _listed(history, rng, condition="lost", code="vanished")


def the_lists_were_not_compared(history: History, _: random.Random) -> None:
    agent_of(history).looked = 0.0


def it_is_observed_without_a_cause(history: History, rng: random.Random) -> None:
    final = end_of(history, rng, "start", "restart")
    place = history.cloud.events.index(final) + 1
    seen = replace(final, type="observed", operation="", command="", state="stopped", at=final.at + 0.2)
    history.cloud.events.insert(place, seen)


def it_is_lost_without_a_cause(history: History, _: random.Random) -> None:
    agent = agent_of(history)
    agent.outside = [one for one in agent.outside if one.kind is not OutsideKind.REMOVED]


def it_is_adopted_without_a_cause(history: History, _: random.Random) -> None:
    agent = agent_of(history)
    agent.outside = [one for one in agent.outside if one.kind is not OutsideKind.APPEARED]


def it_failed_as_vanished_without_a_cause(history: History, rng: random.Random) -> None:
    final = end_of(history, rng, "start", "stop", "restart")
    facts = replace(final.facts, condition="lost", code="vanished")
    change(history, final, type="failed", code="vanished", facts=facts)


def a_crash_is_not_noticed(history: History, _: random.Random) -> None:
    agent = agent_of(history)
    last = max(one.at for one in history.cloud.events)
    agent.outside.append(OutsideChange(OutsideKind.CRASHED, "s2", "", last + 1, last + 1))
    agent.looked = last + 90


def a_server_that_stays_for_a_while_is_not_noticed(history: History, _: random.Random) -> None:
    agent = agent_of(history)
    last = max(one.at for one in history.cloud.events)
    agent.outside.append(OutsideChange(OutsideKind.APPEARED, "s97", "", last + 1, last + 1))
    agent.outside.append(OutsideChange(OutsideKind.REMOVED, "s97", "", last + 80, last + 80))
    agent.looked = last + 90


def a_name_changes_by_itself(history: History, rng: random.Random) -> None:
    change_facts(history, end_of(history, rng, "start", "stop", "restart"), name="other")


def labels_are_forgotten(history: History, rng: random.Random) -> None:
    change_facts(history, end_of(history, rng, "start", "stop", "restart"), labels="other=1")


def a_template_changes(history: History, rng: random.Random) -> None:
    change_facts(history, end_of(history, rng, "start", "stop", "restart"), template="large")


def two_servers_have_one_name(history: History, rng: random.Random) -> None:
    begun = [one for one in history.cloud.events if one.type == "received"]
    first = next(one for one in begun if one.command == "create")
    for event in list(history.cloud.events):
        if event.instance != first.instance and event.facts.name:
            change_facts(history, event, name=first.facts.name)


def the_state_is_not_that_of_the_command(history: History, rng: random.Random) -> None:
    change(history, end_of(history, rng, "start", "restart"), state="stopped")


def the_condition_stays_after_a_success(history: History, rng: random.Random) -> None:
    change_facts(history, end_of(history, rng, "start", "stop", "restart"), condition="unknown", code=UNKNOWN)


def a_command_begins_while_another_is_pending(history: History, rng: random.Random) -> None:
    received = received_of(history, end_of(history, rng, "start", "stop"))
    place = history.cloud.events.index(received) + 1
    history.cloud.events.insert(place, replace(received, operation="second"))


def work_forgets_what_is_pending(history: History, rng: random.Random) -> None:
    event = rng.choice([one for one in history.cloud.events if one.type == "working"])
    change(history, event, pending="")


def it_is_refused_although_it_is_there(history: History, rng: random.Random) -> None:
    final = end_of(history, rng, "start", "stop", "restart")
    agent_of(history).refused.append(Refusal("start", final.instance, "transition_invalid", final.at))


MUTATIONS: tuple[tuple[str, Mutation], ...] = (
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
    ("server stale", a_server_that_stays_for_a_while_is_not_noticed),
    ("operation refused", it_is_refused_although_it_is_there),
)
