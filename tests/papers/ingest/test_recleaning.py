"""Stored titles and abstracts when the cleaning changes."""

from __future__ import annotations

import pytest
from django.utils.timezone import now

from papers import search_index, tasks
from papers.ingest import recleaning
from papers.ingest.upsert import upsert
from papers.models import Paper
from papers.sources.record import PaperRecord, build
from papers.text import clean
from papers.text.identifiers import ArxivId, title_key

pytestmark = pytest.mark.django_db

RAW = r"On \ket{0} and $M_{\rm A}$"
OLD = "On |%s⟩0 and M_( rm A)"


OWN = ArxivId("2611.00001", 1)


def record(own: ArxivId | None = OWN) -> PaperRecord:
    return build(RAW, r"We show $\mytool$, z~6.", own, authors=["A. One"])


def made_outdated() -> Paper:
    """Return the stored paper as the version before would have cleaned it."""
    Paper.objects.update(title=OLD, abstract="z 6", title_key=title_key(OLD), cleaned_with=1)
    return Paper.objects.get()


def test_a_paper_keeps_its_texts_before_cleaning() -> None:
    upsert([record()], source="x")
    paper = Paper.objects.get()
    assert (paper.raw_title, paper.title) == (RAW, "On |0⟩ and M_A")
    assert (paper.raw_abstract, paper.abstract) == (
        r"We show $\mytool$, z~6.",
        r"We show $\mytool$, z~6.",
    )
    assert paper.cleaned_with == clean.VERSION


def test_a_row_of_an_older_version_is_cleaned_again_and_found_by_its_new_words() -> None:
    upsert([record()], source="x")
    before = made_outdated()
    search_index.update([before])
    assert recleaning.clean_again(10) == 1
    paper = Paper.objects.get()
    assert (paper.title, paper.abstract) == ("On |0⟩ and M_A", r"We show $\mytool$, z~6.")
    assert paper.title_key == title_key(paper.title)
    assert recleaning.clean_again(10) == 0


def test_the_id_that_was_made_of_a_title_survives_another_cleaning() -> None:
    upsert([record(own=None)], source="x")
    before = made_outdated()
    Paper.objects.update(canonical_id="t-abc")
    recleaning.clean_again(10)
    counts = upsert([record(own=None)], source="x")
    paper = Paper.objects.get()
    assert (counts.created, counts.unchanged) == (0, 1)
    assert (paper.pk, paper.canonical_id, paper.title) == (before.pk, "t-abc", "On |0⟩ and M_A")


def test_a_row_without_its_raw_texts_is_cleaned_as_it_is() -> None:
    Paper.objects.create(
        canonical_id="2611.00002", title=r"A \frac{1}{2} {x}", abstract="b", announced_at=now()
    )
    recleaning.clean_again(10)
    assert Paper.objects.get().title == "A 1/2 {x}"


def test_a_listing_that_is_read_again_replaces_what_an_older_version_cleaned() -> None:
    upsert([record()], source="x")
    made_outdated()
    assert upsert([record()], source="x").updated == 1
    assert upsert([record()], source="x").unchanged == 1
    assert Paper.objects.get().title == "On |0⟩ and M_A"


def test_a_run_cleans_no_more_than_its_limit_and_titles_without_an_id_first() -> None:
    for name in ("2611.00001", "t-1", "2611.00002", "t-2"):
        Paper.objects.create(canonical_id=name, title=r"A\%", announced_at=now())
    assert recleaning.clean_again(2) == 2
    done = Paper.objects.filter(cleaned_with=clean.VERSION)
    assert {paper.canonical_id for paper in done} == {"t-1", "t-2"}
    assert recleaning.clean_again(10) == 2


def test_the_worker_cleans_before_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    Paper.objects.create(canonical_id="t-1", title=r"A\%", announced_at=now())
    monkeypatch.setattr(tasks.ingest_source, "delay", lambda _: None)
    tasks.ingest_due()
    assert Paper.objects.get().title == "A%"
