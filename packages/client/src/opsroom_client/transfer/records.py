"""Records to import, made from those of another chat."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from opsroom_client.transfer.contents import Contents, FoundFile
from opsroom_contracts.chat.files import FILES_MAX
from opsroom_contracts.chat.imports import (
    IMPORTED_MEMBERS_MAX,
    IMPORTED_REACTORS_MAX,
    SourceMember,
    SourceMembers,
    SourceMessage,
    SourcePerson,
    SourcePin,
    SourceReaction,
    SourceRoom,
)
from opsroom_contracts.chat.models import REACTIONS_MAX, TEXT_MAX
from opsroom_contracts.chat.rooms import DIRECT_MAX

Record = SourceRoom | SourceMembers | SourceMessage | SourcePin
Kind = Literal["public", "private", "direct"]

_REACTORS_OF_MESSAGE: Final = 100
"""How many people react to a message altogether, at most, so that it fits into a request."""
_NAME_MAX: Final = 256
_DESCRIPTION_MAX: Final = 4000


def people_of(people: Iterable[SourcePerson]) -> list[SourcePerson]:
    """Return people without repetitions."""
    return list({person.id: person for person in people}.values())


@dataclass(frozen=True, slots=True)
class FoundRoom:
    """A room as it was found. ``kind``: as the other chat has it, however many members there are."""

    id: str
    kind: Kind
    name: str | None
    members: Sequence[SourceMember] = ()
    description: str | None = None
    archived: bool = False
    created_at: datetime | None = None

    @property
    def is_direct(self) -> bool:
        """Whether it can be a direct room here. If it has too few or too many people, it is a private one."""
        return self.kind == "direct" and 2 <= len({one.person.id for one in self.members}) <= DIRECT_MAX

    def records(self) -> Iterator[Record]:
        """Yield the room, and its members, except those of a direct one, which the room itself has."""
        name = self.name
        if name is None and not self.is_direct:
            name = ", ".join(sorted(one.person.name for one in self.members)) or self.id
        yield SourceRoom(
            id=self.id,
            kind=self.kind if self.kind != "direct" or self.is_direct else "private",
            name=None if name is None else name[:_NAME_MAX],
            description=None if self.description is None else self.description[:_DESCRIPTION_MAX],
            archived=self.archived,
            created_at=self.created_at,
            members=tuple(self.members) if self.is_direct else (),
        )
        if not self.is_direct:
            for start in range(0, len(self.members), IMPORTED_MEMBERS_MAX):
                page = self.members[start : start + IMPORTED_MEMBERS_MAX]
                yield SourceMembers(room=self.id, members=tuple(page))


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """A message as it was found; its text may be of any length, and it may have any number of files."""

    room: str
    id: str
    person: SourcePerson
    text: str
    timestamp: datetime
    edited_at: datetime | None = None
    thread: str | None = None
    broadcast: bool = False
    reactions: Sequence[SourceReaction] = ()
    files: Sequence[FoundFile] = ()

    def records(self, kept: Contents | None = None) -> Iterator[SourceMessage]:
        """Yield the message, or nothing if it has neither text nor files.

        A long one comes in several parts, of which the first has the reactions and the files. Files without
        content, and those above the limit, are named in the text. ``kept``: gets the contents.
        """
        contents = [one.content for one in self.files if one.content is not None][:FILES_MAX]
        if kept is None:
            contents = []
        elif contents:
            kept.add(self.room, self.id, contents)
        named = [one.shown for one in self.files if not any(one.content is each for each in contents)]
        text = "\n".join(line for line in (self.text, *named) if line.strip())
        parts = list(_parts(text)) or ([""] if contents else [])
        for number, part in enumerate(parts):
            yield SourceMessage(
                room=self.room,
                id=self.id if number == 0 else f"{self.id[:120]}#{number + 1}",
                person=self.person,
                text=part,
                timestamp=self.timestamp,
                edited_at=self.edited_at,
                thread=self.thread,
                broadcast=self.broadcast,
                reactions=_fitting(self.reactions) if number == 0 else (),
                files=tuple(one.digest for one in contents) if number == 0 else (),
            )


def _fitting(reactions: Sequence[SourceReaction]) -> tuple[SourceReaction, ...]:
    """Return as many reactions as a message may have. Those with the same emoji are one."""
    merged: dict[str, list[SourcePerson]] = {}
    left = _REACTORS_OF_MESSAGE
    for reaction in reactions:
        if reaction.emoji not in merged and len(merged) >= REACTIONS_MAX:
            continue
        people = people_of([*merged.get(reaction.emoji, []), *reaction.people])[:IMPORTED_REACTORS_MAX]
        if people:
            merged[reaction.emoji] = people
    found: list[SourceReaction] = []
    for emoji, people in merged.items():
        if left > 0:
            found.append(SourceReaction(emoji=emoji, people=tuple(people[:left])))
            left -= len(people)
    return tuple(found)


def _parts(text: str) -> Iterator[str]:
    """Split a text that is too long, at the end of a line if there is one in its second half."""
    while len(text) > TEXT_MAX:
        end = text.rfind("\n", TEXT_MAX // 2, TEXT_MAX)
        end = TEXT_MAX if end < 0 else end
        if text[:end].strip():
            yield text[:end]
        text = text[end:].lstrip("\n")
    if text.strip():
        yield text
