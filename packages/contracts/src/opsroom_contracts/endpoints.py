"""Registry of the NATS endpoints: subject, request and reply of each.

Services add handlers and clients send requests with these. NATS permissions, the AsyncAPI document and the
reference documentation are derived from them.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from opsroom_contracts import gateways, status
from opsroom_contracts.chat import (
    bots,
    files,
    frames,
    imported_files,
    imports,
    invitations,
    moderation,
    notifications,
    reads,
    rooms,
    threads,
)
from opsroom_contracts.chat import models as chat
from opsroom_contracts.cloud import requests as cloud
from opsroom_contracts.cloud import schedules
from opsroom_contracts.cloud.commands import COMMANDS, Command
from opsroom_contracts.incidents import bot_commands, hooks, incidents, on_call, posts, webhooks
from opsroom_contracts.search import models as search
from opsroom_contracts.serialization.codec import MAX_PAYLOAD_BYTES
from opsroom_contracts.serialization.model import Model
from opsroom_contracts.subjects import CHAT_SERVICE, CLOUD_SERVICE, GATEWAY_SERVICE, INCIDENTS_SERVICE

RequestT = TypeVar("RequestT", bound=Model)
ReplyT = TypeVar("ReplyT", bound=Model)


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[RequestT, ReplyT]):
    """A subject on which ``service`` replies to ``request`` with ``reply``, or with a :class:`Fault`.

    ``every_process``: every process of the service replies, not just one. ``request_max``: the maximum size
    of a request, in bytes.
    """

    service: str
    subject: str
    request: type[RequestT]
    reply: type[ReplyT]
    every_process: bool = False
    request_max: int = MAX_PAYLOAD_BYTES


REGISTER = Endpoint(CHAT_SERVICE, "chat.register", chat.RegisterRequest, chat.RegisterReply)
JOIN = Endpoint(CHAT_SERVICE, "chat.join", chat.JoinRequest, chat.JoinReply)
JOIN_BATCH = Endpoint(CHAT_SERVICE, "chat.join-batch", chat.JoinBatchRequest, chat.JoinBatchReply)
LEAVE = Endpoint(CHAT_SERVICE, "chat.leave", chat.LeaveRequest, chat.LeaveReply)
SEND = Endpoint(CHAT_SERVICE, "chat.send", chat.SendRequest, chat.SendReply)
SEND_BATCH = Endpoint(CHAT_SERVICE, "chat.send-batch", chat.SendBatchRequest, chat.SendBatchReply)
EDIT = Endpoint(CHAT_SERVICE, "chat.edit", chat.EditRequest, chat.SendReply)
DELETE = Endpoint(CHAT_SERVICE, "chat.delete", chat.DeleteRequest, chat.SendReply)
REACT = Endpoint(CHAT_SERVICE, "chat.react", chat.ReactRequest, chat.SendReply)
CARD = Endpoint(CHAT_SERVICE, "chat.card", posts.CardRequest, chat.SendReply)
"""Not for gateways: its requester writes as any bot."""
PIN = Endpoint(CHAT_SERVICE, "chat.pin", chat.PinRequest, chat.SendReply)
PINS = Endpoint(CHAT_SERVICE, "chat.pins", chat.PinsRequest, chat.PinsReply)
USERS = Endpoint(CHAT_SERVICE, "chat.users", chat.UsersRequest, chat.UserPage)
HISTORY = Endpoint(CHAT_SERVICE, "chat.history", chat.HistoryRequest, chat.HistoryReply)
SEARCH = Endpoint(CHAT_SERVICE, "chat.search", search.SearchMessagesRequest, search.SearchMessagesReply)
WHOAMI = Endpoint(CHAT_SERVICE, "chat.whoami", chat.WhoamiRequest, chat.WhoamiReply)
REVOKE = Endpoint(CHAT_SERVICE, "chat.revoke", moderation.RevokeRequest, moderation.RevokeReply)
INVITE = Endpoint(CHAT_SERVICE, "chat.invite", invitations.InviteRequest, invitations.InviteReply)
WITHDRAW = Endpoint(CHAT_SERVICE, "chat.withdraw", invitations.WithdrawRequest, invitations.WithdrawReply)
LINK = Endpoint(CHAT_SERVICE, "chat.link", invitations.LinkRequest, invitations.LinkReply)
EXCHANGE = Endpoint(CHAT_SERVICE, "chat.exchange", invitations.ExchangeRequest, invitations.ExchangeReply)
SIGN_OUT = Endpoint(CHAT_SERVICE, "chat.sign-out", invitations.SignOutRequest, invitations.SignOutReply)
IMPORT = Endpoint(CHAT_SERVICE, "chat.import", imports.ImportRequest, imports.ImportReply)
BEGIN_IMPORTED_FILE = Endpoint(
    CHAT_SERVICE, "chat.begin-imported-file", imported_files.BeginImportedFileRequest, files.BeginFileReply
)
CREATE_BOT = Endpoint(CHAT_SERVICE, "chat.create-bot", bots.CreateBotRequest, bots.CreateBotReply)
REMOVE_MESSAGE = Endpoint(CHAT_SERVICE, "chat.remove", moderation.RemoveRequest, moderation.RemoveReply)
RESTRICT = Endpoint(CHAT_SERVICE, "chat.restrict", moderation.RestrictRequest, moderation.RestrictReply)
LIFT = Endpoint(CHAT_SERVICE, "chat.lift", moderation.LiftRequest, moderation.LiftReply)
RESTRICTIONS = Endpoint(
    CHAT_SERVICE, "chat.restrictions", moderation.RestrictionsRequest, moderation.RestrictionsReply
)
CREATE_ROOM = Endpoint(CHAT_SERVICE, "chat.create-room", rooms.CreateRoomRequest, rooms.RoomReply)
CHANGE_ROOM = Endpoint(CHAT_SERVICE, "chat.change-room", rooms.ChangeRoomRequest, rooms.RoomReply)
DIRECT = Endpoint(CHAT_SERVICE, "chat.direct", rooms.DirectRequest, rooms.RoomReply)
JOIN_ROOM = Endpoint(CHAT_SERVICE, "chat.join-room", rooms.JoinRoomRequest, rooms.MembershipReply)
LEAVE_ROOM = Endpoint(CHAT_SERVICE, "chat.leave-room", rooms.LeaveRoomRequest, rooms.MembershipReply)
ADD_MEMBERS = Endpoint(CHAT_SERVICE, "chat.add-members", rooms.AddMembersRequest, rooms.MembershipReply)
EXPEL = Endpoint(CHAT_SERVICE, "chat.expel", rooms.ExpelRequest, rooms.MembershipReply)
ROOMS = Endpoint(CHAT_SERVICE, "chat.rooms", rooms.RoomsRequest, rooms.RoomsReply)
ROOM_ACCESS = Endpoint(CHAT_SERVICE, "chat.room-access", rooms.RoomAccessRequest, rooms.RoomAccessReply)
"""Not for gateways, which have a projection."""
ROOM_MEMBERS = Endpoint(CHAT_SERVICE, "chat.room-members", rooms.RoomMembersRequest, rooms.RoomMembersReply)
THREAD = Endpoint(CHAT_SERVICE, "chat.thread", chat.ThreadRequest, chat.ThreadReply)
READ = Endpoint(CHAT_SERVICE, "chat.read", reads.ReadRequest, reads.Unread)
UNREAD = Endpoint(CHAT_SERVICE, "chat.unread", reads.UnreadRequest, reads.Unread)
FOLLOW = Endpoint(CHAT_SERVICE, "chat.follow", threads.FollowRequest, threads.ThreadUnread)
READ_THREAD = Endpoint(CHAT_SERVICE, "chat.read-thread", threads.ReadThreadRequest, threads.ThreadUnread)
THREADS = Endpoint(CHAT_SERVICE, "chat.followed-threads", threads.ThreadsRequest, threads.ThreadsReply)
THREADS_UNREAD = Endpoint(
    CHAT_SERVICE, "chat.unread-threads", threads.ThreadsUnreadRequest, threads.ThreadsUnread
)
NOTIFICATIONS = Endpoint(
    CHAT_SERVICE, "chat.notifications", notifications.NotificationsRequest, notifications.NotificationsReply
)
CHANGE_NOTIFICATIONS = Endpoint(
    CHAT_SERVICE,
    "chat.change-notifications",
    notifications.ChangeNotificationsRequest,
    notifications.ChangeNotificationsReply,
)
SUBSCRIBE = Endpoint(CHAT_SERVICE, "chat.subscribe", notifications.SubscribeRequest, notifications.PushView)
UNSUBSCRIBE = Endpoint(
    CHAT_SERVICE, "chat.unsubscribe", notifications.UnsubscribeRequest, notifications.PushView
)
BEGIN_FILE = Endpoint(CHAT_SERVICE, "chat.begin-file", files.BeginFileRequest, files.BeginFileReply)
FINISH_FILE = Endpoint(CHAT_SERVICE, "chat.finish-file", files.FinishFileRequest, files.FinishFileReply)
CANCEL_FILE = Endpoint(CHAT_SERVICE, "chat.cancel-file", files.CancelFileRequest, files.CancelFileReply)
REPLY = Endpoint(CHAT_SERVICE, "chat.reply", posts.ReplyRequest, chat.SendReply)
FILE = Endpoint(CHAT_SERVICE, "chat.file", files.FileRequest, files.FileReply)
MAY_SEND = Endpoint(CHAT_SERVICE, "chat.may-send", rooms.MaySendRequest, rooms.MaySendReply)

CREATE_INSTANCE = Endpoint(CLOUD_SERVICE, "cloud.create", cloud.CreateRequest, cloud.OperationReply)
ADOPT_INSTANCE = Endpoint(CLOUD_SERVICE, "cloud.adopt", cloud.AdoptRequest, cloud.OperationReply)
CHANGE_INSTANCE: dict[Command, Endpoint[cloud.InstanceRequest, cloud.OperationReply]] = {
    command: Endpoint(CLOUD_SERVICE, f"cloud.{command.value}", cloud.InstanceRequest, cloud.OperationReply)
    for command in (*COMMANDS, Command.PROTECT, Command.UNPROTECT)
    if command is not Command.CREATE
}
"""Commands for an existing instance that need no more than its id."""
RENAME_INSTANCE = Endpoint(CLOUD_SERVICE, "cloud.rename", cloud.RenameRequest, cloud.OperationReply)
LABEL_INSTANCE = Endpoint(CLOUD_SERVICE, "cloud.label", cloud.LabelRequest, cloud.OperationReply)
CANCEL_OPERATION = Endpoint(CLOUD_SERVICE, "cloud.cancel", cloud.CancelRequest, cloud.OperationReply)
APPROVE_OPERATION = Endpoint(CLOUD_SERVICE, "cloud.approve", cloud.ApproveRequest, cloud.OperationReply)
DENY_OPERATION = Endpoint(CLOUD_SERVICE, "cloud.deny", cloud.DenyRequest, cloud.OperationReply)
SCHEDULE = Endpoint(CLOUD_SERVICE, "cloud.schedule", schedules.ScheduleRequest, schedules.ScheduleReply)
UNSCHEDULE = Endpoint(CLOUD_SERVICE, "cloud.unschedule", schedules.UnscheduleRequest, schedules.ScheduleReply)
SCHEDULES = Endpoint(
    CLOUD_SERVICE, "cloud.list-schedules", schedules.SchedulesRequest, schedules.SchedulesReply
)
LIST_INSTANCES = Endpoint(CLOUD_SERVICE, "cloud.list", cloud.ListRequest, cloud.ListReply)
PROVIDERS = Endpoint(CLOUD_SERVICE, "cloud.providers", cloud.ProvidersRequest, cloud.ProvidersReply)
OPERATION = Endpoint(CLOUD_SERVICE, "cloud.operation", cloud.OperationRequest, cloud.OperationReply)

HOOKS = Endpoint(INCIDENTS_SERVICE, "incidents.hooks", hooks.HooksRequest, hooks.HooksReply)
CREATE_HOOK = Endpoint(
    INCIDENTS_SERVICE, "incidents.create-hook", hooks.CreateHookRequest, hooks.HookSecretReply
)
ROTATE_HOOK = Endpoint(
    INCIDENTS_SERVICE, "incidents.rotate-hook", hooks.RotateHookRequest, hooks.HookSecretReply
)
DELETE_HOOK = Endpoint(
    INCIDENTS_SERVICE, "incidents.delete-hook", hooks.DeleteHookRequest, hooks.DeleteHookReply
)
WEBHOOKS = Endpoint(INCIDENTS_SERVICE, "incidents.webhooks", webhooks.WebhooksRequest, webhooks.WebhooksReply)
CREATE_WEBHOOK = Endpoint(
    INCIDENTS_SERVICE,
    "incidents.create-webhook",
    webhooks.CreateWebhookRequest,
    webhooks.WebhookSecretReply,
)
CHANGE_WEBHOOK = Endpoint(
    INCIDENTS_SERVICE, "incidents.change-webhook", webhooks.ChangeWebhookRequest, webhooks.WebhookReply
)
ROTATE_WEBHOOK = Endpoint(
    INCIDENTS_SERVICE,
    "incidents.rotate-webhook",
    webhooks.RotateWebhookRequest,
    webhooks.WebhookSecretReply,
)
REPLAY_WEBHOOK = Endpoint(
    INCIDENTS_SERVICE, "incidents.replay-webhook", webhooks.ReplayWebhookRequest, webhooks.WebhookReply
)
DELETE_WEBHOOK = Endpoint(
    INCIDENTS_SERVICE, "incidents.delete-webhook", webhooks.DeleteWebhookRequest, webhooks.WebhookReply
)
ON_CALL = Endpoint(INCIDENTS_SERVICE, "incidents.on-call", on_call.OnCallRequest, on_call.OnCallReply)
PUT_ROTA = Endpoint(INCIDENTS_SERVICE, "incidents.put-rota", on_call.PutRotaRequest, on_call.PutRotaReply)
ALERT = Endpoint(
    INCIDENTS_SERVICE,
    "incidents.alert",
    hooks.AlertRequest,
    hooks.AlertReply,
    request_max=hooks.ALERT_REQUEST_MAX,
)
INCIDENTS = Endpoint(
    INCIDENTS_SERVICE, "incidents.list", incidents.IncidentsRequest, incidents.IncidentsReply
)
INCIDENT = Endpoint(INCIDENTS_SERVICE, "incidents.show", incidents.IncidentRequest, incidents.IncidentReply)
CHANGE_INCIDENT = Endpoint(
    INCIDENTS_SERVICE, "incidents.change", incidents.ChangeIncidentRequest, incidents.IncidentReply
)
COMMAND_STEPS = Endpoint(
    INCIDENTS_SERVICE, "incidents.steps", incidents.CommandStepsRequest, incidents.CommandStepsReply
)
BOT_COMMANDS = Endpoint(
    INCIDENTS_SERVICE,
    "incidents.bot-commands",
    bot_commands.BotCommandsRequest,
    bot_commands.BotCommandsReply,
)

STATUS = Endpoint(GATEWAY_SERVICE, "gateway.status", status.StatusRequest, status.Status)
KNOWN_ADDRESSES = Endpoint(
    GATEWAY_SERVICE,
    "gateway.whereabouts",
    gateways.KnownAddressesRequest,
    gateways.KnownAddresses,
    every_process=True,
)

FRAME_ENDPOINTS: dict[type[frames.AcknowledgedFrame], Endpoint[Any, chat.SendReply]] = {
    frames.SendFrame: SEND,
    frames.EditFrame: EDIT,
    frames.DeleteFrame: DELETE,
    frames.ReactFrame: REACT,
    frames.PinFrame: PIN,
}
"""The endpoint of each acknowledged frame; its request has the frame's fields and ``user_id``."""

