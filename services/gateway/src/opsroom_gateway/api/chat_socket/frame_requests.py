"""Sending the acknowledged frames of a chat socket to their endpoints, in their order."""

from collections.abc import Sequence
from itertools import groupby

from opsroom_contracts import endpoints
from opsroom_contracts.chat.frames import AcknowledgedFrame
from opsroom_contracts.chat.models import SendRequest
from opsroom_contracts.errors import RETRYABLE, FaultError
from opsroom_contracts.identity import Identity
from opsroom_contracts.serialization.model import copy_fields
from opsroom_gateway.api.chat_socket.replies import Replies
from opsroom_gateway.chat.commands import ChatCommands, Speaker
from opsroom_gateway.chat.ordered_sends import OrderedSends, Sent
from opsroom_gateway.middleware.client_address import Client
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_messaging.client.request_client import RequestClient


class FrameRequests:
    """Sends the frames of all sockets. New messages that arrived together are one request."""

    def __init__(self, requester: RequestClient, limits: Limits, commands: ChatCommands) -> None:
        self._requester = requester
        self._sends = OrderedSends(requester)
        self._limits = limits
        self._commands = commands

    def admits(self, frame: AcknowledgedFrame, client: Client, identity: Identity, replies: Replies) -> bool:
        """Count a frame. If there were too many, refuse it and return False."""
        try:
            self._limits.count_message(client, identity)
        except FaultError as error:
            replies.fault(error, frame.client_id)
            return False
        return True

    async def send(
        self, frames: Sequence[AcknowledgedFrame], user_id: str, speaker: Speaker, replies: Replies
    ) -> None:
        """Send ``frames`` of one socket as requests of its user; reply to each.

        After one that can't be carried out now, those behind it are refused, too: the client will send all
        of them again.
        """
        stopped: FaultError | None = None
        for endpoint, group in groupby(frames, lambda frame: endpoints.FRAME_ENDPOINTS[type(frame)]):
            batch = list(group)
            if stopped is not None:
                sent: list[Sent] = [stopped] * len(batch)
            elif endpoint is endpoints.SEND:
                requests = [copy_fields(frame, SendRequest, user_id=user_id) for frame in batch]
                sent = await self._send_messages(requests, speaker)
            else:
                sent = [await self._request(frame, user_id) for frame in batch]
            replies.answer([frame.client_id for frame in batch], sent)
            last = sent[-1]
            if isinstance(last, FaultError) and last.fault.code in RETRYABLE:
                stopped = last

    async def _send_messages(self, requests: Sequence[SendRequest], speaker: Speaker) -> list[Sent]:
        """Send new messages; return the outcome of each. What is no valid command is not sent."""
        faults: dict[int, FaultError] = {}
        read: list[SendRequest] = []
        for place, request in enumerate(requests):
            try:
                read.append(await self._commands.read(request, speaker))
            except FaultError as error:
                faults[place] = error
                if error.fault.code in RETRYABLE:
                    faults |= dict.fromkeys(range(place, len(requests)), error)
                    break
        outcomes = iter(await self._sends.send(read) if read else ())
        return [faults[place] if place in faults else next(outcomes) for place in range(len(requests))]

    async def _request(self, frame: AcknowledgedFrame, user_id: str) -> Sent:
        endpoint = endpoints.FRAME_ENDPOINTS[type(frame)]
        try:
            return await self._requester.request(
                endpoint, copy_fields(frame, endpoint.request, user_id=user_id)
            )
        except FaultError as error:
            return error
