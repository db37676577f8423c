"""The chat service as a process runs it."""

from collections.abc import Mapping

from opsroom_chat.service import chat_service
from opsroom_chat.settings import ChatSettings
from opsroom_messaging.program import Program


def chat_program(environ: Mapping[str, str]) -> Program:
    """The service with the settings in ``environ``.

    Raises:
        SettingsError: an invalid setting.
    """
    settings = ChatSettings.from_environment(environ)
    return Program("chat", settings, lambda broker: chat_service(broker, settings))
