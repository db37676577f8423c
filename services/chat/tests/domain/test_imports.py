"""Rules of imports: ids that follow from the source, names, and the reactions of before and after."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from opsroom_chat.domain import imports
from opsroom_contracts.audit import Requester
from opsroom_contracts.chat.events import message_of
from opsroom_contracts.chat.imported_files import ImportedFile, imported_file_id, importer_of
from opsroom_contracts.chat.imports import SourceMessage, SourcePerson, SourceReaction, SourceRoom
from opsroom_contracts.chat.models import Reactions, User
from opsroom_contracts.subjects import is_created_room
from opsroom_contracts.text import clean_name

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ANN, BOB = SourcePerson(id="U1", name="ann"), SourcePerson(id="U2", name="bob")
ids = st.text(alphabet=st.characters(blacklist_categories=("Cc", "Cs")), min_size=1, max_size=128)
names = st.text(max_size=256)
callers = st.text(alphabet="ab01", min_size=1, max_size=4)


@given(ids, names, st.booleans())
def test_any_room_has_a_valid_id_and_valid_names(source_id: str, name: str, is_direct: bool) -> None:
    room = SourceRoom(id=source_id, kind="public", name=name)
    assert is_created_room(imports.room_id_of("slack.t1", source_id, is_direct=is_direct))
    found = list(imports.room_names("slack.t1", room))
    assert len(found) == len(set(found)) > 0
    for one in found:
        assert imports.new_room("slack.t1", room, one, None, NOW).name == one


@given(ids, names)
def test_any_person_has_a_valid_name_and_an_id_of_the_source(source_id: str, name: str) -> None:
    user = imports.user_of("slack.t1", SourcePerson(id=source_id, name=name))
    assert user.id.startswith("imported-")
    assert clean_name(user.name) == user.name
    assert user != imports.user_of("slack.t2", SourcePerson(id=source_id, name=name))
    account = imports.user_of("slack.t1", SourcePerson(id=source_id, name=name, account="u-1"))
    assert account.id == "u-1"


@given(callers, callers, ids, ids)
def test_a_file_is_only_for_who_uploaded_it(one: str, other: str, room: str, message: str) -> None:
    def found(caller: str, **changed: str) -> str:
        file = {"source": "slack.t1", "room": room, "message": message, "place": 0, "digest": "0" * 64}
        importer = importer_of(Requester(name="ann", identity=f"user:{caller}"))
        return imported_file_id(importer, ImportedFile.model_validate(file | changed))

    assert found(one) == found(one)
    assert (found(one) == found(other)) == (one == other)
    assert found(one, source="slack.t2") != found(one) != found(one, digest="1" * 64)


def test_reactions_from_before_and_after_are_counted_together() -> None:
    source = SourceMessage(
        room="C1",
        id="1",
        person=ANN,
        text="hi",
        timestamp=NOW,
        reactions=(SourceReaction(emoji="👍", people=(ANN, BOB)), SourceReaction(emoji="🎉", people=(BOB,))),
    )
    event = imports.event_of("slack.t1", source, {"C1": "r-" + "a" * 24}, NOW)
    message = message_of(event, 7)
    assert message is not None
    assert message.reactions == imports.all_reactions(message, None)
    zoe = User(id="z", name="zoe")
    later = (
        Reactions(emoji="👍", count=1, users=(zoe,), me=True),
        Reactions(emoji="❤️", count=1, users=(zoe,)),
    )
    merged = imports.all_reactions(message, later)
    assert merged is not None
    assert [(one.emoji, one.count, one.me) for one in merged] == [
        ("👍", 3, True),
        ("🎉", 1, None),
        ("❤️", 1, None),
    ]
    assert imports.all_reactions(message.model_copy(update={"imported": None}), later) == later
