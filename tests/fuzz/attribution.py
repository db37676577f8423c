"""Attribution: which cases of a batch make others wait."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

CaseT = TypeVar("CaseT")


async def smallest(
    cases: Sequence[CaseT], starves: Callable[[Sequence[CaseT]], Awaitable[bool]]
) -> Sequence[CaseT]:
    """Return the smallest part of ``cases`` found that still ``starves``: by halves, and halves of those.

    Returns ``cases`` themselves if neither half does so alone.
    """
    while len(cases) > 1:
        middle = len(cases) // 2
        for half in (cases[:middle], cases[middle:]):
            if await starves(half):
                cases = half
                break
        else:
            return cases
    return cases
