"""Visits to sources with more pages than one visit reads, and to sources that repeat themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from papers.sources import arxiv_api, arxiv_oai, hf_daily
from papers.sources.protocol import Answer, Fetch, FetchError, Step, Visit

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
FEED = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:o="http://a9.com/-/spec/opensearch/1.1/">'
    "<o:totalResults>{}</o:totalResults>{}</feed>"
)
ENTRY = (
    "<entry><id>http://arxiv.org/abs/2611.{:05}v1</id><title>T</title><summary>S</summary>"
    "<published>2026-11-30T01:00:00Z</published><updated>2026-11-30T01:00:00Z</updated></entry>"
)
LIST = (
    '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><ListRecords>{}'
    "<resumptionToken>{}</resumptionToken></ListRecords></OAI-PMH>"
)
RECORD = (
    "<record><header><identifier>oai:arXiv.org:2611.{0:05}</identifier>"
    "<datestamp>2026-11-30</datestamp></header><metadata>"
    '<arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>2611.{0:05}</id><created>2026-11-20</created>'
    "<authors/><title>T</title><categories>cs.AI</categories><abstract>A</abstract></arXiv>"
    "</metadata></record>"
)


def steps(fetch: Fetch, answer: Callable[[str], str], **cursor: Any) -> Iterator[Step]:
    def ask(url: str, **_: object) -> Answer:
        return Answer(answer(url).encode())

    return fetch(Visit("cs.AI", ask, NOW, cursor))


def search_pages(size: int, total: int) -> Callable[[str], str]:
    def answer(url: str) -> str:
        start = int(re.findall(r"start=(\d+)", url)[0])
        entries = (ENTRY.format(number + 1) for number in range(start, min(start + size, total)))
        return FEED.format(total, "".join(entries))

    return answer


def archive_pages(total: int) -> Callable[[str], str]:
    def answer(url: str) -> str:
        number = int((re.findall(r"resumptionToken=(\d+)", url) or ["0"])[0])
        token = str(number + 1) if number + 1 < total else ""
        return LIST.format(RECORD.format(number + 1), token)

    return answer


def test_a_search_that_is_too_long_for_a_visit_goes_on_at_once_from_there() -> None:
    pages = list(steps(arxiv_api.fetch, search_pages(1, 30)))
    assert len(pages) == arxiv_api.PAGES_PER_VISIT
    assert [page.resume_at for page in pages[-2:]] == [None, NOW]
    rest = list(steps(arxiv_api.fetch, search_pages(1, 30), **pages[-1].cursor))
    ids = [record.arxiv_id for page in pages + rest for record in page.listing.records]
    assert ids == [f"2611.{number:05}" for number in range(1, 31)]
    assert (rest[-1].cursor, rest[-1].resume_at) == ({"since": "2026-11-30T01:00:00+00:00"}, None)


def test_an_archive_that_is_too_long_for_a_visit_goes_on_at_once_from_there() -> None:
    pages = list(steps(arxiv_oai.fetch, archive_pages(70)))
    assert len(pages) == arxiv_oai.PAGES_PER_VISIT
    assert pages[-1].resume_at == NOW
    rest = list(steps(arxiv_oai.fetch, archive_pages(70), **pages[-1].cursor))
    assert len(pages + rest) == 70
    assert (rest[-1].cursor, rest[-1].resume_at) == ({"from": "2026-11-30"}, None)


def test_a_search_that_gives_one_page_for_ever_is_an_error() -> None:
    same = FEED.format(5000, "".join(map(ENTRY.format, range(1, 201))))
    with pytest.raises(FetchError, match="same papers again at 200 of 5000"):
        list(steps(arxiv_api.fetch, lambda _: same))


@pytest.mark.parametrize("token", ["the same", None], ids=["token", "page"])
def test_an_archive_that_repeats_itself_is_an_error(token: str | None) -> None:
    tokens = iter(range(100))

    def answer(_: str) -> str:
        return LIST.format(RECORD.format(1), token or next(tokens))

    with pytest.raises(FetchError, match="never ends"):
        list(steps(arxiv_oai.fetch, answer))


def test_tokens_that_take_turns_are_an_error() -> None:
    papers = iter(range(1, 100))

    def answer(url: str) -> str:
        return LIST.format(RECORD.format(next(papers)), "b" if "Token=a" in url else "a")

    with pytest.raises(FetchError, match="never ends"):
        list(steps(arxiv_oai.fetch, answer))


@pytest.mark.parametrize("total", ["", "0", "1"], ids=["missing", "nothing", "too small"])
def test_a_search_that_does_not_know_its_size_is_read_to_its_end(total: str) -> None:
    def answer(url: str) -> str:
        return search_pages(200, 600)(url).replace(">600<", f">{total}<")

    pages = list(steps(arxiv_api.fetch, answer))
    assert sum(len(page.listing.records) for page in pages) == 600
    assert "since" in pages[-1].cursor


def test_a_page_that_forgets_the_size_of_its_search_is_not_the_end() -> None:
    def answer(url: str) -> str:
        return FEED.format(0, "") if "start=200" in url else search_pages(200, 600)(url)

    with pytest.raises(FetchError, match="empty page at 200 of 600"):
        list(steps(arxiv_api.fetch, answer))


def test_a_visit_that_goes_on_at_an_empty_page_begins_anew() -> None:
    def answer(url: str) -> str:
        return FEED.format(0, "") if "start=400" in url else search_pages(200, 400)(url)

    pages = list(steps(arxiv_api.fetch, answer, start=400, top="2026-11-29T01:00:00+00:00"))
    assert sum(len(page.listing.records) for page in pages) == 400
    assert pages[-1].cursor == {"since": "2026-11-30T01:00:00+00:00"}


def test_papers_beyond_what_arxiv_gives_of_a_query_are_reported() -> None:
    whole = search_pages(200, 40_000)
    first = arxiv_api.RESULTS_PER_QUERY - 400
    pages = list(steps(arxiv_api.fetch, whole, start=first, top="2026-11-30T01:00:00+00:00"))
    assert len(pages) == 2
    assert pages[-1].cursor == {"since": "2026-11-30T01:00:00+00:00"}
    assert pages[-1].listing.rejections[-1].record == "papers after the first 30000"


def test_an_archive_that_gives_empty_pages_for_ever_is_an_error() -> None:
    tokens = iter(range(100))
    with pytest.raises(FetchError, match="empty pages"):
        list(steps(arxiv_oai.fetch, lambda _: LIST.format("", next(tokens))))


def test_an_archive_that_deletes_the_same_papers_for_ever_is_an_error() -> None:
    tokens = iter(range(100))
    deleted = (
        '<record><header status="deleted"><identifier>oai:arXiv.org:2611.00001</identifier>'
        "<datestamp>2026-11-30</datestamp></header></record>"
    )
    with pytest.raises(FetchError, match="same page again"):
        list(steps(arxiv_oai.fetch, lambda _: LIST.format(deleted, next(tokens))))


def test_an_empty_page_among_others_is_passed() -> None:
    def answer(url: str) -> str:
        page = archive_pages(6)(url)
        return LIST.format("", "3") if "resumptionToken=2" in url else page

    pages = list(steps(arxiv_oai.fetch, answer))
    assert sum(len(page.listing.records) for page in pages) == 5
    assert pages[-1].cursor == {"from": "2026-11-30"}


EXPIRED = (
    '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
    '<error code="badResumptionToken">expired</error></OAI-PMH>'
)


def test_a_token_that_expires_during_a_visit_begins_the_archive_anew_once() -> None:
    expired = iter([EXPIRED])

    def answer(url: str) -> str:
        return next(expired, "") if "resumptionToken=2" in url else ""

    pages = list(steps(arxiv_oai.fetch, lambda url: answer(url) or archive_pages(5)(url)))
    assert {record.arxiv_id for page in pages for record in page.listing.records} == {
        f"2611.{number:05}" for number in range(1, 6)
    }
    assert pages[-1].cursor == {"from": "2026-11-30"}


def test_a_token_that_expired_between_two_visits_begins_the_archive_anew() -> None:
    def answer(url: str) -> str:
        return EXPIRED if "resumptionToken=old" in url else archive_pages(2)(url)

    pages = list(steps(arxiv_oai.fetch, answer, token="old", **{"from": "2026-11-29"}))
    assert len(pages) == 2


def test_an_archive_that_takes_none_of_its_tokens_is_an_error() -> None:
    def answer(url: str) -> str:
        return EXPIRED if "resumptionToken" in url else archive_pages(5)(url)

    with pytest.raises(FetchError, match="none of the resumption tokens"):
        list(steps(arxiv_oai.fetch, answer))


def daily_pages(total: int, *, repeating: bool = False) -> Callable[[str], str]:
    def answer(url: str) -> str:
        page = 0 if repeating else int((re.findall(r"[?&]p=(\d+)", url) or ["0"])[0])
        numbers = range(page * 100, min(page * 100 + 100, total))
        papers = [{"id": f"2611.{number + 1:05}", "title": "T"} for number in numbers]
        return json.dumps([{"paper": paper} for paper in papers])

    return answer


@pytest.mark.parametrize(("total", "read"), [(99, 99), (100, 100), (230, 230), (700, 500)])
def test_a_day_of_more_papers_than_a_page_is_read_whole(total: int, read: int) -> None:
    pages = list(steps(hf_daily.fetch, daily_pages(total), day="2026-11-29"))
    assert [len(page.listing.records) for page in pages] == [read] * hf_daily.POLLED_DAYS
    left_out = {found.record for page in pages for found in page.listing.rejections}
    assert ("papers of 2026-11-30 after 500" in left_out) is (total > read)


def test_a_day_that_repeats_its_first_page_is_read_once() -> None:
    pages = list(steps(hf_daily.fetch, daily_pages(100, repeating=True), day="2026-11-29"))
    assert [len(page.listing.records) for page in pages] == [100] * hf_daily.POLLED_DAYS
