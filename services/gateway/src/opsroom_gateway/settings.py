"""Settings of the gateway, read from its environment."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field

from opsroom_contracts.identity import Mode, Role
from opsroom_gateway.domain.networks import LOOPBACK, in_networks, parse_networks
from opsroom_gateway.domain.web_addresses import ANY_ORIGIN, parse_issuer, parse_origin
from opsroom_gateway.files.limits import UploadLimits
from opsroom_gateway.middleware.trusted_proxies import TrustedProxies, parse_proxies, validate_proxy
from opsroom_gateway.transport.input_budget import InputRate
from opsroom_messaging.files.settings import S3Settings
from opsroom_messaging.settings import ServiceSettings
from opsroom_runtime.errors import SettingsError
from opsroom_runtime.settings import ListeningHost
from opsroom_runtime.token_bucket import Rate


def _network(text: str) -> str:
    parse_networks((text,))
    return text


def _issuer(text: str | None) -> str | None:
    return parse_issuer(text) if text else None


def _root_path(text: str) -> str:
    path = text.rstrip("/")
    if not _ROOT_PATH.fullmatch(path):
        raise ValueError("must be a path such as /opsroom, of letters, digits, '-', '_', '.' and '~'")
    return path


def _role_mapping(text: str) -> str:
    value, _, role = text.rpartition("=")
    if not value or role not in set(Role):
        raise ValueError(f"must be value=role, the role one of {', '.join(Role)}")
    return text


RoleMapping = Annotated[str, AfterValidator(_role_mapping)]
Addresses = tuple[Annotated[str, AfterValidator(_network)], ...]
"""Addresses and networks."""
Trusted = tuple[Annotated[str, AfterValidator(validate_proxy)], ...]
"""Addresses, networks and names of presets."""
OriginsSetting = tuple[Annotated[str, AfterValidator(parse_origin)], ...]
"""Origins as browsers send them, or ``*``."""
Count = Annotated[int, Field(ge=0)]
PerSecond = Annotated[float, Field(ge=0, le=1_000_000)]
_ROOT_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*", re.ASCII)
Seconds = Annotated[float, Field(gt=0, le=3600)]


class LimitSettings(ServiceSettings, S3Settings):
    """Limits of a gateway. Sizes in bytes, times in seconds; a number of 0 means no limit."""

    prefix: ClassVar[str] = "GATEWAY_"

    trusted_proxies: Trusted = ()
    """Proxies whose forwarded client addresses are trusted: addresses, networks and names of presets."""
    exempt_addresses: Addresses = LOOPBACK
    """Clients without limits of rates and numbers. Limits of sizes and times apply to everybody."""
    body_bytes: Annotated[int, Field(ge=1024, le=1024 * 1024)] = 64 * 1024
    body_seconds: Seconds = 20.0
    json_depth: Annotated[int, Field(ge=4, le=100)] = 32
    header_bytes: Annotated[int, Field(ge=1024, le=1024 * 1024)] = 32 * 1024
    header_seconds: Seconds = 10.0
    """How long a connection may take to send its request headers, including the TLS handshake."""
    connections_per_address: Count = 256
    input_share: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Share of the event loop's time that the input of an address may take on average; 0: no limit."""
    input_burst_seconds: Annotated[float, Field(gt=0, le=10)] = 0.25
    """How much of the event loop's time the input of an address may take at once."""
    registrations_per_minute: Count = 30
    """Per address."""
    joins_per_second: PerSecond = 10.0
    """Sockets that join the chat, per address, on average."""
    joins_burst: Annotated[int, Field(ge=1)] = 512
    messages_per_second: PerSecond = 10.0
    """Per user, on average."""
    messages_burst: Annotated[int, Field(ge=1)] = 50
    upload_mib_per_minute: Count = 60
    """How much a user may upload, in MiB, on average."""
    upload_mib_burst: Annotated[int, Field(ge=1)] = 300
    file_bytes: Annotated[int, Field(ge=1024, le=1024**3)] = 10 * 1024**2
    """The size of a file."""
    file_seconds: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    """How long the upload of a file may take. Of that, nothing may be received for ``body_seconds``."""
    commands_per_second: PerSecond = 5.0
    commands_burst: Annotated[int, Field(ge=1)] = 50
    bot_messages_per_second: PerSecond = 5.0
    """Per bot, on average."""
    bot_messages_burst: Annotated[int, Field(ge=1)] = 50
    bot_commands_per_second: PerSecond = 1.0
    bot_commands_burst: Annotated[int, Field(ge=1)] = 20
    searches_per_second: PerSecond = 5.0
    """Per user, on average. The page searches while its user types."""
    searches_burst: Annotated[int, Field(ge=1)] = 50
    hooks_per_second: PerSecond = 20.0
    """Per hook, on average."""
    hooks_burst: Annotated[int, Field(ge=1)] = 200
    hook_senders_per_second: PerSecond = 20.0
    """Requests to hooks per address, on average, whether there is such a hook or not."""
    hook_senders_burst: Annotated[int, Field(ge=1)] = 400
    pending_operations: Count = 100
    """Per user, at once."""

    def proxies(self) -> TrustedProxies:
        """The trusted proxies."""
        return parse_proxies(self.trusted_proxies)

    def input(self) -> InputRate:
        """The share of the event loop's time that the input of an address may take."""
        return InputRate(self.input_share, self.input_burst_seconds)

    def registrations(self) -> Rate:
        """The rate of registrations per address."""
        return Rate(self.registrations_per_minute / 60, self.registrations_per_minute)

    def joins(self) -> Rate:
        """The rate of sockets that join the chat, per address."""
        return Rate(self.joins_per_second, self.joins_burst)

    def messages(self) -> Rate:
        """The rate of messages per user."""
        return Rate(self.messages_per_second, self.messages_burst)

    def uploads(self) -> Rate:
        """The rate of uploaded MiB per user."""
        return Rate(self.upload_mib_per_minute / 60, self.upload_mib_burst)

    def upload_limits(self) -> UploadLimits:
        """The limits of one upload."""
        return UploadLimits(self.file_bytes, self.body_seconds, self.file_seconds)

    def commands(self) -> Rate:
        """The rate of commands per user."""
        return Rate(self.commands_per_second, self.commands_burst)

    def hooks(self) -> Rate:
        """The rate of requests per hook."""
        return Rate(self.hooks_per_second, self.hooks_burst)

    def hook_senders(self) -> Rate:
        """The rate of requests to hooks per address."""
        return Rate(self.hook_senders_per_second, self.hook_senders_burst)

    def searches(self) -> Rate:
        """The rate of searches per user."""
        return Rate(self.searches_per_second, self.searches_burst)

    def bot_messages(self) -> Rate:
        """The rate of messages per bot."""
        return Rate(self.bot_messages_per_second, self.bot_messages_burst)

    def bot_commands(self) -> Rate:
        """The rate of commands per bot."""
        return Rate(self.bot_commands_per_second, self.bot_commands_burst)


