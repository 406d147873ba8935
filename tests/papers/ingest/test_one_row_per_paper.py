"""Whatever tells of a paper, and however often, it is one row with the best that is known."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from papers.ingest.upsert import Counts, upsert, withdraw
from papers.models import Paper, Signal
from papers.sources.record import Measurement, PaperRecord

MARCH = datetime(2025, 3, 11, tzinfo=UTC)
LISTED = PaperRecord("A Study of Everything", "Short.", announced_at=MARCH)
FEED = PaperRecord(
    "A study of everything",
    "Short.",
    arxiv_id="2503.01234",
    version=1,
    authors=("Ann Lee", "Bo Chen"),
    categories=("cs.AI",),
    primary_category="cs.AI",
    announced_at=datetime(2025, 3, 10, 4, tzinfo=UTC),
    license="https://creativecommons.org/licenses/by/4.0/",
)
DAILY = PaperRecord(
    "A Study of Everything",
    "Short.",
    arxiv_id="2503.01234",
    authors=("Ann Lee",),
    keywords=("study",),
    announced_at=datetime(2025, 3, 12, 1, tzinfo=UTC),
    published_at=datetime(2025, 3, 9, 17, 30, tzinfo=UTC),
    code_url="https://github.com/a/b",
    measurements=(Measurement("upvotes", 3),),
    observed_at=datetime(2025, 3, 12, 8, tzinfo=UTC),
)
ARCHIVE = replace(
    FEED,
    title="A Study of Everything",
    authors=("Ann Lee", "Bo Chen", "Cy Doe"),
    categories=("cs.AI", "cs.CL"),
    announced_at=None,
    published_at=datetime(2025, 3, 9, tzinfo=UTC),
    revised_at=datetime(2025, 3, 9, tzinfo=UTC),
    comment="8 pages",
    license="",
)
SECOND = replace(
    ARCHIVE,
    version=2,
    abstract="Longer and better.",
    comment="9 pages",
    revised_at=datetime(2025, 4, 2, 9, tzinfo=UTC),
)
AUTHORITY = {id(LISTED): 0, id(FEED): 2, id(DAILY): 1, id(ARCHIVE): 3, id(SECOND): 3}


def keep(*records: PaperRecord, authority: int = 1) -> Counts:
    return upsert(records, source="test", authority=authority)


def keep_each(records: Iterable[PaperRecord]) -> None:
    for record in records:
        keep(record, authority=AUTHORITY[id(record)])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "order", list(itertools.permutations((LISTED, FEED, DAILY, ARCHIVE, SECOND)))[::7]
)
def test_five_tellings_in_any_order_are_one_row_with_the_best_of_each(
    order: tuple[PaperRecord, ...],
) -> None:
    keep_each(order)
    paper = Paper.objects.get()
    assert paper.canonical_id == "2503.01234"
    assert (paper.version, paper.abstract, paper.comment) == (2, "Longer and better.", "9 pages")
    assert paper.authors == ["Ann Lee", "Bo Chen", "Cy Doe"]
    assert paper.categories == ["cs.AI", "cs.CL"]
    assert paper.keywords == ["study"]
    assert paper.license == FEED.license
    assert paper.code_url == "https://github.com/a/b"
    assert paper.published_at == datetime(2025, 3, 9, 17, 30, tzinfo=UTC)
    assert paper.revised_at == SECOND.revised_at
    assert Signal.objects.count() == 1


@pytest.mark.django_db
def test_a_listed_paper_that_gains_an_arxiv_id_remembers_its_old_one() -> None:
    keep(LISTED, authority=0)
    old = Paper.objects.get().canonical_id
    keep(FEED, authority=2)
    paper = Paper.objects.get()
    assert (paper.canonical_id, paper.former_id) == ("2503.01234", old)
    assert old.startswith("t-")
    assert keep(LISTED, authority=0) == Counts(unchanged=1)


@pytest.mark.django_db
def test_a_new_version_is_not_new() -> None:
    keep(FEED, authority=2)
    first = Paper.objects.get()
    later = replace(FEED, version=2, announced_at=datetime(2025, 6, 1, tzinfo=UTC))
    assert keep(later, authority=2) == Counts(updated=1)
    paper = Paper.objects.get()
    assert (paper.announced_at, paper.first_seen_at) == (first.announced_at, first.first_seen_at)


@pytest.mark.django_db
def test_an_older_version_only_fills_gaps() -> None:
    keep(replace(SECOND, code_url=""), authority=3)
    keep(replace(FEED, abstract="Old words.", code_url="https://github.com/a/b"), authority=3)
    paper = Paper.objects.get()
    assert (paper.version, paper.abstract) == (2, "Longer and better.")
    assert (paper.code_url, paper.license) == ("https://github.com/a/b", FEED.license)


@pytest.mark.django_db
def test_an_abstract_that_was_cut_short_is_completed() -> None:
    keep(replace(FEED, abstract="We study…"), authority=2)
    keep(replace(DAILY, abstract="We study everything."), authority=1)
    assert Paper.objects.get().abstract == "We study everything."


@pytest.mark.django_db
def test_a_withdrawal_takes_the_pdf_and_keeps_the_rest() -> None:
    keep(replace(FEED, pdf_url="https://arxiv.org/pdf/2503.01234v1"), authority=2)
    gone = replace(FEED, version=2, comment="This paper has been withdrawn", withdrawn=True)
    keep(gone, authority=3)
    paper = Paper.objects.get()
    assert (paper.withdrawn, paper.pdf_url, paper.abstract) == (True, "", "Short.")
    keep(replace(DAILY, withdrawn=None))
    assert Paper.objects.get().withdrawn


@pytest.mark.django_db
def test_a_paper_that_its_archive_deleted_is_withdrawn_once() -> None:
    keep(FEED)
    assert [withdraw(["2503.01234", "2503.09999"]), withdraw(["2503.01234"])] == [1, 0]
    assert Paper.objects.get().withdrawn


@pytest.mark.django_db
def test_a_title_alone_does_not_make_two_papers_one() -> None:
    first = PaperRecord("Editorial", authors=("Ann Lee",))
    second = PaperRecord("Editorial", authors=("Bo Chen",))
    assert keep(first, second) == Counts(created=2)
    assert keep(first, second) == Counts(unchanged=2)
    assert keep(replace(FEED, title="Editorial", authors=("Cy Doe",))) == Counts(created=1)
    twins = (replace(FEED, arxiv_id=f"2504.0000{number}") for number in range(2))
    assert keep(*twins) == Counts(created=2)


@pytest.mark.django_db
def test_a_doi_makes_two_tellings_one_paper() -> None:
    keep(replace(FEED, doi="10.1000/abc"))
    assert keep(PaperRecord("Another title", doi="10.1000/abc")) == Counts(unchanged=1)


@pytest.mark.django_db
def test_a_paper_listed_twice_in_one_batch_is_one_row() -> None:
    assert keep(LISTED, FEED, replace(FEED, version=2), FEED) == Counts(
        created=1, updated=2, unchanged=1
    )
    assert Paper.objects.get().version == 2


@pytest.mark.django_db
def test_reading_the_same_again_writes_nothing() -> None:
    records = [LISTED, FEED, DAILY, ARCHIVE, SECOND]
    keep_each(records)
    keep_each(records)
    before = list(Paper.objects.values())
    with CaptureQueriesContext(connection) as queries:
        keep_each(records)
    verbs = {query["sql"].split()[0] for query in queries}
    assert not verbs & {"INSERT", "UPDATE", "DELETE"}
    assert list(Paper.objects.values()) == before


@pytest.mark.django_db
def test_queries_do_not_grow_with_the_papers() -> None:
    def records(size: int) -> list[PaperRecord]:
        return [replace(FEED, arxiv_id=f"2503.{size}{number:03}") for number in range(size)]

    counts = []
    for size in (10, 90):
        with CaptureQueriesContext(connection) as queries:
            keep(*records(size))
        counts.append(len([query for query in queries if "SAVEPOINT" not in query["sql"]]))
    assert max(counts) <= 12


@pytest.mark.django_db
def test_a_record_that_the_database_refuses_leaves_the_others() -> None:
    records = [replace(FEED, arxiv_id=f"2503.0000{number}") for number in range(5)]
    records[2] = replace(records[2], version=-1)
    counts = keep(*records)
    assert (counts.created, counts.rejected) == (4, 1)
    assert counts.rejections[0].record == "2503.00002"


@pytest.mark.django_db
def test_a_dry_run_counts_and_leaves_no_trace() -> None:
    assert upsert([FEED, DAILY], source="test", dry_run=True) == Counts(created=1, updated=1)
    assert not Paper.objects.exists()
    assert not Signal.objects.exists()


@pytest.mark.django_db
def test_measurements_become_a_series_and_repeat_none() -> None:
    later = replace(
        DAILY,
        measurements=(Measurement("upvotes", 9),),
        observed_at=datetime(2025, 3, 12, 9, tzinfo=UTC),
    )
    keep(DAILY, later)
    keep(DAILY, later)
    assert list(Signal.objects.order_by("observed_at").values_list("value", flat=True)) == [3, 9]


@pytest.mark.django_db
def test_enrichment_adds_no_paper() -> None:
    assert upsert([FEED], source="test", only_known=True) == Counts(unchanged=1)
    assert not Paper.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_workers_that_read_the_same_at_once_leave_one_row_each() -> None:
    records = [replace(DAILY, arxiv_id=f"2503.{number:05}") for number in range(200)]
    found: list[Counts] = []

    def work() -> None:
        found.append(keep(*records))
        connections.close_all()

    workers = [Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(counts.created for counts in found) == Paper.objects.count() == 200
    assert sum(counts.rejected for counts in found) == 0
    assert Signal.objects.count() == 200
