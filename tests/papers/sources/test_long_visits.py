"""Visits to sources with more pages than one visit reads, and to sources that repeat themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from papers.sources import arxiv_api, arxiv_oai
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
