"""A visit to a source: what it knows when it sets out, and what it brings back page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from papers.sources.record import Listing, PaperRecord

Cursor = dict[str, Any]


class Parse(Protocol):
    """Read one answer or file. ``today`` dates what is undated, ``day`` overrides its date.

    Raises ListingError when the whole is not of this format.
    """

    def __call__(self, body: bytes, *, today: date, day: date | None = None) -> Listing: ...


class FetchError(Exception):
    """A source could not be asked, or not be understood; the message is for people.

    ``retry_at`` is when the source itself asked to be tried again.
    """

    def __init__(self, message: str, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer, decompressed. ``unchanged``: the source has nothing newer than the
    validators that it was asked with. ``cut_off``: the connection broke before the end."""

    body: bytes = b""
    etag: str = ""
    last_modified: str = ""
    unchanged: bool = False
    cut_off: bool = False


class Ask(Protocol):
    """Ask for an address. ``accept`` is the kind of content expected (``xml``, ``json``,
    ``text``); with ``json`` the request is a POST of it. Raises FetchError."""

    def __call__(
        self,
        url: str,
        *,
        accept: str,
        etag: str = "",
        last_modified: str = "",
        headers: Mapping[str, str] | None = None,
        json: object = None,
    ) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit. ``cursor`` is where the last one got to, ``wanted`` the arXiv ids to ask for,
    ``key`` the operator's key to this source."""

    address: str
    ask: Ask
    now: datetime
    cursor: Cursor = field(default_factory=dict)
    wanted: tuple[str, ...] = ()
    key: str = ""

    def url(self, base: str, **parameters: str | int) -> str:
        """An address below ``base`` with these parameters. A source whose own address is a whole
        URL has that for its base, and keeps the parameters that it names itself."""
        parts = urlsplit(self.address if "://" in self.address else base)
        named = dict(parse_qsl(parts.query, keep_blank_values=True))
        return urlunsplit(parts._replace(query=urlencode({**parameters, **named}), fragment=""))

    @property
    def today(self) -> date:
        """The day of the visit (UTC)."""
        return self.now.astimezone(UTC).date()


@dataclass(frozen=True, slots=True)
class Step:
    """One page that was read, and the cursor from which to go on once its records are kept.

    ``updates`` are records that may bring known papers up to date but add none. ``progress`` is
    what share of the visit is done.
    """

    listing: Listing
    cursor: Cursor
    progress: float = 1.0
    updates: tuple[PaperRecord, ...] = ()


Fetch = Callable[[Visit], Iterator[Step]]


def one_page(parse: Parse, *, accept: str, base: str = "") -> Fetch:
    """The fetch of a source that is one page, asked for only when it has changed."""

    def fetch(visit: Visit) -> Iterator[Step]:
        answer = visit.ask(
            visit.url(base),
            accept=accept,
            etag=visit.cursor.get("etag", ""),
            last_modified=visit.cursor.get("last_modified", ""),
        )
        if answer.unchanged:
            yield Step(Listing(note="Nothing has changed since the last visit."), visit.cursor)
            return
        validators = {"etag": answer.etag, "last_modified": answer.last_modified}
        yield Step(read(parse, answer, visit), visit.cursor | validators)

    return fetch


def read(parse: Parse, answer: Answer, visit: Visit) -> Listing:
    """Parse an answer; what was cut off on its way says so."""
    listing = parse(answer.body, today=visit.today)
    if answer.cut_off and not listing.damage:
        listing.damage = "The connection broke before the end of the answer."
    return listing
