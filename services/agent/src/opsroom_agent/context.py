"""What a provider is built from."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from opsroom_agent.provider import Provider
from opsroom_agent.settings import AgentSettings


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """The settings, and the check of the lease.

    ``check``: raises a :class:`opsroom_contracts.errors.FaultError` if this process may not act for the
    provider at this moment. A provider calls it before each step that changes something.
    """

    settings: AgentSettings
    check: Callable[[], None]


ProviderFactory = Callable[[ProviderContext], AbstractAsyncContextManager[Provider]]
"""Builds a provider, which is used until the context ends.

Raises :class:`opsroom_runtime.errors.SettingsError` for a setting that can't be used. Must not wait for the
provider: it may not be reachable yet.
"""
