"""Access as the settings ask for it."""

from datetime import UTC, datetime

from opsroom_gateway.identity.given_tokens import GivenTokens, GivenTokensError, read_tokens
from opsroom_gateway.identity.principals import Access
from opsroom_gateway.settings import AccessSettings
from opsroom_messaging.requests import Requester
from opsroom_messaging.settings import SettingsError


def given_tokens(settings: AccessSettings) -> GivenTokens:
    """The tokens given out, read once.

    Raises:
        SettingsError: they can't be read or used.
    """
    try:
        fixed = read_tokens(settings.tokens)
    except GivenTokensError as error:
        raise SettingsError(f"GATEWAY_TOKENS: {error}") from None
    tokens = GivenTokens(fixed, settings.tokens_file)
    try:
        tokens.load()
    except GivenTokensError as error:
        raise SettingsError(f"GATEWAY_TOKENS_FILE: {error}") from error
    return tokens


def access(settings: AccessSettings, requester: Requester) -> Access:
    """Who decides on rights in this process.

    Raises:
        SettingsError: the settings lack something, or contradict each other.
    """
    return Access(
        requester,
        given_tokens(settings),
        None,
        mode=settings.mode(),
        guests=settings.guests_welcome(),
        clock=lambda: datetime.now(UTC),
    )
