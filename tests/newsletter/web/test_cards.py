"""The pictures of links, and the icons that browsers ask for by their plain names."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime

import pytest
from django.test import Client
from PIL import Image

from newsletter.web import cards
from papers.models import Paper
from tests.factories import a_paper, an_edition

pytestmark = pytest.mark.django_db
TUESDAY = datetime(2025, 3, 11, 9, tzinfo=UTC)


def picture(client: Client, path: str) -> Image.Image:
    response = client.get(path)
    assert response.status_code == 200
    assert response["Content-Type"] == "image/png"
    assert "max-age" in response["Cache-Control"]
    assert len(response.content) < 60_000
    return Image.open(io.BytesIO(response.content))


@pytest.fixture
def paper() -> Paper:
    paper = a_paper(announced_at=TUESDAY)
    an_edition(paper, day=TUESDAY.date())
    return paper


def test_every_page_that_is_shared_names_a_picture_of_the_announced_size(
    client: Client, paper: Paper
) -> None:
    for path in ("/", "/archive/2025-03-11/", paper.get_absolute_url()):
        page = client.get(path).content.decode()
        address = re.search(r'og:image" content="https?://[^/]+(/[^"]+)"', page)
        assert address, path
        assert picture(client, address[1]).size == (1200, 630)


def test_the_picture_shows_title_and_date(client: Client, paper: Paper) -> None:
    def draw(title: str, day: date) -> bytes:
        return cards.draw("Paperboy", title, f"{day:%-d %B %Y}")

    shown = client.get(f"{paper.get_absolute_url()}card.png").content
    assert shown == draw(paper.title, TUESDAY.date())
    assert client.get("/archive/2025-03-11/card.png").content == shown
    assert shown != draw("Another title", TUESDAY.date())
    assert shown != draw(paper.title, date(2025, 3, 12))


@pytest.mark.parametrize("title", ["", "A" * 400, "word " * 200, "深度学习 and ∀x∈ℝ"])
def test_any_title_can_be_drawn(title: str) -> None:
    assert Image.open(io.BytesIO(cards.draw("Paperboy", title, "11 March 2025"))).size == cards.SIZE


def test_hidden_papers_and_unknown_days_have_no_picture(client: Client, paper: Paper) -> None:
    Paper.objects.update(hidden=True)
    for path in (f"{paper.get_absolute_url()}card.png", "/archive/2025-03-12/card.png"):
        assert client.get(path, follow=True).status_code == 404
    assert client.get("/archive/tomorrow/card.png", follow=True).status_code == 404


@pytest.mark.parametrize("path", ["/favicon.ico", "/apple-touch-icon.png"])
def test_icons_have_plain_names(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("image/")
