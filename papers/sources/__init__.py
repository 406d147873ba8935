"""The kinds of listings, by name. Each module parses one format; parsing touches nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

from papers.sources import listing
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
    """

    parse: Callable[..., Listing]
    authority: int


KINDS: Final[dict[str, Kind]] = {
    "listing": Kind(listing.parse, authority=0),
}
