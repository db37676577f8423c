"""Settings of the gateway, read from its environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field

from opsroom_contracts.identity import Mode, Role
from opsroom_gateway.domain.networks import LOOPBACK, in_networks, parse_networks
from opsroom_gateway.domain.token_bucket import Rate
from opsroom_gateway.domain.web_addresses import ANY_ORIGIN, parse_issuer, parse_origin
from opsroom_gateway.middleware.trusted_proxies import TrustedProxies, parse_proxies, validate_proxy
from opsroom_messaging.runtime.admin_server import AdminSettings
from opsroom_messaging.runtime.settings import ListeningHost, SettingsError


def _network(text: str) -> str:
    parse_networks((text,))
    return text


def _issuer(text: str | None) -> str | None:
    return parse_issuer(text) if text else None


def _role_word(text: str) -> str:
    word, _, role = text.rpartition("=")
    if not word or role not in set(Role):
        raise ValueError(f"must be word=role, the role one of {', '.join(Role)}")
    return text


RoleWord = Annotated[str, AfterValidator(_role_word)]
Addresses = tuple[Annotated[str, AfterValidator(_network)], ...]
"""Addresses and networks."""
Trusted = tuple[Annotated[str, AfterValidator(validate_proxy)], ...]
"""Addresses, networks and names of hosts."""
OriginsSetting = tuple[Annotated[str, AfterValidator(parse_origin)], ...]
"""Origins as browsers send them, or ``*``."""
Count = Annotated[int, Field(ge=0)]
PerSecond = Annotated[float, Field(ge=0, le=1_000_000)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class LimitSettings(AdminSettings):
    """How much may be asked of a gateway. Sizes in bytes, times in seconds; 0 means no limit of a number."""

    prefix: ClassVar[str] = "GATEWAY_"

    trusted_proxies: Trusted = ()
    """Proxies that say for whom they ask: addresses, networks and names of hosts."""
    exempt_addresses: Addresses = LOOPBACK
    """Clients without limits of rates and numbers; sizes and times hold for everybody."""
    body_bytes: Annotated[int, Field(ge=1024, le=1024 * 1024)] = 64 * 1024
    body_seconds: Seconds = 20.0
    json_depth: Annotated[int, Field(ge=4, le=100)] = 32
    header_bytes: Annotated[int, Field(ge=1024, le=1024 * 1024)] = 32 * 1024
    header_seconds: Seconds = 10.0
    """How long a connection may take to say what it wants, a handshake included."""
    connections_per_address: Count = 256
    registrations_per_minute: Count = 30
    """From one address."""
    messages_per_second: PerSecond = 10.0
    """Of one person, in the long run."""
    messages_burst: Annotated[int, Field(ge=1)] = 50
    commands_per_second: PerSecond = 5.0
    commands_burst: Annotated[int, Field(ge=1)] = 50
    pending_operations: Count = 100
    """Of one person at once."""
    course_idle_seconds: Count = 3600
    """How long a socket of the course contract may be nobody's and silent."""

    def proxies(self) -> TrustedProxies:
        """The proxies that are believed."""
        return parse_proxies(self.trusted_proxies)

    def registrations(self) -> Rate:
        """How fast one address may register names."""
        return Rate(self.registrations_per_minute / 60, self.registrations_per_minute)

    def messages(self) -> Rate:
        """How fast one person may speak."""
        return Rate(self.messages_per_second, self.messages_burst)

    def commands(self) -> Rate:
        """How fast one person may command servers."""
        return Rate(self.commands_per_second, self.commands_burst)


