"""A megabyte of hostile input for each function that reads foreign text: time grows no faster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any
from xml.sax.saxutils import escape

import pytest

from papers.sources import arxiv_api, arxiv_oai, arxiv_rss, hf_daily, jsonl, listing, openalex
from papers.sources.arxiv import is_withdrawn
from papers.sources.dates import date_line, moment
from papers.sources.record import ListingError, RecordError
from papers.text import clean, identifiers
from papers.text.author_names import author_name, name_parts, split_names
from papers.text.links import code_link
from tests.machine_speed import within

MEGABYTE = 1_000_000
TODAY = date(2026, 11, 30)
PARTS = [
    " ", ")", "$1,", ". A", "&a", "<p a=", "http://a)", "arxiv:a/", "?\n", "[", "pages ", "a and ",
]  # fmt: skip
FEED = (
    '<rss version="2.0"><channel><title>arXiv</title><item><title>{0}</title>'
    "<guid>oai:arXiv.org:2611.00001v1</guid><description>{0}</description>"
    '<dc:creator xmlns:dc="http://purl.org/dc/elements/1.1/">{0}</dc:creator></item></channel></rss>'
)
READERS: dict[str, Callable[[str], Any]] = {
    "unescaped": clean.unescaped,
    "without_markup": clean.without_markup,
    "arxiv_id": identifiers.arxiv_id,
    "mentioned_arxiv_ids": identifiers.mentioned_arxiv_ids,
    "pasted_arxiv_ids": identifiers.pasted_arxiv_ids,
    "doi": identifiers.doi,
    "title_key": identifiers.title_key,
    "split_names": split_names,
    "author_name": author_name,
    "name_parts": name_parts,
    "is_withdrawn": is_withdrawn,
    "code_link": code_link,
    "moment": moment,
    "date_line": lambda text: date_line(text, TODAY),
    "listing": lambda text: listing.parse(text.encode(), today=TODAY),
    "jsonl": lambda text: jsonl.parse(text.encode(), today=TODAY),
    "hf-daily": lambda text: hf_daily.parse(b"[" + text.encode(), today=TODAY),
    "openalex": lambda text: openalex.parse(text.encode(), today=TODAY),
    "arxiv-api": lambda text: arxiv_api.parse(f"<feed>{text}".encode(), today=TODAY),
    "arxiv-oai": lambda text: arxiv_oai.parse(f"<OAI-PMH>{text}".encode(), today=TODAY),
    # Three fields hold the text.
    "arxiv-rss": lambda text: arxiv_rss.parse(
        FEED.format(escape(text[: len(text) // 3])).encode(), today=TODAY
    ),
}


def is_fast(read: Callable[[str], Any], text: str, seconds: float) -> bool:
    def attempt() -> None:
        with suppress(ListingError, RecordError):
            read(text)

    return within(seconds, attempt)


@pytest.mark.parametrize("name", READERS)
def test_a_megabyte_is_read_in_under_two_seconds(name: str) -> None:
    read = READERS[name]
    # A tenth first: what grows with the square would hold the test for minutes.
    slow = [
        part
        for part in PARTS
        if not is_fast(read, part * (MEGABYTE // 10 // len(part)), 1)
        or not is_fast(read, part * (MEGABYTE // len(part)), 2)
    ]
    assert slow == []


def test_a_broken_list_of_many_small_items_is_read_in_under_two_seconds() -> None:
    body = "[" + "1," * 200_000
    assert is_fast(lambda text: hf_daily.parse(text.encode(), today=TODAY), body, 2)


def test_a_broken_feed_with_many_namespaces_is_refused() -> None:
    declared = "".join(f' xmlns:a{number}="u"' for number in range(5_000))
    with pytest.raises(ListingError, match="not well-formed"):
        arxiv_api.parse(f"<feed{declared}>{'<entry>' * 5_000}".encode(), today=TODAY)
