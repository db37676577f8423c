"""Rules of threads. Pure."""

from opsroom_chat.domain.changes import Readable, readable
from opsroom_contracts.chat.events import MessageState
from opsroom_contracts.errors import ErrorCode, refuse


def check_root(event: MessageState) -> Readable:
    """Check that replies may name this message: the last event of it.

    Raises:
        FaultError: ``message_unknown``: it is removed; ``invalid_request``: it is a reply itself, and threads
            have no threads.
    """
    root = readable(event)
    if root.thread is not None:
        message = f"thread: {root.id} is a reply; name the first message of its thread, {root.thread}"
        raise refuse(ErrorCode.INVALID_REQUEST, message, field="thread")
    return root
