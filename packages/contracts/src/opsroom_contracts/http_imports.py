"""Request bodies of ``/api/v1/chat/imports``."""

from opsroom_contracts.chat.imports import ImportRecords, SourceName
from opsroom_contracts.serialization.model import Identifier, Model


class NewImports(Model, defer_build=False):
    """Records of ``source``. ``owner``: the user who owns the imported rooms, if they are not direct ones."""

    source: SourceName
    records: ImportRecords
    owner: Identifier | None = None
