"""Emoji of reactions: one emoji each, as the Unicode standard composes them.

The ranges are wider than the emoji of today's Unicode, so that next year's are accepted as well.
"""

import re
from typing import Annotated, Final

import regex
from pydantic import AfterValidator, Field

EMOJI_MAX: Final = 32
"""The maximum length of an emoji, in code points; the longest of Unicode 16 has 10."""

_PICTURES: Final = (
    *((0xA9, 0xA9), (0xAE, 0xAE), (0x203C, 0x203C), (0x2049, 0x2049), (0x2122, 0x2122), (0x2139, 0x2139)),
    *((0x2194, 0x21AA), (0x231A, 0x23FF), (0x24C2, 0x24C2), (0x25AA, 0x27BF), (0x2934, 0x2935)),
    *((0x2B05, 0x2B55), (0x3030, 0x3030), (0x303D, 0x303D), (0x3297, 0x3299)),
    *((0x1F004, 0x1F1E5), (0x1F201, 0x1FAFF)),
)
_PICTURE: Final = "[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _PICTURES) + "]"
_AS_PICTURE, _JOINER, _KEYCAP = chr(0xFE0F), chr(0x200D), chr(0x20E3)
_SKIN: Final = f"[{chr(0x1F3FB)}-{chr(0x1F3FF)}]"
_REGION: Final = f"[{chr(0xE0030)}-{chr(0xE007A)}]{{1,8}}{chr(0xE007F)}"
_PART: Final = f"{_PICTURE}(?:{_AS_PICTURE}|{_SKIN})?"
_FLAG: Final = f"[{chr(0x1F1E6)}-{chr(0x1F1FF)}]{{2}}"
_ALONE: Final = f"[0-9#*]{_AS_PICTURE}?{_KEYCAP}|{_FLAG}|{_PICTURE}{_REGION}"
_PATTERN: Final = f"^(?:{_ALONE}|{_PART}(?:{_JOINER}{_PART}){{0,7}})$"
_EMOJI: Final = re.compile(_PATTERN)


_BARE: Final = regex.compile(rf"([\p{{Emoji}}--\p{{Emoji_Presentation}}])(?!{_SKIN}|{_REGION})", regex.V1)
"""A character that is shown as text, unless what follows it says that it is an emoji."""


def _one_emoji(value: str) -> str:
    if _EMOJI.fullmatch(value) is None:
        raise ValueError("must be one emoji, such as \N{THUMBS UP SIGN}")
    composed: str = _BARE.sub(rf"\1{_AS_PICTURE}", value.replace(_AS_PICTURE, ""))
    return composed


Emoji = Annotated[
    str,
    Field(min_length=1, max_length=EMOJI_MAX, json_schema_extra={"pattern": _PATTERN}),
    AfterValidator(_one_emoji),
]
"""One emoji. Skin tones and joiners count; variation selectors are put where Unicode wants them: a heart that
was typed without one is the same emoji.
"""
