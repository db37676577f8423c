"""Handlers of webhooks: admins make, change and remove them, and have events delivered again."""

from collections.abc import Callable, Mapping
from datetime import datetime

from opsroom_contracts import endpoints
from opsroom_contracts.chat.rooms import RoomAccessRequest
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.incidents.webhooks import (
    WEBHOOKS_MAX,
    ChangeWebhookRequest,
    CreateWebhookRequest,
    DeleteWebhookRequest,
    ReplayWebhookRequest,
    RotateWebhookRequest,
    Webhook,
    WebhookFilter,
    WebhookRecord,
    WebhookReply,
    WebhookSecretReply,
    WebhooksReply,
    WebhooksRequest,
    WebhookStart,
)
from opsroom_contracts.subjects import is_created_room
from opsroom_incidents.auditing import with_audit
from opsroom_incidents.domain import webhooks as rules
from opsroom_incidents.domain.outgoing import parse_event_id
from opsroom_incidents.webhooks.store import WebhookStore
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.audit_log import AuditWriter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_runtime.outbound.addresses import AddressRule


class WebhookHandlers:
    """Changes webhooks. A secret is returned once.

    ``streams``: readers of the streams that have events. ``on_change``: called after each change.
    """

    def __init__(
        self,
        store: WebhookStore,
        streams: Mapping[str, StreamReader],
        requester: RequestClient,
        *,
        addresses: AddressRule,
        clock: Callable[[], datetime],
        on_change: Callable[[], None],
    ) -> None:
        self._store = store
        self._streams = streams
        self._requester = requester
        self._addresses = addresses
        self._clock = clock
        self._on_change = on_change

    def register(self, service: MicroService, audit: AuditWriter) -> None:
        """Add the handlers to ``service``, with an audit entry for each change."""
        service.add(endpoints.WEBHOOKS, self.list)
        service.add(endpoints.CREATE_WEBHOOK, with_audit(audit, self.create))
        service.add(endpoints.CHANGE_WEBHOOK, with_audit(audit, self.change))
        service.add(endpoints.ROTATE_WEBHOOK, with_audit(audit, self.rotate))
        service.add(endpoints.REPLAY_WEBHOOK, with_audit(audit, self.replay))
        service.add(endpoints.DELETE_WEBHOOK, with_audit(audit, self.delete))

    async def list(self, _request: WebhooksRequest) -> WebhooksReply:
        """Return all webhooks, the oldest first.

        Raises:
            UnavailableError: the broker did not respond.
        """
        return WebhooksReply(webhooks=tuple([await self._view(one) for one in await self._store.all()]))

    async def create(self, request: CreateWebhookRequest) -> WebhookSecretReply:
        """Make a webhook. A repeated request returns the same one.

        Raises:
            FaultError: ``room_unknown``; ``invalid_request``: the address is not allowed, or there are too
                many.
            UnavailableError: the broker did not respond.
        """
        self._addresses.check(request.url)
        await self._check_rooms(request.filter, request.creator)
        known = await self._store.find(rules.id_of(request))
        if known is not None:
            webhook = known[0]
        else:
            if len(await self._store.all()) >= WEBHOOKS_MAX:
                message = f"the limit of {WEBHOOKS_MAX} webhooks is reached: remove some first"
                raise refuse(ErrorCode.INVALID_REQUEST, message)
            starts = [await self._start_now(stream) for stream in sorted(self._streams)]
            webhook = rules.new_webhook(request, tuple(starts), self._clock())
            await self._put(webhook, 0)
        return WebhookSecretReply(webhook=await self._view(webhook), secret=rules.secret_of(request))

    async def change(self, request: ChangeWebhookRequest) -> WebhookReply:
        """Change a webhook. What fails is tried again at once.

        Raises:
            FaultError: ``webhook_unknown``; as :meth:`create`.
            UnavailableError: the broker did not respond.
        """
        webhook, seq = await self._store.get(request.id)
        if request.url is not None:
            self._addresses.check(request.url)
        if request.filter is not None:
            await self._check_rooms(request.filter, webhook.creator)
        changed = rules.changed(webhook, request)
        if changed != webhook:
            changed = await self._retried(changed)
            await self._put(changed, seq)
        return WebhookReply(webhook=await self._view(changed))

    async def rotate(self, request: RotateWebhookRequest) -> WebhookSecretReply:
        """Give a webhook another secret. A repeated request returns the same one.

        Raises:
            FaultError: ``webhook_unknown``.
            UnavailableError: the broker did not respond.
        """
        webhook, seq = await self._store.get(request.id)
        rotated = rules.rotated(webhook, request, self._clock())
        if rotated is not None:
            await self._put(rotated, seq)
        return WebhookSecretReply(
            webhook=await self._view(rotated or webhook), secret=rules.secret_of(request)
        )

    async def replay(self, request: ReplayWebhookRequest) -> WebhookReply:
        """Deliver from an event on, again; or try what fails at once.

        Raises:
            FaultError: ``webhook_unknown``; ``invalid_request``: there is no such event yet.
            UnavailableError: the broker did not respond.
        """
        webhook, seq = await self._store.get(request.id)
        if request.start is None:
            moved = await self._retried(webhook)
        else:
            stream, first = parse_event_id(request.start)
            reader = self._streams.get(stream)
            if reader is None:
                streams = " or ".join(f"{name}-" for name in sorted(self._streams))
                raise refuse(ErrorCode.INVALID_REQUEST, f"start: must begin with {streams}", field="start")
            bounds = await reader.bounds()
            if first > bounds.last + 1:
                raise refuse(
                    ErrorCode.INVALID_REQUEST,
                    f"start: the last event is {stream}-{bounds.last}",
                    field="start",
                )
            moved = rules.moved(webhook, WebhookStart(stream=stream, seq=first, epoch=bounds.epoch))
        if moved != webhook:
            await self._put(moved, seq)
        return WebhookReply(webhook=await self._view(moved))

    async def delete(self, request: DeleteWebhookRequest) -> WebhookReply:
        """Remove a webhook: it gets nothing more.

        Raises:
            FaultError: ``webhook_unknown``.
            UnavailableError: the broker did not respond.
        """
        webhook, seq = await self._store.get(request.id)
        await self._put(webhook.model_copy(update={"removed": True, "secrets": ()}), seq)
        return WebhookReply(webhook=await self._view(webhook))

    async def _put(self, webhook: WebhookRecord, expected: int) -> None:
        await self._store.put(webhook, expected)
        self._on_change()

    async def _view(self, webhook: WebhookRecord) -> Webhook:
        return rules.view_of(webhook, await self._store.all_progress(webhook.id), self._clock())

    async def _start_now(self, stream: str) -> WebhookStart:
        bounds = await self._streams[stream].bounds()
        return WebhookStart(stream=stream, seq=bounds.last + 1, epoch=bounds.epoch)

    async def _retried(self, webhook: WebhookRecord) -> WebhookRecord:
        """Return the webhook with another place for each event that fails: there, and without a delay."""
        for stream, progress in (await self._store.all_progress(webhook.id)).items():
            start = rules.start_in(webhook, stream)
            if progress.failing is not None and start and start.generation == progress.generation:
                place = WebhookStart(stream=stream, seq=progress.failing.seq, epoch=progress.epoch)
                webhook = rules.moved(webhook, place)
        return webhook

    async def _check_rooms(self, wanted: WebhookFilter, creator: str | None) -> None:
        """Check that the rooms exist for who chooses them.

        Raises:
            FaultError: ``room_unknown``.
        """
        for room in filter(is_created_room, wanted.rooms):
            request = RoomAccessRequest(room=room, user_id=creator)
            access = await self._requester.request(endpoints.ROOM_ACCESS, request)
            if not rules.may_read(access):
                raise refuse(
                    ErrorCode.ROOM_UNKNOWN, f"there is no room {room!r} that you can see", field="rooms"
                )
