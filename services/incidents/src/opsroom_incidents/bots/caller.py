"""Calls bots for commands, and posts what they answer."""

import logging
from collections.abc import Callable
from typing import Final

from opsroom_contracts.incidents.bot_commands import (
    BOT_ANSWER,
    BOT_ANSWER_MAX_BYTES,
    BotAnswer,
    BotCall,
    BotCaller,
    BotCard,
    bot_author,
    bot_subject,
)
from opsroom_contracts.incidents.cards import PLAIN_TEXT_MAX, Card, plain_text
from opsroom_contracts.incidents.commands import Custom
from opsroom_contracts.incidents.posts import ReplyRequest
from opsroom_contracts.serialization.codec import ContractError, decode_lenient, encode
from opsroom_contracts.text import clip
from opsroom_incidents.commands.posts import Posts, reply_key
from opsroom_incidents.commands.said import RefusalError, Said
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.raw_request import AbsentError, NoReplyError, request_raw

log = logging.getLogger(__name__)

_REASON_MAX: Final = 300
_MAYBE: Final = "It may have done it."


class BotCommands:
    """Does commands of bots: asks the bot, and posts its answer in its name.

    Whatever becomes of a command is said in the name of its bot, under one id: a command that is done again
    after a crash has one reply, even if the bot has left or come in between.
    """

    def __init__(
        self, broker: NatsConnection, posts: Posts, check_on_time: Callable[[Said], None], seconds: float
    ) -> None:
        self._broker = broker
        self._posts = posts
        self._check_on_time = check_on_time
        self._seconds = seconds

    async def run(self, command: Custom, said: Said, bot: str) -> None:
        """Call the bot and post its answer.

        Raises:
            FaultError: the room or the thread is gone.
            UnavailableError: the reply is not stored, or the broker is away; calling it again goes on.
        """
        try:
            answer = await self._ask(command, said, bot)
        except RefusalError as refusal:
            answer = BotAnswer(text=clip(str(refusal), PLAIN_TEXT_MAX))
        card = None if answer.card is None else _card(answer.card, said, bot)
        await self._posts.reply(
            ReplyRequest(
                room=said.room,
                author=bot_author(bot),
                text=(answer.text or "") if card is None else plain_text(card),
                idempotency_key=reply_key(said.message_id),
                thread=said.thread,
                card=card,
            )
        )

    async def _ask(self, command: Custom, said: Said, bot: str) -> BotAnswer:
        self._check(said, bot)
        call = BotCall(
            id=said.message_id,
            command=command.name,
            arguments=command.arguments,
            room=said.room,
            caller=BotCaller(name=said.caller.actor, identity=said.caller.identity, role=said.caller.role),
        )
        try:
            reply = await request_raw(
                self._broker, bot_subject(bot, command.name), encode(call), self._seconds
            )
        except AbsentError:
            if said.again:
                raise RefusalError(f"/{said.name}: the bot {bot} is away. {_MAYBE}") from None
            raise RefusalError(f"/{said.name} was not done: the bot {bot} is away.") from None
        except NoReplyError:
            seconds = f"{self._seconds:g} s"
            raise RefusalError(f"/{said.name}: the bot {bot} did not answer in {seconds}. {_MAYBE}") from None
        if reply.error is not None:
            raise RefusalError(f"/{said.name}: {_line(reply.error)}")
        try:
            return decode_lenient(BOT_ANSWER, reply.data, BOT_ANSWER_MAX_BYTES)
        except ContractError as error:
            reason = _line(str(error))
            log.warning("the answer of the bot %s to /%s can't be shown: %s", bot, said.name, reason)
            raise RefusalError(
                f"/{said.name}: the bot {bot} has answered, but it can't be shown: {reason}"
            ) from None

    def _check(self, said: Said, bot: str) -> None:
        """Check that there is still time for the call."""
        try:
            self._check_on_time(said)
        except RefusalError:
            if not said.again:
                raise
            late = f"/{said.name}: its time is over, and no answer of the bot {bot} was stored. {_MAYBE}"
            raise RefusalError(late) from None


def _line(text: str) -> str:
    """Return the text of an error as one line without control characters."""
    line = "".join(char if char.isprintable() else " " for char in text)
    return clip(line, _REASON_MAX) or "the bot reports an error"


def _card(card: BotCard, said: Said, bot: str) -> Card:
    """Return the card to store. Its time is that of the command, so that it is the same at each attempt."""
    return Card(
        kind=card.kind,
        source=f"bot-{bot}",
        status=card.status,
        title=card.title,
        text=card.text,
        fields=card.fields,
        actions=card.actions,
        severity=card.severity,
        link=card.link,
        changed_at=said.at,
    )
