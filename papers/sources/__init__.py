"""The kinds of listings by name. Each module parses one format, without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from papers.sources import (
    arxiv_api,
    arxiv_oai,
    arxiv_rss,
    hf_daily,
    jsonl,
    listing,
    openalex,
    semantic_scholar,
)
from papers.sources.protocol import Fetch, Parse, one_page


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of listing.

    ``authority``: the rank of its texts when two sources have the same version of a paper: 3 the
    archive's own records, 2 its feeds, 1 other services, 0 copied text. ``enriches``: it adds to
    known papers and never brings new ones. ``key``: the setting with the operator's API key.
    """

    parse: Parse
    authority: int
    fetch: Fetch
    enriches: bool = False
    key: str = ""


KINDS: Final[dict[str, Kind]] = {
    "listing": Kind(listing.parse, 0, one_page(listing.parse, accept="text")),
    "arxiv-api": Kind(arxiv_api.parse, 3, arxiv_api.fetch),
    "arxiv-rss": Kind(arxiv_rss.parse, 2, arxiv_rss.fetch),
    "arxiv-oai": Kind(arxiv_oai.parse, 3, arxiv_oai.fetch),
    "hf-daily": Kind(hf_daily.parse, 1, hf_daily.fetch),
    "jsonl": Kind(jsonl.parse, 1, one_page(jsonl.parse, accept="json")),
    "semantic-scholar": Kind(
        semantic_scholar.parse,
        1,
        semantic_scholar.fetch,
        enriches=True,
        key="SEMANTIC_SCHOLAR_API_KEY",
    ),
    "openalex": Kind(openalex.parse, 1, openalex.fetch, enriches=True, key="OPENALEX_API_KEY"),
}