class AccessSettings(LimitSettings):
    """Settings of authentication and authorization."""

    host: ListeningHost = "127.0.0.1"
    access: Mode | None = None
    """How users are authenticated. Default: ``open``, if only this machine can connect."""
    guests: bool | None = None
    """Whether anybody may register a name. Default: in ``open`` and ``token`` mode."""
    tokens: tuple[str, ...] = ()
    """Static tokens, each as ``<name> <role> sha256:<digest>``."""
    tokens_file: Path | None = None
    """A file with more of them, one per line; it is reread when it changes."""
    allowed_origins: OriginsSetting | None = None
    """Other origins whose pages may call the gateway; ``*``: any. Default: any in ``open`` mode."""
    oidc_issuer: Annotated[str | None, AfterValidator(_issuer)] = None
    """The provider's issuer URL, exactly as in its metadata."""
    oidc_client_id: str | None = None
    oidc_audience: str | None = None
    """The required audience of tokens. Default: the client id."""
    oidc_scope: str = "openid profile"
    oidc_roles_claim: str = "roles"
    """The claim with the roles; a dotted path reaches nested claims."""
    oidc_roles: tuple[RoleMapping, ...] = ()
    """The role of each value of the claim, as ``value=role``. Default: the roles' own names."""
    oidc_least_role: Role | None = Role.MEMBER
    """The role of everybody who has signed in."""
    oidc_skew_seconds: Annotated[float, Field(ge=0, le=600)] = 60.0
    """Tolerated difference between the provider's clock and ours."""
    oidc_session_hours: Annotated[float, Field(gt=0, le=720)] = 12.0
    """How long a grant from signing in lasts."""
    open_moderation: bool = False
    """Whether clients on this machine are admins in ``open`` mode. Not behind a proxy on this machine."""
    open_commands: bool = False
    """Whether clients without a name may command instances in ``open`` mode, as in earlier releases."""
    tls_cert: Path | None = None
    tls_key: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """As for all settings, with checks that settings don't contradict each other."""
        settings = super().from_environment(environ)
        settings.mode()
        settings.origins()
        settings.tls()
        return settings

    def mode(self) -> Mode:
        """How users are authenticated.

        Raises:
            SettingsError: it is not set although others can connect, or settings that it needs are missing.
        """
        local = self.host == "localhost" or in_networks(self.host, parse_networks(LOOPBACK))
        if self.access is None and not local:
            raise SettingsError(
                f"GATEWAY_ACCESS must be set to listen on {self.host}, where others can connect:"
                " token, oidc, or open (anybody may chat and command servers)"
            )
        if self.access is Mode.TOKEN and not self.tokens and self.tokens_file is None:
            raise SettingsError(
                "GATEWAY_ACCESS=token needs GATEWAY_TOKENS_FILE or GATEWAY_TOKENS;"
                " to make a token: python -m opsroom_gateway.auth.static_tokens NAME ROLE >> FILE"
            )
        if self.access is Mode.OIDC and not (self.oidc_issuer and self.oidc_client_id):
            raise SettingsError("GATEWAY_ACCESS=oidc needs GATEWAY_OIDC_ISSUER and GATEWAY_OIDC_CLIENT_ID")
        return self.access or Mode.OPEN

    def guests_welcome(self) -> bool:
        """Whether anybody may register a name and chat."""
        return self.mode() is not Mode.OIDC if self.guests is None else self.guests

    def origins(self) -> tuple[str, ...]:
        """Other origins than the gateway's own whose pages may call.

        Raises:
            SettingsError: any origin, although users have permissions that a page could use.
        """
        if not self.allowed_origins:
            return (ANY_ORIGIN,) if self.mode() is Mode.OPEN else ()
        if ANY_ORIGIN in self.allowed_origins and self.mode() is not Mode.OPEN:
            raise SettingsError(
                f"GATEWAY_ALLOWED_ORIGINS: '*' is for open mode; with GATEWAY_ACCESS={self.mode()} name them"
            )
        return tuple(dict.fromkeys(self.allowed_origins))

    def tls(self) -> tuple[Path, Path] | None:
        """The files of the certificate and its key; None: no TLS.

        Raises:
            SettingsError: one is missing, or one can't be read.
        """
        if self.tls_cert is None and self.tls_key is None:
            return None
        if self.tls_cert is None or self.tls_key is None:
            raise SettingsError("GATEWAY_TLS_CERT and GATEWAY_TLS_KEY go together")
        for variable, path in (("GATEWAY_TLS_CERT", self.tls_cert), ("GATEWAY_TLS_KEY", self.tls_key)):
            try:
                path.open("rb").close()
            except OSError as error:
                raise SettingsError(f"{variable}={str(path)!r}: {error.strerror}") from error
        return self.tls_cert, self.tls_key


