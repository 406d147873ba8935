"""The protocol of a visit to a source: its input, and the pages that it yields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from papers.sources.record import Listing, PaperRecord

Cursor = dict[str, Any]


class Parse(Protocol):
    """Reads one answer or file.

    ``today`` dates what is undated, ``day`` overrides the date of the whole. Raises ListingError
    when the whole is not of this format.
    """

    def __call__(self, body: bytes, *, today: date, day: date | None = None) -> Listing:
        """Return the listing."""


class FetchError(Exception):
    """A source cannot be read; the message is one sentence for the operator.

    ``retry_at`` is the time for which the source itself asked to be tried again.
    """

    def __init__(self, message: str, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class NotFoundError(FetchError):
    """The source has nothing at this address (404, 410)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The decompressed body of an answer.

    ``unchanged``: the source has nothing newer than the validators of the request. ``cut_off``:
    the connection broke before the end. ``limits``: the headers that begin with
    ``x-ratelimit-``, in lower case.
    """

    body: bytes = b""
    etag: str = ""
    last_modified: str = ""
    unchanged: bool = False
    cut_off: bool = False
    limits: Mapping[str, str] = field(default_factory=dict)


class Ask(Protocol):
    """Sends one request.

    ``accept`` is the expected kind of content (``xml``, ``json``, ``text``); with ``json`` the
    request is a POST of that value. Raises FetchError.
    """

    def __call__(
        self,
        url: str,
        *,
        accept: str,
        etag: str = "",
        last_modified: str = "",
        headers: Mapping[str, str] | None = None,
        json: object = None,
    ) -> Answer:
        """Return the answer."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit to a source.

    ``cursor`` is the position that the last visit reached, ``wanted`` the arXiv ids to ask for,
    ``key`` the operator's API key of this source.
    """

    address: str
    ask: Ask
    now: datetime
    cursor: Cursor = field(default_factory=dict)
    wanted: tuple[str, ...] = ()
    key: str = ""

    def url(self, base: str, path: str = "", **parameters: str | int) -> str:
        """Return ``base`` with a path below it and these query parameters.

        A source whose address is a whole URL has that as its base, and keeps the parameters in it.
        """
        parts = urlsplit(self.address if "://" in self.address else base)
        named = dict(parse_qsl(parts.query, keep_blank_values=True))
        query = urlencode({**parameters, **named})
        return urlunsplit(parts._replace(path=parts.path + path, query=query, fragment=""))

    @property
    def today(self) -> date:
        """Return the day of the visit (UTC)."""
        return self.now.astimezone(UTC).date()


@dataclass(frozen=True, slots=True)
class Step:
    """One page, and the cursor from which to go on once its records are stored.

    ``updates`` are records that may update known papers but add none. ``progress`` is the share
    of the visit that is done. ``resume_at`` is set on the last page of a visit that ended before
    the source did: the time to go on.
    """

    listing: Listing
    cursor: Cursor
    progress: float = 1.0
    updates: tuple[PaperRecord, ...] = ()
    resume_at: datetime | None = None


Fetch = Callable[[Visit], Iterator[Step]]


def one_page(parse: Parse, *, accept: str, base: str = "") -> Fetch:
    """Return the fetch of a source that is one page, requested only when it has changed."""

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
    """Parse an answer; one that was cut off is marked as damaged."""
    listing = parse(answer.body, today=visit.today)
    if answer.cut_off and not listing.damage:
        listing.damage = "The connection broke before the end of the answer."
    return listing
