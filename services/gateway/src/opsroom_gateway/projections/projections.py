"""All projections of a gateway with their subscriptions and replayers."""

from dataclasses import dataclass

from opsroom_contracts import subjects
from opsroom_gateway.fanout.replay import Replayer
from opsroom_gateway.fanout.room_readers import RoomReaders
from opsroom_gateway.metrics import fan_out_latency
from opsroom_gateway.projections.followed_threads import FollowedThreadsProjection
from opsroom_gateway.projections.instances import InstanceProjection, render_event
from opsroom_gateway.projections.members import MemberProjection
from opsroom_gateway.projections.members_stream import MembersStream, OfPeople
from opsroom_gateway.projections.membership_gate import MembershipGate
from opsroom_gateway.projections.messages import MessageProjection, render_message
from opsroom_gateway.projections.notification_settings import NotificationSettingsProjection
from opsroom_gateway.projections.read_positions import ReadPositions
from opsroom_gateway.projections.restrictions import RestrictionProjection
from opsroom_gateway.projections.rooms import RoomProjection
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec

_READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Projections:
    """The projections, their subscriptions, and the replayers of those that clients can resume."""

    chat: MessageProjection
    chat_subscription: StreamSubscription
    chat_replayer: Replayer
    members: MemberProjection
    restrictions: RestrictionProjection
    rooms: RoomProjection
    reads: ReadPositions
    of_people: OfPeople
    members_subscription: StreamSubscription
    cloud: InstanceProjection
    cloud_subscription: StreamSubscription
    cloud_replayer: Replayer

    @property
    def subscriptions(self) -> tuple[StreamSubscription, StreamSubscription, StreamSubscription]:
        """All subscriptions."""
        return self.chat_subscription, self.members_subscription, self.cloud_subscription

    def problem(self) -> str | None:
        """Why the projections are not up to date; None if they are."""
        behind = [subscription.stream for subscription in self.subscriptions if not subscription.live]
        return f"not in sync with {', '.join(behind)}" if behind else None

    async def ready(self) -> None:
        """Wait until all projections are up to date.

        Raises:
            TimeoutError: it takes too long.
        """
        for subscription in self.subscriptions:
            await subscription.ready(_READY_SECONDS)
        await self.cloud_replayer.warm_up()


def build_projections(
    broker: NatsConnection,
    requester: RequestClient,
    restrictions: RestrictionProjection,
    ring_messages: int,
) -> Projections:
    """Build the projections. ``ring_messages``: how many messages to hold."""
    rooms, members, cloud = RoomProjection(), MemberProjection(), InstanceProjection()
    readers = RoomReaders(rooms)
    rooms.watch_people(readers.on_person)
    chat = MessageProjection(ring_messages, readers, fan_out_latency(broker.metrics))
    reads = ReadPositions(requester, chat)
    rooms.watch_people(reads.on_person)
    chat.watch_resets(reads.on_reset)
    of_people = OfPeople(NotificationSettingsProjection(), FollowedThreadsProjection())
    records = MembersStream(members, restrictions, rooms, reads, of_people)
    gate = MembershipGate(chat, lambda: records.seq, readers.disconnect)
    records.watch(gate.advance)
    chat_spec = SubscriptionSpec(
        subjects.CHAT_STREAM, (subjects.CHAT_EVENTS,), StartPolicy.EVENTS, newest=ring_messages
    )
    members_spec = SubscriptionSpec(
        subjects.MEMBERS_STREAM,
        (
            subjects.MEMBERS,
            subjects.RESTRICTIONS,
            subjects.ROOM_RECORDS,
            subjects.MEMBERSHIPS,
            subjects.READS,
            subjects.FOLLOWS,
            subjects.NOTIFICATIONS,
        ),
        StartPolicy.STATE,
    )
    cloud_spec = SubscriptionSpec(
        subjects.CLOUD_STREAM, (subjects.CLOUD_EVENTS,), StartPolicy.STATE_THEN_EVENTS
    )
    chat_subscription = StreamSubscription(broker, chat_spec, gate)
    cloud_subscription = StreamSubscription(broker, cloud_spec, cloud)
    chat_reader = StreamReader(broker, subjects.CHAT_STREAM)
    cloud_reader = StreamReader(broker, subjects.CLOUD_STREAM)
    return Projections(
        chat,
        chat_subscription,
        Replayer(chat, chat_reader, subjects.CHAT_EVENTS, render_message, chat_subscription),
        members,
        restrictions,
        rooms,
        reads,
        of_people,
        StreamSubscription(broker, members_spec, records),
        cloud,
        cloud_subscription,
        Replayer(cloud, cloud_reader, subjects.CLOUD_EVENTS, render_event, cloud_subscription),
    )
