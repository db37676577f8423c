"""The banner of a ready portal."""

from dataclasses import replace
from pathlib import Path

from opsroom_launcher.portal.banner import Addresses, banner, redact_credentials

ADDRESSES = Addresses("0.0.0.0", 8000, "nats://127.0.0.1:4222", Path("/data"), kept=True, page=Path("/page"))


def test_says_where_everything_is() -> None:
    text = banner(ADDRESSES, 1.23)
    for words in (
        "1.2 s",
        "Page and API    http://127.0.0.1:8000/\n",
        "http://127.0.0.1:8000/openapi.json",
        "nats --context /data/users/operator/context.json sub 'cloud.events.>'",
        "/data (kept",
        "Ctrl-C",
    ):
        assert words in text


def test_says_what_is_kept() -> None:
    assert "deleted when Opsroom stops" in banner(replace(ADDRESSES, kept=False), 1)
    assert "in your broker" in banner(replace(ADDRESSES, data=None), 1)
    assert "nats --server nats://127.0.0.1:4222 sub" in banner(replace(ADDRESSES, data=None), 1)
    assert [replace(ADDRESSES, kept=kept).keeps_data for kept in (True, False)] == [True, False]


def test_names_the_admins_token() -> None:
    path = Path("/data/users/admin/token")
    assert f"Admin's token   {path}\n" in banner(replace(ADDRESSES, admin_token=path), 1)
    assert "token" not in banner(ADDRESSES, 1)


def test_promises_no_page_that_is_not_there() -> None:
    assert "Page" not in banner(replace(ADDRESSES, page=None), 1)


def test_names_course_servers_that_are_served_alone() -> None:
    assert "http://127.0.0.1:8000/chat" in banner(ADDRESSES, 1)
    assert "/chat" not in banner(ADDRESSES, 1, course=False)


def test_passwords_are_not_printed() -> None:
    urls = "nats://me:secret@a:1,tls://token@b:2"
    assert redact_credentials(urls) == "nats://a:1,tls://b:2"
    assert "secret" not in banner(replace(ADDRESSES, nats_url=urls), 1)


def test_names_both_dashboards_of_the_course_and_its_ports_if_there_are_any() -> None:
    text = banner(ADDRESSES, 1)
    assert "http://127.0.0.1:8000/cloud (an array" in text
    assert "http://127.0.0.1:8000/dashboard (the same for clients that read .data)" in text
    assert ":3000" not in text
    with_ports = banner(replace(ADDRESSES, course_ports=(3000, 3001)), 1)
    assert "http://127.0.0.1:3000/ (chat)   http://127.0.0.1:3001/ (.data)" in with_ports
