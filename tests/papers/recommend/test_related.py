"""Similar papers are stored by a job."""

from __future__ import annotations

import pytest
from django.utils.timezone import now

from papers.models import SimilarPapers
from papers.recommend import related
from tests.factories import a_paper

pytestmark = pytest.mark.django_db


def test_the_nearest_papers_are_stored_without_the_paper_itself() -> None:
    reefs = [
        a_paper(title=f"Coral reefs {n}", abstract="Bleaching of coral reefs in warm seas.")
        for n in range(3)
    ]
    for number in range(6):
        a_paper(title=f"Lattice {number}", abstract=f"Gauge theory on a lattice {number}.")
    assert related.update(now()) == 9
    assert {one.pk for one in reefs[0].similar_papers()[:2]} == {reefs[1].pk, reefs[2].pk}
    assert reefs[0].pk not in SimilarPapers.objects.get(paper=reefs[0]).similar


def test_nothing_is_done_while_every_recent_paper_has_its_neighbours() -> None:
    a_paper(), a_paper()
    assert related.update(now()) == 2
    assert related.update(now()) == 0


def test_without_papers_there_is_nothing_to_do() -> None:
    assert related.update(now()) == 0
