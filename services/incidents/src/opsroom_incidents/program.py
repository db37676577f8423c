"""The incidents service as a process runs it."""

from collections.abc import Mapping

from opsroom_incidents.service import incidents_service
from opsroom_incidents.settings import IncidentsSettings
from opsroom_messaging.program import Program


def incidents_program(environ: Mapping[str, str]) -> Program:
    """The service with the settings in ``environ``.

    Raises:
        SettingsError: an invalid setting.
    """
    settings = IncidentsSettings.from_environment(environ)
    return Program("incidents", settings, lambda broker: incidents_service(broker, settings))
