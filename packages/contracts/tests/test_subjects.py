"""Subjects and the streams that hold them."""

from hypothesis import given
from hypothesis import strategies as st

from opsroom_contracts import subjects


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True))
def test_subjects_built_from_an_id_have_the_expected_number_of_tokens(token: str) -> None:
    built = {
        subjects.message_subject("general", token): 5,
        subjects.former_message_subject("general", token): 4,
        subjects.member_subject(token): 3,
        subjects.name_subject(token): 3,
        subjects.typing_subject(token): 3,
        subjects.instance_events(token): 3,
        subjects.instance_timer(token): 3,
        subjects.instance_due(token): 3,
        subjects.operation_record(token): 3,
        subjects.server_name_subject(token): 3,
        subjects.agent_record(token): 3,
        subjects.agent_lease(token): 3,
        subjects.provider_subject(token, "apply"): 3,
        subjects.provider_changes(token): 3,
        subjects.provider_stream(token, token): 4,
    }
    for subject, tokens in built.items():
        assert len(subject.split(".")) == tokens
        assert not set(subject) & set("*> \t\r\n")


def test_subjects_match_the_patterns_of_their_streams() -> None:
    streams = {
        subjects.CHAT_EVENTS: subjects.message_subject("general", "m"),
        subjects.MEMBERS: subjects.member_subject("u"),
        subjects.NAMES: subjects.name_subject("n"),
        subjects.TYPING: subjects.typing_subject("general"),
        subjects.CLOUD_EVENTS: subjects.instance_events("i"),
        subjects.CLOUD_TIMERS: subjects.instance_timer("i"),
        subjects.CLOUD_DUE: subjects.instance_due("i"),
        subjects.CLOUD_OPERATIONS: subjects.operation_record("o"),
        subjects.CLOUD_NAMES: subjects.server_name_subject("n"),
        subjects.AGENT_RECORDS: subjects.agent_record("p"),
        subjects.AGENT_LEASES: subjects.agent_lease("p"),
    }
    for pattern, subject in streams.items():
        assert subject.startswith(pattern.rstrip("*>"))
    for subject in (
        subjects.message_subject("general", "m"),
        subjects.former_message_subject("general", "m"),
    ):
        assert subject.startswith(subjects.room_events("general").rstrip(">"))


@given(st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True), min_size=1))
def test_messages_share_a_fixed_number_of_subjects(ids: list[str]) -> None:
    shards = {subjects.log_subject("general", str(number)) for number in range(subjects.LOG_SHARDS)}
    for message in [*ids, "log"]:
        subject = subjects.message_subject("general", message)
        assert subject in shards
        assert subject == subjects.message_subject("general", message)
        assert subjects.is_log_subject(subject)
        assert not subjects.is_log_subject(subjects.former_message_subject("general", message))