class AccessSettings(LimitSettings):
    """Who is let in, and to what."""

    host: ListeningHost = "127.0.0.1"
    access: Mode | None = None
    """How people are told apart; left out: ``open``, as long as nobody but this machine can connect."""
    guests: bool | None = None
    """Whether anybody may register a name; left out: in ``open`` and ``token`` mode."""
    tokens: tuple[str, ...] = ()
    """Tokens given out, each as ``<name> <role> sha256:<digest>``."""
    tokens_file: Path | None = None
    """More of them, one a line; read again when it changes."""
    course: bool | None = None
    """Whether the course contract is served; left out: in ``open`` mode only."""
    allowed_origins: OriginsSetting | None = None
    """Origins whose pages may call, besides the gateway's own; ``*``: any. Left out: any in ``open`` mode."""
    oidc_issuer: Annotated[str | None, AfterValidator(_issuer)] = None
    """Address of the issuer, exactly as it calls itself."""
    oidc_client_id: str | None = None
    oidc_audience: str | None = None
    """For whom tokens must be made; left out: for the client."""
    oidc_scope: str = "openid profile"
    oidc_roles_claim: str = "roles"
    """Where roles are in the claims; dots lead inside."""
    oidc_roles: tuple[RoleWord, ...] = ()
    """What the claim's words mean, each as ``word=role``; left out: they are the roles' own names."""
    oidc_least_role: Role | None = Role.MEMBER
    """What everybody is who signed in."""
    oidc_skew_seconds: Annotated[float, Field(ge=0, le=600)] = 60.0
    """By how much the issuer's clock may differ from ours."""
    oidc_session_hours: Annotated[float, Field(gt=0, le=720)] = 12.0
    """How long what was granted by signing in lasts."""
    open_moderation: bool = False
    """Whether requests from the machine itself may moderate in ``open`` mode without an admin's token."""
    tls_cert: Path | None = None
    tls_key: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """As all settings, and held against each other before anything is begun."""
        settings = super().from_environment(environ)
        settings.mode()
        settings.origins()
        settings.tls()
        return settings

    def mode(self) -> Mode:
        """How people are told apart.

        Raises:
            SettingsError: it was not said and others can connect, or it lacks what it needs.
        """
        local = self.host == "localhost" or in_networks(self.host, parse_networks(LOOPBACK))
        if self.access is None and not local:
            raise SettingsError(
                f"GATEWAY_ACCESS must be said to listen on {self.host}, where others can connect:"
                " token, oidc, or open (anybody may chat and command servers)"
            )
        if self.access is Mode.TOKEN and not self.tokens and self.tokens_file is None:
            raise SettingsError("GATEWAY_ACCESS=token needs GATEWAY_TOKENS_FILE or GATEWAY_TOKENS")
        if self.access is Mode.OIDC and not (self.oidc_issuer and self.oidc_client_id):
            raise SettingsError("GATEWAY_ACCESS=oidc needs GATEWAY_OIDC_ISSUER and GATEWAY_OIDC_CLIENT_ID")
        return self.access or Mode.OPEN

    def guests_welcome(self) -> bool:
        """Whether anybody may register a name and chat."""
        return self.mode() is not Mode.OIDC if self.guests is None else self.guests

    def serves_course(self) -> bool:
        """Whether the course contract is served."""
        return self.mode() is Mode.OPEN if self.course is None else self.course

    def origins(self) -> tuple[str, ...]:
        """Origins whose pages may call, besides the gateway's own.

        Raises:
            SettingsError: any, where people have rights that a page could use.
        """
        if not self.allowed_origins:
            return (ANY_ORIGIN,) if self.mode() is Mode.OPEN else ()
        if ANY_ORIGIN in self.allowed_origins and self.mode() is not Mode.OPEN:
            raise SettingsError(
                f"GATEWAY_ALLOWED_ORIGINS: '*' is for open mode; with GATEWAY_ACCESS={self.mode()} name them"
            )
        return tuple(dict.fromkeys(self.allowed_origins))

    def tls(self) -> tuple[Path, Path] | None:
        """The files of the certificate and its key; None: no TLS here.

        Raises:
            SettingsError: one without the other, or one that can't be read.
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
    """Environment: the name of each field in capitals, with ``GATEWAY_`` before it. Times in seconds."""

    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    shared_port: bool = False
    """Listen beside other gateways of this machine (Linux): the system spreads connections over them."""
    course_cloud_envelope: bool = False
    """Answer the course dashboard's list as ``{"data": [...]}``, as the old server did."""
    course_binding_seconds: Annotated[float, Field(ge=1, le=600)] = 30.0
    """How long a course registration waits for the socket that belongs to it."""
    outbox_bytes: Annotated[int, Field(ge=262_144)] = 1024 * 1024
    """How much may wait for one reader before it is closed as too slow."""
    deflate: bool = False
    """Whether frames to many are compressed for clients that offer it (permessage-deflate)."""
    ring_messages: Annotated[int, Field(ge=1, le=1_000_000)] = 4096
    """How many of the newest messages the process remembers for those who come back."""
    replay_limit: Annotated[int, Field(ge=1)] = 10_000
    """The most missed messages a reader is told one by one; past it, ``reset``."""
    ping_seconds: Annotated[float, Field(gt=0, le=60)] = 15.0
    """How often sockets are pinged, and how long an answer may take."""
    heartbeat_seconds: Annotated[float, Field(gt=0, le=60)] = 15.0
    """How often an SSE stream says that it lives."""
    connections: Count = 20_000
    """The most connections of the process; past it 503. 0: no limit."""
    joining: Count = 2_000
    """The most sockets and streams that may be opening at once; past it 503. 0: no limit."""
    drain_seconds: Annotated[float, Field(ge=0, le=60)] = 3.0
    """Over how long a stop sends people away, and over how long they are asked to come back."""
    hello_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    """How long a new socket may take to say hello."""
    patience_seconds: Annotated[float, Field(gt=0, le=120)] = 15.0
    """How long a service that does not answer is asked again before the client is told."""
    frontend: str | None = None
    """Folder of the built page, served at ``/``; none: no page."""
