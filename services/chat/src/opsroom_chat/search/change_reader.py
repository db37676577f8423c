"""What stored events change in the search index."""

from opsroom_chat.search.search_file import Document, Gone
from opsroom_chat.search.terms import Stems, author_key, content_of
from opsroom_contracts.chat.events import CHAT_EVENT, MessageRemoved, message_of
from opsroom_contracts.serialization.codec import ContractError
from opsroom_messaging.jetstream.stream_reader import StreamMessage


def change_of(stored: StreamMessage, stems: Stems, *, is_public: bool) -> Document | Gone | None:
    """Return what an event changes in the index; None: nothing, or it fits no contract.

    ``is_public``: whether everybody may read its room.
    """
    try:
        event = CHAT_EVENT.read(stored.data)
    except ContractError:
        return None  # the history counts and logs it
    if isinstance(event, MessageRemoved):
        return Gone(event.message_seq)
    message = message_of(event, stored.seq)
    if message is None:
        return None
    return Document(
        place=message.seq,
        seq=stored.seq,
        room=message.room,
        is_public=is_public,
        author=(message.user.id, author_key(message.user.name)),
        sent=message.timestamp,
        words=content_of(message, stems),
    )
