"""Which commands bots offer, by what they say about themselves. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field, ValidationError

from opsroom_contracts.identity import Role
from opsroom_contracts.incidents.bot_commands import (
    BOT_COMMANDS_MAX,
    BOT_INFO_MAX_BYTES,
    BOTS_MAX,
    RESERVED_BOT_NAMES,
    BotCommand,
    BotName,
    bot_subject,
)
from opsroom_contracts.incidents.grammar import spec_of
from opsroom_contracts.serialization.codec import ContractError, contract_of, decode_lenient
from opsroom_contracts.serialization.model import Model

_ROLES: Final = {role.value: role for role in Role}
_TEXT_MAX: Final = 256

_Text = Annotated[str, Field(max_length=_TEXT_MAX)]


class EndpointInfo(Model):
    """What a service says about one endpoint; the metadata of a command has the fields of the command."""

    name: _Text
    subject: _Text
    metadata: Annotated[dict[_Text, _Text], Field(max_length=32)] | None = None


class BotInfo(Model):
    """What a service says about itself: the reply to ``$SRV.INFO``, of which only this is read."""

    name: BotName
    endpoints: Annotated[tuple[EndpointInfo, ...], Field(max_length=2 * BOT_COMMANDS_MAX)] = ()


class ServiceIdentity(Model):
    """The name of a service, in the reply to a question that is put to all."""

    name: _Text


_INFO: Final = contract_of(BotInfo)
_NAMED: Final = contract_of(ServiceIdentity)


@dataclass(frozen=True, slots=True)
class Catalog:
    """The commands of all bots, and why some descriptions are not among them."""

    commands: tuple[BotCommand, ...] = ()
    problems: tuple[str, ...] = ()


def names_in(replies: Iterable[bytes]) -> tuple[str, ...]:
    """Return the names of the bots that have replied, sorted; at most :data:`BOTS_MAX`.

    A reply that names no bot is passed over: any service may run here.
    """
    found = set[str]()
    for reply in replies:
        try:
            name = decode_lenient(_NAMED, reply, BOT_INFO_MAX_BYTES).name
        except ContractError:
            continue
        if is_bot_name(name):
            found.add(name)
    return tuple(sorted(found)[:BOTS_MAX])


def is_bot_name(name: str) -> bool:
    """Return whether a bot can have this name."""
    try:
        BotInfo(name=name)
    except ValueError:
        return False
    return name not in RESERVED_BOT_NAMES


def catalog(described: Iterable[tuple[str, bytes]]) -> Catalog:
    """Return the commands in the descriptions of bots, by name.

    ``described``: the name of each bot, and what it says about itself. Of two bots with a command of one
    name, the one whose name comes first in the alphabet has it, so that all processes agree.
    """
    found = dict[str, BotCommand]()
    problems = list[str]()
    for bot, description in sorted(described):
        try:
            info = decode_lenient(_INFO, description, BOT_INFO_MAX_BYTES)
        except ContractError as error:
            problems.append(f"the description of the bot {bot} is malformed: {error}"[:300])
            continue
        if info.name != bot:
            problems.append(f"the bot {bot} describes another service")
            continue
        for endpoint in sorted(info.endpoints, key=lambda one: one.name):
            problem = _add(found, bot, endpoint)
            if problem is not None:
                problems.append(f"the bot {bot} can't offer {endpoint.name[:40]!r}: {problem}"[:300])
    return Catalog(tuple(found[name] for name in sorted(found)), tuple(problems))


def _add(found: dict[str, BotCommand], bot: str, endpoint: EndpointInfo) -> str | None:
    """Add the command of an endpoint; return why it can't be."""
    metadata = endpoint.metadata or {}
    if "command" not in metadata:
        return None  # an endpoint for others
    try:
        command = _command(bot, metadata)
    except ValueError as error:
        return _reason(error)
    problem = _conflict(found, command, endpoint.subject)
    if problem is None:
        found[command.name] = command
    return problem


def _command(bot: str, metadata: Mapping[str, str]) -> BotCommand:
    role = _ROLES.get(metadata.get("role", Role.OPERATOR.value))
    if role is None:
        raise ValueError(f"role: must be one of {', '.join(_ROLES)}")
    return BotCommand(
        name=metadata["command"],
        bot=bot,
        help=metadata.get("help", ""),
        arguments=metadata.get("arguments", ""),
        role=role,
    )


def _conflict(found: Mapping[str, BotCommand], command: BotCommand, subject: str) -> str | None:
    name, wanted = command.name, bot_subject(command.bot, command.name)
    if spec_of(name) is not None:
        return f"/{name} is a command of the portal"
    if subject != wanted:
        return f"its subject must be {wanted}"
    if name in found:
        return f"/{name} is a command of the bot {found[name].bot}"
    return f"there are {BOT_COMMANDS_MAX} commands already" if len(found) >= BOT_COMMANDS_MAX else None


def _reason(error: ValueError) -> str:
    """Return one line about what a field must be."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)
