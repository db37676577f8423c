"""Builds the authorizer from the settings."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module

from opsroom_contracts.identity import Mode, Role
from opsroom_gateway.auth.authorization import AccessRules, Authorizer, SignOn
from opsroom_gateway.auth.static_tokens import StaticTokens, StaticTokensError, parse_tokens
from opsroom_gateway.domain.web_addresses import require_secure_url
from opsroom_gateway.presence.restriction_enforcer import RestrictionEnforcer
from opsroom_gateway.settings import AccessSettings
from opsroom_messaging.client.request_client import RequestClient
from opsroom_runtime.errors import SettingsError

log = logging.getLogger(__name__)


def static_tokens(settings: AccessSettings) -> StaticTokens:
    """Read the static tokens.

    Raises:
        SettingsError: they can't be read or used.
    """
    try:
        fixed = parse_tokens(settings.tokens)
    except StaticTokensError as error:
        raise SettingsError(f"GATEWAY_TOKENS: {error}") from None
    tokens = StaticTokens(fixed, settings.tokens_file)
    try:
        tokens.load()
    except StaticTokensError as error:
        raise SettingsError(f"GATEWAY_TOKENS_FILE: {error}") from error
    return tokens


def build_authorizer(
    settings: AccessSettings,
    requester: RequestClient,
    tokens: StaticTokens,
    enforcer: RestrictionEnforcer,
    clock: Callable[[], datetime],
) -> Authorizer:
    """Build the authorizer of this process. ``clock``: the broker's, which all processes share.

    Raises:
        SettingsError: settings are missing or contradict each other.
    """
    if settings.mode() is Mode.OPEN and settings.open_moderation:
        log.warning(
            "GATEWAY_OPEN_MODERATION: clients on this machine are admins; behind a proxy on it,"
            " all visitors are"
        )
    return Authorizer(
        requester,
        tokens,
        _sign_on(settings, clock),
        rules=AccessRules(
            settings.mode(), settings.guests_welcome(), settings.open_moderation, settings.open_commands
        ),
        enforcer=enforcer,
        clock=clock,
    )


def _sign_on(settings: AccessSettings, clock: Callable[[], datetime]) -> SignOn | None:
    if settings.mode() is not Mode.OIDC:
        return None
    # Importing cryptography takes 0.1 s, and only this mode needs it.
    oidc = import_module("opsroom_gateway.auth.oidc")
    oidc_provider = import_module("opsroom_gateway.auth.oidc_provider")
    issuer, client_id = settings.oidc_issuer or "", settings.oidc_client_id or ""
    try:
        require_secure_url(issuer)
    except ValueError:
        raise SettingsError(f"GATEWAY_OIDC_ISSUER={issuer!r}: must be https") from None
    mappings = (text.rpartition("=") for text in settings.oidc_roles)
    config = oidc.OidcConfig(
        client_id=client_id,
        audience=settings.oidc_audience or client_id,
        scope=settings.oidc_scope,
        roles_claim=settings.oidc_roles_claim,
        roles={value: Role(role) for value, _, role in mappings} or {role.value: role for role in Role},
        default_role=settings.oidc_least_role,
        skew=timedelta(seconds=settings.oidc_skew_seconds),
        session_length=timedelta(hours=settings.oidc_session_hours),
    )
    single_sign_on: SignOn = oidc.SingleSignOn(oidc_provider.OidcProvider(issuer), config, clock)
    return single_sign_on
