"""Which sentence stands under a title: the editor's, Hugging Face's, or the abstract's own."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import DjangoAssertNumQueries

from papers.ingest import summaries
from papers.ingest.service import read_file
from papers.ingest.upsert import upsert, withdraw
from papers.models import Paper
from papers.sources.hf_daily import parse
from papers.sources.record import PaperRecord
from tests.conftest import DATA
from tests.factories import a_paper

pytestmark = pytest.mark.django_db
ABSTRACT = "Sorting is an old problem. In this paper, we propose to sort in one pass."
CLAIM = "We propose to sort in one pass."


def record(**fields: object) -> PaperRecord:
    values = {"title": "Sorting in one pass", "abstract": ABSTRACT, "arxiv_id": "2503.01234"}
    return PaperRecord(**(values | fields))  # type: ignore[arg-type]


def shown() -> tuple[str, str]:
    paper = Paper.objects.get()
    return paper.summary, paper.summary_source


def test_a_new_paper_has_the_claim_sentence_of_its_abstract() -> None:
    upsert([record()], source="arxiv")
    assert shown() == (CLAIM, "abstract")


def test_a_paper_without_an_abstract_gets_its_sentence_with_the_abstract() -> None:
    upsert([record(abstract="")], source="listing")
    assert shown() == ("", "")
    upsert([record()], source="arxiv", authority=3)
    assert shown() == (CLAIM, "abstract")


def test_the_sentence_of_hugging_face_is_kept_with_its_name_by_whoever_lists_the_paper() -> None:
    upsert([record()], source="arxiv", authority=3)
    counts = upsert([record(abstract="", summary="A sort in one pass.")], source="hf", authority=1)
    assert counts.updated == 1
    assert shown() == ("A sort in one pass.", "huggingface")
    upsert([record(abstract=f"{ABSTRACT} It works.", version=2)], source="arxiv", authority=3)
    assert shown() == ("A sort in one pass.", "huggingface")


def test_reading_the_same_again_changes_nothing() -> None:
    upsert([record(summary="A sort in one pass.")], source="hf")
    counts = upsert([record(summary="A sort in one pass.")], source="hf")
    assert (counts.created, counts.updated, counts.unchanged) == (0, 0, 1)


def test_the_editor_s_sentence_stays_whatever_the_sources_say() -> None:
    upsert([record()], source="arxiv")
    paper = Paper.objects.get()
    paper.editor_summary = "Sorts once."
    summaries.summarize(paper)
    paper.save()
    upsert([record(summary="A sort in one pass.", abstract="Another.")], source="hf", authority=9)
    assert shown() == ("Sorts once.", "editor")


def test_a_withdrawn_paper_claims_nothing() -> None:
    upsert([record()], source="arxiv")
    upsert([record(version=2, withdrawn=True, summary="A sort.")], source="arxiv")
    assert shown() == ("", "")
    notice = "This paper has been withdrawn by the authors due to an error in Section 2."
    upsert([record(version=3, withdrawn=True, abstract=notice)], source="arxiv")
    assert shown() == (notice, "abstract")


def test_a_paper_that_its_archive_deleted_loses_its_claim_with_the_next_portion() -> None:
    upsert([record()], source="arxiv")
    withdraw(["2503.01234"])
    assert summaries.summarize_outdated(10) == 1
    assert shown() == ("", "")


def test_rows_of_an_older_version_are_summarized_in_portions() -> None:
    for _ in range(5):
        a_paper(abstract=ABSTRACT)
    assert [summaries.summarize_outdated(3) for _ in range(3)] == [3, 2, 0]
    assert set(Paper.objects.values_list("summary", "summary_source")) == {(CLAIM, "abstract")}


def test_without_outdated_rows_a_portion_is_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    upsert([record()], source="arxiv")
    with django_assert_num_queries(1):
        assert summaries.summarize_outdated(100) == 0


def test_recorded_lists_of_hugging_face_bring_their_sentences() -> None:
    read_file(DATA / "hf-daily" / "2025-11-24.json.gz", "hf-daily")
    sources = list(Paper.objects.values_list("summary_source", flat=True))
    assert sources.count("huggingface") == 17
    assert all(Paper.objects.values_list("summary", flat=True))
    read_file(DATA / "hf-daily" / "2024-05-27.json.gz", "hf-daily")  # Before it had any.
    assert Paper.objects.filter(summary_source="abstract").count() == 13


@pytest.mark.parametrize("sentence", ["x" * 601, ["a list"], 7, ""])
def test_what_is_no_sentence_is_not_kept(sentence: object) -> None:
    paper = {"id": "2503.01234", "title": "Sorting in one pass", "ai_summary": sentence}
    listing = parse(json.dumps([{"paper": paper}]).encode(), today=date(2025, 3, 11))
    assert [one.summary for one in listing.records] == [""]


def test_an_export_carries_the_sentence_and_reading_it_back_keeps_whose_it_is(
    tmp_path: Path,
) -> None:
    upsert([record(summary="A sort in one pass.")], source="hf")
    upsert([record(arxiv_id="2503.01235", title="Another", summary="")], source="arxiv")
    path = tmp_path / "papers.jsonl"
    call_command("export_papers", out=path)
    before = sorted(Paper.objects.values_list("canonical_id", "summary", "summary_source"))
    assert [pair[2] for pair in before] == ["huggingface", "abstract"]
    Paper.objects.all().delete()
    read_file(path, "jsonl")
    assert sorted(Paper.objects.values_list("canonical_id", "summary", "summary_source")) == before
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["summary"] for line in lines] == ["A sort in one pass.", CLAIM]


def test_an_exported_paper_without_an_abstract_does_not_get_the_summary_as_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "papers.jsonl"
    upsert([record(abstract="", summary="A sort in one pass.")], source="hf")
    call_command("export_papers", out=path)
    Paper.objects.all().delete()
    read_file(path, "jsonl")
    assert Paper.objects.get().abstract == ""
