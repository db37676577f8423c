"""What a person may type: names and how they are compared, reasons, blank text, truncation, safe output.

The result is the same on every Python, because the data comes from libraries and not from the interpreter.
"""

from opsroom_contracts.text.display import clip, visible
from opsroom_contracts.text.file_names import FILE_NAME_MAX, clean_file_name
from opsroom_contracts.text.name_index import NameIndex
from opsroom_contracts.text.name_rules import NAME_MAX, NameRuleError, clean_name
from opsroom_contracts.text.reason_rules import clean_reason
from opsroom_contracts.text.similarity import name_forms, names_alike, stored_form
from opsroom_contracts.text.unicode import is_blank

__all__ = [
    "FILE_NAME_MAX",
    "NAME_MAX",
    "NameIndex",
    "NameRuleError",
    "clean_file_name",
    "clean_name",
    "clean_reason",
    "clip",
    "is_blank",
    "name_forms",
    "names_alike",
    "stored_form",
    "visible",
]
