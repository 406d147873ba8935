"""The kinds of listings, by name. Each module parses one format; parsing touches nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

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
from papers.sources.record import Listing


class Parse(Protocol):
    """Read one answer or file. ``today`` dates what is undated, ``day`` overrides its date.

    Raises ListingError when the whole is not of this format.
    """

    def __call__(self, body: bytes, *, today: date, day: date | None = None) -> Listing: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of listing.

    ``authority``: how far its texts are trusted when two sources tell of the same version of a
    paper: 3 the archive's own records, 2 its feeds, 1 other services, 0 copied text.
    ``enriches``: it adds to papers that are known and never brings new ones.
    """

    parse: Parse
    authority: int
    enriches: bool = False


KINDS: Final[dict[str, Kind]] = {
    "listing": Kind(listing.parse, authority=0),
    "arxiv-api": Kind(arxiv_api.parse, authority=3),
    "arxiv-rss": Kind(arxiv_rss.parse, authority=2),
    "arxiv-oai": Kind(arxiv_oai.parse, authority=3),
    "hf-daily": Kind(hf_daily.parse, authority=1),
    "jsonl": Kind(jsonl.parse, authority=1),
    "semantic-scholar": Kind(semantic_scholar.parse, authority=1, enriches=True),
    "openalex": Kind(openalex.parse, authority=1, enriches=True),
}
