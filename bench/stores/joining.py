"""Joining the room of any server by the name of its protocol."""

from collections.abc import Callable

from bench.clients.chat_reader import ChatReader, open_socket
from bench.stores.centrifugo import open_centrifugo
from bench.stores.matrix import open_matrix
from bench.stores.xmpp import open_xmpp


async def open_reader(
    port: int, protocol: str, number: int, on_payload: Callable[[bytes], None]
) -> ChatReader:
    """Join as reader ``number``. What says that it has joined may arrive later.

    Raises:
        OSError, TimeoutError: the server refused, or did not reply.
    """
    match protocol:
        case "xmpp":
            return await open_xmpp(port, number, on_payload)
        case "matrix":
            return await open_matrix(port, number, on_payload)
        case "centrifugo":
            return await open_centrifugo(port, on_payload)
        case _:
            return await open_socket(port, protocol, number, on_payload)
