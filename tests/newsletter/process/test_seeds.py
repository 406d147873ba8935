"""What a first start reads: the listing, the metadata of its papers, and three picks."""

from __future__ import annotations

import pytest
from django.test import Client

from newsletter.process import launcher
from papers.models import Paper

pytestmark = pytest.mark.django_db


def test_every_paper_of_the_listing_has_its_arxiv_id_authors_and_dates() -> None:
    counts = launcher.read_seeds()
    assert counts is not None
    assert str(counts).startswith("created=84 ")
    assert Paper.objects.count() == 84
    assert not Paper.objects.filter(canonical_id__startswith="t-").exists()
    assert not Paper.objects.filter(authors=[]).exists()
    assert not Paper.objects.filter(published_at=None).exists()
    assert not Paper.objects.exclude(url__startswith="https://arxiv.org/abs/").exists()


def test_three_papers_are_picked_with_a_note() -> None:
    launcher.read_seeds()
    assert Paper.objects.exclude(picked_at=None).exclude(editor_note="").count() == 3


def test_a_catalogue_with_papers_is_left_alone() -> None:
    launcher.read_seeds()
    assert launcher.read_seeds() is None


def test_old_papers_are_shown_as_a_sample_with_their_own_date(client: Client) -> None:
    launcher.read_seeds()
    page = client.get("/").content.decode()
    assert "Sample edition of" in page
    assert "11 March" in page
    assert "confirmed by two sources" not in page


def test_the_page_of_a_paper_names_similar_ones_from_the_first_start(client: Client) -> None:
    launcher.read_seeds()
    paper = Paper.objects.exclude(picked_at=None)[0]
    page = client.get(paper.get_absolute_url()).content.decode()
    similar = paper.similar_papers()
    assert similar
    assert all(one.get_absolute_url() in page for one in similar[:5])
