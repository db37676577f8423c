"""The kinds of provider, and how each is built from the settings."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from opsroom_agent.provider import Provider
from opsroom_agent.providers.simulated.provider import simulated_provider
from opsroom_agent.settings import AgentSettings, ProviderKind
from opsroom_runtime.errors import SettingsError


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What a provider is built from.

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


def _simulated(context: ProviderContext) -> AbstractAsyncContextManager[Provider]:
    settings = context.settings
    return simulated_provider(settings, settings.state_dir, portal=settings.portal, check=context.check)


FACTORIES: Mapping[ProviderKind, ProviderFactory] = {ProviderKind.SIMULATED: _simulated}
"""The factory of each kind."""


def open_provider(context: ProviderContext) -> AbstractAsyncContextManager[Provider]:
    """Build the provider that the settings name.

    Raises:
        SettingsError: a setting can't be used.
    """
    factory = FACTORIES.get(context.settings.provider)
    if factory is None:
        raise SettingsError(f"AGENT_PROVIDER={context.settings.provider.value!r}: is not available")
    return factory(context)
