"""The cloud service as a process runs it."""

from collections.abc import Mapping

from opsroom_cloud.providers.provider import SimulatedProvider
from opsroom_cloud.service import cloud_service
from opsroom_cloud.settings import CloudSettings
from opsroom_messaging.program import Program


def cloud_program(environ: Mapping[str, str]) -> Program:
    """The service with the settings in ``environ``.

    Raises:
        SettingsError: an invalid setting.
    """
    settings = CloudSettings.from_environment(environ)
    settings.policy()  # a mistake in it ends the start at once, not only when the broker is there
    return Program(
        "cloud",
        settings,
        lambda broker: cloud_service(broker, settings, SimulatedProvider(settings.failure_rate)),
    )