AnyEndpoint = Endpoint[Any, Any]
ENDPOINTS: tuple[AnyEndpoint, ...] = (
    *(REGISTER, JOIN, JOIN_BATCH, LEAVE, SEND, SEND_BATCH, USERS, HISTORY, SEARCH, WHOAMI),
    *(EDIT, DELETE, REACT, PIN, PINS, CARD),
    *(INVITE, WITHDRAW, LINK, EXCHANGE, SIGN_OUT, CREATE_BOT, IMPORT, BEGIN_IMPORTED_FILE),
    *(REVOKE, REMOVE_MESSAGE, RESTRICT, LIFT, RESTRICTIONS),
    *(CREATE_ROOM, CHANGE_ROOM, DIRECT, JOIN_ROOM, LEAVE_ROOM, ADD_MEMBERS, EXPEL, ROOMS),
    *(ROOM_MEMBERS, ROOM_ACCESS),
    *(READ, UNREAD, THREAD),
    *(REPLY, MAY_SEND),
    *(FOLLOW, READ_THREAD, THREADS, THREADS_UNREAD),
    *(NOTIFICATIONS, CHANGE_NOTIFICATIONS, SUBSCRIBE, UNSUBSCRIBE),
    *(BEGIN_FILE, FINISH_FILE, CANCEL_FILE, FILE),
    *(CREATE_INSTANCE, ADOPT_INSTANCE),
    *CHANGE_INSTANCE.values(),
    *(RENAME_INSTANCE, LABEL_INSTANCE),
    *(CANCEL_OPERATION, APPROVE_OPERATION, DENY_OPERATION, LIST_INSTANCES, PROVIDERS, OPERATION),
    *(SCHEDULE, UNSCHEDULE, SCHEDULES),
    *(HOOKS, CREATE_HOOK, ROTATE_HOOK, DELETE_HOOK, ALERT),
    *(INCIDENTS, INCIDENT, CHANGE_INCIDENT, COMMAND_STEPS, BOT_COMMANDS),
    *(ON_CALL, PUT_ROTA),
    *(WEBHOOKS, CREATE_WEBHOOK, CHANGE_WEBHOOK, ROTATE_WEBHOOK, REPLAY_WEBHOOK, DELETE_WEBHOOK),
    *(STATUS, KNOWN_ADDRESSES),
)
"""All endpoints, except those of agents (:mod:`opsroom_contracts.agents.endpoints`).

A test compares this with the constants above.
"""


def endpoints_of(service: str) -> tuple[AnyEndpoint, ...]:
    """Return the endpoints of ``service``."""
    return tuple(endpoint for endpoint in ENDPOINTS if endpoint.service == service)
