"""Names of instances: which one a request means, and whether a new one is free."""

from opsroom_cloud.instances.event_store import EventStore
from opsroom_cloud.instances.projection import InstanceProjection
from opsroom_contracts.cloud.instances import free_name, is_uuid
from opsroom_contracts.errors import ErrorCode, Fault, refuse
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_CATCH_UP_SECONDS = 3.0


class CatchUp:
    """Waits until the projection contains what was stored before the call."""

    def __init__(self, events: EventStore, subscription: StreamSubscription) -> None:
        self._events = events
        self._subscription = subscription

    async def __call__(self) -> None:
        """Wait.

        Raises:
            FaultError: ``unavailable``: the projection did not catch up in time.
        """
        if not await self._subscription.wait_for(await self._events.last_seq(), _CATCH_UP_SECONDS):
            raise refuse(ErrorCode.UNAVAILABLE, "catching up with the broker; try again")


class ServerNames:
    """The names of instances, from the projection and from claims on names that were just given."""

    def __init__(self, events: EventStore, projection: InstanceProjection, catch_up: CatchUp) -> None:
        self._events = events
        self._projection = projection
        self._catch_up = catch_up

    async def resolve(self, target: str) -> str:
        """Return the id of the instance that ``target`` means, an id or a name; an id comes first.

        An id without an instance is returned as it is: a decision about it reads the stream.

        Raises:
            FaultError: ``unavailable``: the projection did not catch up in time.
        """
        found = self._resolve(target)
        if found is None and not is_uuid(target):
            await self._catch_up()
            found = self._resolve(target)
        return found or target

    def _resolve(self, target: str) -> str | None:
        if self._projection.get(target).instance is not None:
            return target
        return self._projection.named(target)

    def default_for(self, instance_id: str) -> str:
        """Return a name for an instance that was given none."""
        return free_name(instance_id, lambda name: self._owner(name) not in {None, instance_id})

    def refusal(self, name: str, instance_id: str) -> Fault | None:
        """Return the fault if the projection has another instance than ``instance_id`` with the name."""
        owner = self._owner(name)
        return None if owner in {None, instance_id} else _taken(name, owner or "")

    async def claim_for(self, name: str, instance_id: str) -> int | Fault:
        """Return the sequence of the claim on ``name`` that ``instance_id`` may replace; 0: there is none.

        The fault, if another instance has been given the name, and still has it.

        Raises:
            UnavailableError: the broker did not respond, or a newer release wrote the claim.
        """
        claim = await self._events.claim(name)
        if claim is None:
            return 0
        if claim.holder is None or claim.holder == instance_id:
            return claim.seq
        holder = (await self._events.refresh(claim.holder)).instance
        return claim.seq if holder is None or holder.name != name else _taken(name, holder.id)

    def _owner(self, name: str) -> str | None:
        """Return the id of the instance that has the name, or that has it as its id."""
        if self._projection.get(name).instance is not None:
            return name
        return self._projection.named(name)


def _taken(name: str, owner: str) -> Fault:
    return Fault(
        code=ErrorCode.NAME_TAKEN, message=f"instance {owner} already has the name {name!r}", field="name"
    )
