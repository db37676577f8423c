"""Settings, read from the environment."""

import pytest

from opsroom_chat.settings import ChatSettings
from opsroom_gateway.settings import GatewaySettings
from opsroom_runtime.errors import SettingsError


def test_unset_variables_keep_their_defaults() -> None:
    assert ChatSettings.from_environment({}) == ChatSettings()


def test_only_shared_variables_have_no_prefix() -> None:
    settings = GatewaySettings.from_environment(
        {"NATS_URL": "nats://elsewhere:4222", "GATEWAY_PORT": "9000", "PORT": "1", "CHAT_ROOMS": "x"}
    )
    assert (settings.nats_url, settings.port) == ("nats://elsewhere:4222", 9000)


def test_lists_are_comma_separated() -> None:
    settings = GatewaySettings.from_environment(
        {"GATEWAY_ALLOWED_ORIGINS": "https://a.example, https://b.example"}
    )
    assert settings.allowed_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("CHAT_ROOMS", "general,Not A Room"), ("CHAT_TOKEN_DAYS", "soon"), ("STREAM_REPLICAS", "9")],
)
def test_an_invalid_value_is_rejected_with_its_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        ChatSettings.from_environment({variable: value})
