"""Hugging Face's daily papers, JSON Lines, and the services that know citations."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from papers.sources import hf_daily, jsonl, openalex, semantic_scholar
from papers.sources.record import ListingError, Measurement, PaperRecord
from tests.conftest import DATA
from tests.papers.source_server import recorded

TODAY = date(2026, 11, 23)
DAILY = sorted(path.name for path in (DATA / "hf-daily").glob("2*.json.gz"))
SIZES = [13, 16, 14, 16, 14, 8, 23, 17, 50, 23, 17, 10]


def daily(*items: object) -> list[PaperRecord]:
    return hf_daily.parse(json.dumps(items).encode(), today=TODAY).records


def totals(record: PaperRecord) -> dict[str, float]:
    return {found.name: found.value for found in record.measurements}


@pytest.mark.parametrize(("name", "size"), list(zip(DAILY, SIZES, strict=True)))
def test_every_recorded_day_is_read_whole(name: str, size: int) -> None:
    listing = hf_daily.parse(recorded(f"hf-daily/{name}"), today=TODAY)
    assert (len(listing.records), listing.rejections) == (size, [])
    for record in listing.records:
        assert record.arxiv_id
        assert record.abstract
        assert record.authors
        assert {"upvotes", "comments"} <= set(totals(record))


def test_a_daily_paper_has_its_signals_keywords_and_code() -> None:
    (record,) = [
        found
        for found in hf_daily.parse(recorded("hf-daily/2025-08-13.json.gz"), today=TODAY).records
        if found.arxiv_id == "2508.05748"
    ]
    assert totals(record)["stars"] == 5965
    assert record.code_url.startswith("https://github.com/")
    assert record.keywords
    assert record.published_at
    assert record.announced_at
    assert record.published_at.isoformat()[:16] == "2025-08-07T18:03"
    assert record.announced_at.date() == date(2025, 8, 13)


def test_old_answers_tell_the_day_in_the_outer_object() -> None:
    record = hf_daily.parse(recorded("hf-daily/2024-05-27.json.gz"), today=TODAY).records[0]
    assert record.published_at
    assert record.announced_at
    assert (record.published_at.date(), record.announced_at.date()) == (
        date(2024, 5, 24),
        date(2024, 5, 27),
    )


def test_counts_are_found_wherever_they_are_and_however_they_are_written() -> None:
    paper = {"id": "2501.00001", "title": "A", "summary": "B", "upvotes": 3.0, "githubStars": "7"}
    assert totals(daily({"paper": paper, "numComments": None})[0]) == {"upvotes": 3, "stars": 7}
    outer = {"id": "2501.00001", "title": "A", "summary": "B"}
    found = daily({"paper": outer, "upvotes": 4, "numComments": 2.0, "githubStars": -1})[0]
    assert totals(found) == {"upvotes": 4, "comments": 2}
    assert totals(daily({**outer, "upvotes": float("nan"), "numComments": True})[0]) == {}


def test_a_count_too_large_for_a_number_is_left_out_alone() -> None:
    huge = {"id": "2501.00001", "title": "A", "upvotes": 10**400, "stars": 10**400}
    assert totals(daily({**huge, "numComments": 2})[0]) == {"comments": 2}
    line = json.dumps({**huge, "comments": 2}).encode()
    assert totals(jsonl.parse(line, today=TODAY).records[0]) == {"comments": 2}


def test_two_authors_of_one_name_both_stay() -> None:
    listing = hf_daily.parse(recorded("hf-daily/2025-04-21.json.gz"), today=TODAY)
    (record,) = (found for found in listing.records if found.arxiv_id == "2504.13837")
    assert (len(record.authors), record.authors.count("Yang Yue")) == (8, 2)


def test_reading_an_answer_again_measures_at_the_same_time() -> None:
    body = recorded("hf-daily/2025-06-18.json.gz")
    first, again = (hf_daily.parse(body, today=day) for day in (TODAY, date(2027, 1, 1)))
    assert {found.observed_at for found in first.records} == {
        found.observed_at for found in again.records
    }


def test_one_broken_entry_leaves_the_others() -> None:
    good = {"paper": {"id": "2501.00001", "title": "A", "summary": "B"}}
    broken = ({"paper": {"id": "x", "title": "C"}}, 7, "text", {"paper": {"id": "2501.00002"}})
    listing = hf_daily.parse(json.dumps([good, *broken]).encode(), today=TODAY)
    assert (len(listing.records), len(listing.rejections)) == (1, 4)
    assert listing.rejections[0].record == "C"


def test_an_answer_that_was_cut_off_yields_the_papers_that_are_whole() -> None:
    body = recorded("hf-daily/2025-06-18.json.gz")
    listing = hf_daily.parse(body[: len(body) // 2], today=TODAY)
    assert 5 < len(listing.records) < 23
    assert listing.damage
    assert listing.rejections[-1].reason == "It was cut off."


def test_the_feed_that_others_make_of_it_has_its_upvotes() -> None:
    listing = hf_daily.parse(recorded("hf-daily/rss-2025-07-10.xml.gz"), today=TODAY)
    first = listing.records[0]
    assert (len(listing.records), first.arxiv_id) == (28, "2507.03112")
    assert first.measurements == (Measurement("upvotes", 27),)
    assert first.authors[0] == "Peisong Wang"
    assert first.abstract.startswith("Large language models (LLMs) excel at logical")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"[{", "not whole JSON"),
        (b'{"error": "Invalid date"}', "Invalid date"),
        (b'{"papers": 3}', "no list of daily papers"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_list_of_daily_papers_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(ListingError, match=words):
        hf_daily.parse(body, today=TODAY)


def test_one_broken_item_of_that_feed_leaves_the_others() -> None:
    item = "<item><title>A</title><link>https://huggingface.co/papers/2503.0123{}</link>{}</item>"
    broken = item.format(4, "<description>&amp;#0;&amp;#1;</description>")
    feed = f"<rss><channel>{item.format(3, '')}{broken}</channel></rss>"
    listing = hf_daily.parse(feed.encode(), today=TODAY)
    assert [record.arxiv_id for record in listing.records] == ["2503.01233"]
    assert [found.reason for found in listing.rejections] == ["Its description is no HTML."]


def test_a_line_may_name_its_paper_in_any_way() -> None:
    lines = [
        {"id": "arXiv:2503.01234v2", "title": "A", "authors": "Ann Lee, Bo Chen"},
        {"url": "https://arxiv.org/pdf/hep-th/9901001", "title": "B", "authors": [{"name": "Ann"}]},
        {"doi": "https://doi.org/10.48550/arXiv.2503.09999", "title": "C"},
        {"doi": "10.1000/XYZ.", "title": "D", "published": "2025-03-11", "withdrawn": True},
    ]
    body = "\n".join(json.dumps(line) for line in lines).encode()
    records = jsonl.parse(body, today=TODAY).records
    assert [record.arxiv_id for record in records] == [
        "2503.01234", "hep-th/9901001", "2503.09999", "",
    ]  # fmt: skip
    assert records[0].authors == ("Ann Lee", "Bo Chen")
    assert (records[3].doi, records[3].withdrawn) == ("10.1000/xyz", True)
    assert records[3].published_at == datetime(2025, 3, 11, tzinfo=UTC)


def test_broken_lines_are_rejected_by_their_number() -> None:
    broken = ("not json", "[1]", '{"abstract": "x"}', '{"title": "B", "published": "soon"}')
    body = "\n".join(('{"title": "A"}', *broken)).encode()
    listing = jsonl.parse(body, today=TODAY)
    assert [record.title for record in listing.records] == ["A"]
    assert [found.record for found in listing.rejections] == [
        "line 2",
        "line 3",
        "line 4",
        "line 5",
    ]
    with pytest.raises(ListingError, match="No line of the file is a paper"):
        jsonl.parse(b"Dear diary\n", today=TODAY)


def test_semantic_scholar_knows_citations_and_dois() -> None:
    body = json.dumps(
        [
            {
                "title": "A <i>b</i> &amp; c",
                "externalIds": {"ArXiv": "2503.01234", "DOI": "10.1000/ABC"},
                "citationCount": 12,
            },
            None,
        ]
    ).encode()
    (record,) = semantic_scholar.parse(body, today=TODAY).records
    assert (record.title, record.arxiv_id, record.doi) == ("A b & c", "2503.01234", "10.1000/abc")
    assert totals(record) == {"citations": 12}


@pytest.mark.parametrize(("name", "size"), [("search.json", 100), ("recommendations.json", 100)])
def test_recorded_answers_of_semantic_scholar_are_lists_of_papers(name: str, size: int) -> None:
    listing = semantic_scholar.parse(recorded(f"semantic-scholar/{name}"), today=TODAY)
    assert len(listing.records) + len(listing.rejections) == size
    assert not listing.rejections


def test_openalex_knows_citations_by_the_arxiv_doi() -> None:
    work = {
        "title": "A",
        "doi": "https://doi.org/10.48550/arxiv.2503.01234",
        "cited_by_count": 3,
        "locations": [{"landing_page_url": "https://doi.org/10.1000/abc"}],
        "abstract_inverted_index": {"world": [1], "Hello": [0]},
    }
    (record,) = openalex.parse(json.dumps({"results": [work]}).encode(), today=TODAY).records
    assert (record.arxiv_id, record.doi, record.abstract) == (
        "2503.01234", "10.1000/abc", "Hello world",
    )  # fmt: skip
    assert totals(record) == {"citations": 3}


def test_gaps_in_an_enrichment_leave_the_others() -> None:
    whole = {"title": "A", "doi": "https://doi.org/10.48550/arxiv.2503.01234"}
    odd = {**whole, "locations": 5, "authorships": 7, "cited_by_count": 10**400}
    listing = openalex.parse(json.dumps({"results": [None, odd, whole]}).encode(), today=TODAY)
    assert [record.arxiv_id for record in listing.records] == ["2503.01234"] * 2
    assert len(listing.rejections) == 1


def test_a_month_without_a_day_is_its_first() -> None:
    line = json.dumps({"title": "A title", "published": "2023-11"}).encode()
    [record] = jsonl.parse(line, today=TODAY).records
    assert record.published_at == datetime(2023, 11, 1, tzinfo=UTC)


def test_an_id_that_is_written_as_a_number_keeps_its_last_zero() -> None:
    [record] = jsonl.parse(b'{"id": 2611.00010, "title": "T", "upvotes": 2.0}', today=TODAY).records
    assert record.arxiv_id == "2611.00010"
    assert totals(record) == {"upvotes": 2}
