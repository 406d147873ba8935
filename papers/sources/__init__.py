"""The kinds of listings, by name. Each module parses one format; parsing touches nothing else."""

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

    ``authority``: how far its texts are trusted when two sources tell of the same version of a
    paper: 3 the archive's own records, 2 its feeds, 1 other services, 0 copied text.
    ``enriches``: it adds to papers that are known and never brings new ones.
    """

    parse: Parse
    authority: int
    fetch: Fetch
    enriches: bool = False


KINDS: Final[dict[str, Kind]] = {
    "listing": Kind(listing.parse, 0, one_page(listing.parse, accept="text")),
    "arxiv-api": Kind(arxiv_api.parse, 3, arxiv_api.fetch),
    "arxiv-rss": Kind(arxiv_rss.parse, 2, arxiv_rss.fetch),
    "arxiv-oai": Kind(arxiv_oai.parse, 3, arxiv_oai.fetch),
    "hf-daily": Kind(hf_daily.parse, 1, hf_daily.fetch),
    "jsonl": Kind(jsonl.parse, 1, one_page(jsonl.parse, accept="json")),
    "semantic-scholar": Kind(semantic_scholar.parse, 1, semantic_scholar.fetch, enriches=True),
    "openalex": Kind(openalex.parse, 1, openalex.fetch, enriches=True),
}
