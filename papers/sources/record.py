"""What every parser yields: records of papers, and what was wrong with the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from papers import identifiers, text

TITLE_LENGTH: Final = 1000
URL_LENGTH: Final = 500
AUTHORS: Final = 5000
TRAILING: Final = ".,;:!?'\"\u201d\u2019>]}*"
URL: Final = re.compile(
    r"(?:https?://|www\.|(?=(?:github|gitlab)\.com/))[^\s<>\"\u201c\u201d|\\^`{}]+", re.IGNORECASE
)
REPOSITORY: Final = re.compile(
    r"https://(?:(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org|gitee\.com)/[\w.-]+/[\w.-]+"
    r"|huggingface\.co/(?!papers/|blog/|docs/|collections/|posts/)(?:(?:datasets|spaces)/)?"
    r"[\w.-]+/[\w.-]+)",
    re.IGNORECASE,
)


class ListingError(ValueError):
    """An answer or file as a whole is not what it should be; the message is for people."""


class RecordError(ValueError):
    """One record cannot be used; the message is for people and names what is wrong."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A running total of one paper: ``name`` as in Signal.Name."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class PaperRecord:
    """One paper as one source tells it. Empty means: this source does not say.

    ``arxiv_id`` has no version; ``version`` is None where the source gives none.
    ``announced_at`` is the earliest day on which the paper can have been listed, so that a new
    version or a late cross-list never looks new. ``withdrawn`` is None where the source cannot
    tell. ``measurements`` were taken at ``observed_at``. Times are aware, in UTC.
    """

    title: str
    abstract: str = ""
    arxiv_id: str = ""
    version: int | None = None
    doi: str = ""
    authors: tuple[str, ...] = ()
    primary_category: str = ""
    categories: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    published_at: datetime | None = None
    revised_at: datetime | None = None
    announced_at: datetime | None = None
    comment: str = ""
    journal_ref: str = ""
    license: str = ""
    url: str = ""
    pdf_url: str = ""
    code_url: str = ""
    withdrawn: bool | None = None
    mentions: tuple[str, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """One record that was left out: which one (id, title or place), and why, for people."""

    record: str
    reason: str


@dataclass(slots=True)
class Listing:
    """One answer or file, read.

    ``deleted`` holds arXiv ids that the source no longer has, ``next_page`` the token of the
    next page (empty at the end), ``total`` how many records all pages hold where the source
    says so, ``note`` why a listing without records is in order.
    """

    records: list[PaperRecord] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    next_page: str = ""
    total: int | None = None
    note: str = ""


def title_of(raw: str) -> str:
    """A clean title within its length. Raises RecordError when nothing is left of it."""
    title = text.line(raw)
    if not title:
        raise RecordError("The record has no title.")
    return title if len(title) <= TITLE_LENGTH else title[: TITLE_LENGTH - 1].rstrip() + "…"


def authors_of(names: list[str]) -> tuple[str, ...]:
    """Clean names in their order, each once."""
    cleaned = (text.line(name)[:300] for name in names[:AUTHORS])
    return tuple(dict.fromkeys(name for name in cleaned if name))


def link(address: str) -> str:
    """A web address fit to be shown, with https where its host is known to have it; else empty."""
    address = text.line(address).replace(" ", "%20")
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or "." not in host or len(address) > URL_LENGTH:
        return ""
    if re.fullmatch(r"(?:.*\.)?(?:arxiv\.org|github\.com|doi\.org|huggingface\.co)", host):
        return "https" + address.removeprefix("https").removeprefix("http")
    return address


def links_in(prose: str) -> list[str]:
    """The web addresses in a running text, without the punctuation of its sentences."""
    found = []
    for match in URL.finditer(prose):
        address = match.group().rstrip(TRAILING)
        while address.endswith(")") and address.count("(") < address.count(")"):
            address = address[:-1].rstrip(TRAILING)
        found.append(link(address if "://" in address else f"https://{address}"))
    return [address for address in dict.fromkeys(found) if address]


def code_link(prose: str) -> str:
    """Where the code is, by an abstract's own words: a repository, or an address that its
    sentence calls code. A project page alone is not code."""
    addresses = links_in(prose)
    for address in addresses:
        if REPOSITORY.match(address):
            return address
    for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])", prose):
        if re.search(r"\b(?:source )?codes?\b", sentence, re.IGNORECASE):
            return next(iter(links_in(sentence)), "")
    return ""


def arxiv_links(arxiv_id: str, version: int | None = None) -> tuple[str, str]:
    """The abstract page of a paper, and its PDF (of a version, where one is named)."""
    suffix = f"v{version}" if version else ""
    return f"https://arxiv.org/abs/{arxiv_id}", f"https://arxiv.org/pdf/{arxiv_id}{suffix}"


def mentions_of(abstract: str, own: str = "") -> tuple[str, ...]:
    """The arXiv ids that an abstract names, without the paper's own."""
    return tuple(found.id for found in identifiers.mentioned_arxiv_ids(abstract) if found.id != own)
