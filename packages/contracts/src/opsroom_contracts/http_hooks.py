"""Request and response bodies of ``/api/v1/hooks``."""

from opsroom_contracts.incidents.hooks import ROTATION_SECONDS, Hook, HookName, RotationSeconds
from opsroom_contracts.serialization.model import Model, RoomName


class NewHook(Model, defer_build=False):
    """Make a hook that writes to ``room``; its cards have ``name`` as their author."""

    name: HookName
    room: RoomName


class HookRotation(Model, defer_build=False):
    """``seconds``: how long the secret before stays valid; 0: not at all."""

    seconds: RotationSeconds = ROTATION_SECONDS


class HookWithSecret(Model):
    """A hook and its secret, which is returned only once. ``path``: where senders post."""

    hook: Hook
    secret: str
    path: str