class GatewaySettings(AccessSettings):
    """Environment: the name of each field in capitals, with the prefix ``GATEWAY_``. Times in seconds."""

    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    shared_port: bool = False
    """Share the port with other gateways of this machine (Linux): the kernel distributes connections."""
    outbox_bytes: Annotated[int, Field(ge=262_144)] = 1024 * 1024
    """Send buffer per reader; a reader whose buffer is full is closed as too slow."""
    deflate: bool = False
    """Whether broadcasts are compressed for clients that offer it (permessage-deflate)."""
    ring_messages: Annotated[int, Field(ge=1, le=1_000_000)] = 4096
    """How many of the newest messages are buffered for reconnecting clients."""
    replay_limit: Annotated[int, Field(ge=1)] = 10_000
    """The most missed messages that are replayed; beyond it the client gets ``reset``."""
    ping_seconds: Annotated[float, Field(gt=0, le=60)] = 15.0
    """Interval of WebSocket pings, and the timeout of each."""
    heartbeat_seconds: Annotated[float, Field(gt=0, le=60)] = 15.0
    """Interval of heartbeats on SSE streams."""
    connections: Count = 20_000
    """Limit of connections of the process; above it 503. 0: no limit."""
    joining: Count = 2_000
    """Limit of WebSocket and stream handshakes in progress; above it 503. 0: no limit."""
    drain_seconds: Annotated[float, Field(ge=0, le=60)] = 3.0
    """Over how long a stopping gateway spreads closing its connections and their reconnects."""
    hello_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Timeout of a new socket's hello."""
    patience_seconds: Annotated[float, Field(gt=0, le=120)] = 15.0
    """Timeout of requests to services, including retries."""
    root_path: Annotated[str, AfterValidator(_root_path)] = ""
    """The path below which a proxy publishes the gateway, such as ``/opsroom``."""
    frontend: str | None = None
    """Folder of the built page, served at ``/``. None: no page."""
