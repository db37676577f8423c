"""The kinds of provider, and how each is built."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from opsroom_agent.context import ProviderContext, ProviderFactory
from opsroom_agent.provider import Provider
from opsroom_agent.providers.docker.provider import docker_provider
from opsroom_agent.providers.exec.opening import exec_provider
from opsroom_agent.providers.hetzner.provider import hetzner_provider
from opsroom_agent.providers.simulated.provider import simulated_provider
from opsroom_agent.settings import ProviderKind
from opsroom_runtime.errors import SettingsError


def _simulated(context: ProviderContext) -> AbstractAsyncContextManager[Provider]:
    settings = context.settings
    return simulated_provider(settings, settings.state_dir, portal=settings.portal, check=context.check)


FACTORIES: Mapping[ProviderKind, ProviderFactory] = {
    ProviderKind.DOCKER: docker_provider,
    ProviderKind.EXEC: exec_provider,
    ProviderKind.HETZNER: hetzner_provider,
    ProviderKind.SIMULATED: _simulated,
}
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
