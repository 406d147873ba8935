"""The inbox of a laptop: readable, clickable, sandboxed, and never there in production."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.test import Client
from pytest_django import Settings

from newsletter.mail.backends import file

BACKEND = "newsletter.mail.backends.file.EmailBackend"


@pytest.fixture(autouse=True)
def laptop(settings: Settings) -> None:
    settings.LOCAL = True
    settings.EMAIL_BACKEND = BACKEND


def put(
    subject: str = "Hello <you>",
    html: str = "<html><head></head><p>Hi</p></html>",
    text: str = "See http://127.0.0.1:8000/confirm/abc/",
) -> str:
    message = EmailMultiAlternatives(subject, text, "p@example.org", ["ada@example.org"])
    message.attach_alternative(html, "text/html")
    get_connection(BACKEND).send_messages([message])
    return file.names()[0]


def test_the_list_shows_to_whom_what_and_when_newest_first(client: Client) -> None:
    put("First")
    put("Second <b>")
    page = client.get("/inbox/").content.decode()
    assert page.index("Second &lt;b&gt;") < page.index("First")
    assert "ada@example.org" in page
    assert re.search(r"<time datetime=.*UTC</time>", page)


def test_an_empty_inbox_says_how_to_fill_it(client: Client) -> None:
    assert "Sign up" in client.get("/inbox/").content.decode()


def test_a_long_list_is_cut_into_pages(client: Client, tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    for number in range(60):
        (tmp_path / "mail" / f"20250311T08{number:02}.eml").write_text(f"Subject: M{number:02}\n\n")
    pages = [client.get(f"/inbox/?page={n}").content.decode() for n in (1, 2)]
    first, second = (re.findall(r">M(\d\d)</span>", page) for page in pages)
    assert (len(first), len(second)) == (50, 10)
    assert [*first, *second] == [f"{number:02}" for number in reversed(range(60))]


def test_a_message_shows_its_headers_its_text_and_a_sandboxed_frame(client: Client) -> None:
    name = put()
    page = client.get(f"/inbox/{name}/").content.decode()
    assert "Hello &lt;you&gt;" in page
    assert "Message-ID" in page
    assert re.search(rf'<iframe [^>]*src="/inbox/{name}/html/"[^>]* sandbox="[^"]*"', page)
    assert 'href="http://127.0.0.1:8000/confirm/abc/"' in page


def test_the_frame_is_as_tall_as_the_mail_is_long_within_bounds(client: Client) -> None:
    def height(text: str) -> int:
        page = client.get(f"/inbox/{put(text=text)}/").content.decode()
        found = re.search(r'<iframe [^>]*height="(\d+)"', page)
        assert found
        return int(found[1])

    short, middling, long = (height("A line.\n" * lines) for lines in (5, 30, 1000))
    assert 300 < short < middling < long < 1300
    assert height("") == long


def test_only_the_last_words_of_the_line_under_the_subject_are_a_control(client: Client) -> None:
    page = client.get(f"/inbox/{put()}/").content.decode()
    assert re.findall(r"<summary>(.*?)</summary>", page) == ["All headers"]
    assert re.search(r">To ada@example.org, [^<]* UTC\.</p>", page)


def test_the_html_part_may_style_itself_and_nothing_else(client: Client) -> None:
    name = put(html="<html><head><title>x</title></head><script>alert(1)</script></html>")
    response = client.get(f"/inbox/{name}/html/")
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert re.search(r"sandbox [^;]*allow-top-navigation-by-user-activation", policy)
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert '<head><base target="_top"><title>' in response.content.decode()


def test_the_file_is_handed_out_byte_for_byte(client: Client, tmp_path: Path) -> None:
    name = put()
    response = client.get(f"/inbox/{name}/raw/")
    assert response.content == (tmp_path / "mail" / name).read_bytes()
    assert response["Content-Type"] == "message/rfc822"


def test_a_broken_file_does_not_break_the_list(client: Client, tmp_path: Path) -> None:
    put("Whole")
    (tmp_path / "mail" / "broken.eml").write_bytes(b"\xff\x00To: <<<")
    page = client.get("/inbox/").content.decode()
    assert "Whole" in page
    assert "/inbox/broken.eml/" in page
    assert client.get("/inbox/broken.eml/").status_code == 200


@pytest.mark.parametrize("name", ["nothing.eml", "..%2fsecret.eml", "%2e%2e", "secret.txt"])
def test_a_name_that_is_no_mail_is_not_found(client: Client, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.eml").write_text("Subject: secret\n\n")
    for end in ("", "html/", "raw/"):
        assert client.get(f"/inbox/{name}/{end}").status_code == 404


@pytest.mark.parametrize(
    ("local", "backend"),
    [
        (False, BACKEND),
        (True, "django.core.mail.backends.smtp.EmailBackend"),
        (False, "anymail.backends.test.EmailBackend"),
    ],
)
def test_there_is_no_inbox_in_production_or_with_a_mail_server(
    client: Client, settings: Settings, local: bool, backend: str
) -> None:
    name = put()
    settings.LOCAL = local
    settings.EMAIL_BACKEND = backend
    for path in ("", f"{name}/", f"{name}/html/", f"{name}/raw/"):
        assert client.get(f"/inbox/{path}").status_code == 404
