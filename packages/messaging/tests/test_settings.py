"""Settings from the environment."""

import pytest

from opsroom_chat.settings import ChatSettings
from opsroom_gateway.settings import GatewaySettings
from opsroom_messaging.runtime.settings import SettingsError


def test_what_is_not_set_keeps_its_default() -> None:
    assert ChatSettings.from_environment({}) == ChatSettings()


def test_shared_variables_have_no_prefix_and_own_ones_have() -> None:
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
def test_a_value_that_does_not_fit_is_refused_by_the_name_of_its_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        ChatSettings.from_environment({variable: value})
