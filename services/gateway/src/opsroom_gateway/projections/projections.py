"""Everything that a gateway follows, each stream once, and what it tells those who come back."""

from dataclasses import dataclass

from opsroom_contracts import subjects
from opsroom_gateway.fanout.replay import Replayer
from opsroom_gateway.metrics import fan_out_latency
from opsroom_gateway.projections.instances import InstanceProjection, render_event
from opsroom_gateway.projections.members import MemberProjection
from opsroom_gateway.projections.messages import MessageProjection, render_message
from opsroom_gateway.projections.restrictions import MembersAndRestrictions, RestrictionProjection
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec

_READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Projections:
    """The feeds with their followers, and the past of those that can be resumed."""

    chat: MessageProjection
    chat_follower: StreamSubscription
    chat_past: Replayer
    people: MemberProjection
    restrictions: RestrictionProjection
    people_follower: StreamSubscription
    cloud: InstanceProjection
    cloud_follower: StreamSubscription
    cloud_past: Replayer

    @property
    def followers(self) -> tuple[StreamSubscription, StreamSubscription, StreamSubscription]:
        """All of them."""
        return self.chat_follower, self.people_follower, self.cloud_follower

    @property
    def live(self) -> bool:
        """Whether all of it is up to date, as far as anyone can know."""
        return all(follower.live for follower in self.followers)

    async def ready(self) -> None:
        """Wait until readers may come.

        Raises:
            TimeoutError: that takes too long.
        """
        for follower in self.followers:
            await follower.ready(_READY_SECONDS)
        await self.cloud_past.warm_up()


def build_projections(
    broker: NatsConnection, restrictions: RestrictionProjection, start: int, ring_messages: int
) -> Projections:
    """Build the projections. ``start``: the first message to hold; ``ring_messages``: how many."""
    chat = MessageProjection(start, ring_messages, fan_out_latency(broker.metrics))
    people, cloud = MemberProjection(), InstanceProjection()
    chat_source = SubscriptionSpec(subjects.CHAT_STREAM, (subjects.CHAT_EVENTS,), StartPolicy.EVENTS, start)
    people_source = SubscriptionSpec(
        subjects.MEMBERS_STREAM, (subjects.MEMBERS, subjects.RESTRICTIONS), StartPolicy.STATE
    )
    cloud_source = SubscriptionSpec(
        subjects.CLOUD_STREAM, (subjects.CLOUD_EVENTS,), StartPolicy.STATE_THEN_EVENTS
    )
    chat_follower = StreamSubscription(broker, chat_source, chat)
    cloud_follower = StreamSubscription(broker, cloud_source, cloud)
    chat_reader = StreamReader(broker, subjects.CHAT_STREAM)
    cloud_reader = StreamReader(broker, subjects.CLOUD_STREAM)
    return Projections(
        chat,
        chat_follower,
        Replayer(chat, chat_reader, subjects.CHAT_EVENTS, render_message, chat_follower),
        people,
        restrictions,
        StreamSubscription(broker, people_source, MembersAndRestrictions(people, restrictions)),
        cloud,
        cloud_follower,
        Replayer(cloud, cloud_reader, subjects.CLOUD_EVENTS, render_event, cloud_follower),
    )
