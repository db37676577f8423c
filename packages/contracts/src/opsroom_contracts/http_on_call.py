"""Request bodies of ``/api/v1/on-call``."""

from opsroom_contracts.incidents.on_call import Rota
from opsroom_contracts.serialization.model import Model


class PutRota(Model, defer_build=False):
    """Make a rota, or replace the one with this name. ``remove``: take it away instead."""

    rota: Rota
    remove: bool = False
