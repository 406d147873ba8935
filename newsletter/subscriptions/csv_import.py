"""The list of subscribers as a CSV file: taken in from elsewhere, and given out.

Whoever unsubscribed, complained or was erased stays away, whatever a file says. Work goes chunk
by chunk, each in one transaction with a fixed number of queries.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, cast

from django.db import transaction
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, now

from newsletter.models import Consent, Interest, Subscriber
from newsletter.security import email_addresses
from newsletter.security.email_addresses import Address
from newsletter.subscriptions import due_dates, paper_requests, parsers, preferences, suppressions
from newsletter.subscriptions.csv_files import Row, Table, neutralised, restored
from newsletter.subscriptions.preferences import Choices

ROWS_AT_ONCE: Final = 500
LISTS: Final = ("topics", "interests", "likes", "authors", "muted")
COLUMNS: Final = ("email", "confirmed_at", "consent_source", *preferences.SETTINGS, *LISTS)
Status = Subscriber.Status
CLOSED: Final = frozenset({Status.UNSUBSCRIBED, Status.SUPPRESSED})
IN_ROW: Final = (
    *preferences.SETTINGS,
    "status",
    "confirmed_at",
    "consent_source",
    "next_digest_at",
)

Report = Callable[[int, str], None]


class RowError(ValueError):
    """A row that cannot be taken; the message is one sentence for the operator."""


@dataclass
class ParsedRow:
    """One row, parse_row."""

    line: int
    address: Address
    choices: Choices
    likes: list[str] = field(default_factory=list)
    confirmed_at: datetime | None = None
    consent_source: str = ""

    @property
    def consented(self) -> bool:
        return bool(self.confirmed_at and self.consent_source)


def import_table(table: Table, origin: str, report: Report) -> Counter[str]:
    """Create and update subscribers from a table; ``report`` hears of every row refused.

    A row with ``confirmed_at`` and ``consent_source`` becomes active, one without pending; no
    mail is queued. An empty cell says nothing about its column. Returns the counts ``created``,
    ``updated``, ``unchanged`` and ``refused``, which add up to the rows.
    """
    counts: Counter[str] = Counter()
    for chunk in _chunks(_entries(table, counts, report)):
        counts += Batch(chunk, origin, report).store()
    return counts


def _entries(table: Table, counts: Counter[str], report: Report) -> Iterator[ParsedRow]:
    for row in table.rows:
        try:
            yield parse_row(row)
        except RowError as error:
            report(row.line, str(error))
            counts["refused"] += 1


def _chunks(entries: Iterator[ParsedRow]) -> Iterator[list[ParsedRow]]:
    """Entries in chunks in which no address comes twice: a later row changes an earlier one."""
    chunk: dict[str, ParsedRow] = {}
    for entry in entries:
        if len(chunk) == ROWS_AT_ONCE or entry.address.key in chunk:
            yield list(chunk.values())
            chunk = {}
        chunk[entry.address.key] = entry
    if chunk:
        yield list(chunk.values())


def parse_row(row: Row) -> ParsedRow:
    """The row's cells as valid values; liked papers are still names. Raises RowError."""
    if row.problem:
        raise RowError(row.problem)
    cells = {name: cell.strip(" ") for name, cell in row.cells.items()}
    try:
        entry = ParsedRow(
            row.line, email_addresses.parse(restored(cells.get("email", ""))), Choices()
        )
        said = {
            name: parsers.PARSERS[name](_restored(name, cells[name]))
            for name in (*preferences.SETTINGS, *LISTS)
            if name != "likes" and cells.get(name)
        }
        entry.likes = parsers.phrases(_restored("likes", cells.get("likes", "")))
        entry.consent_source = _source(restored(cells.get("consent_source", "")))
    except (email_addresses.EmailAddressError, parsers.InputError) as error:
        raise RowError(str(error)) from error
    entry.choices = cast(Choices, said)
    entry.confirmed_at = _moment(cells.get("confirmed_at", ""))
    return entry


def _restored(name: str, cell: str) -> str:
    if name not in LISTS:
        return restored(cell)
    return ";".join(restored(part.strip(" ")) for part in cell.split(";"))


def _source(text: str) -> str:
    words = parsers.phrases(text)
    if len(words) > 1 or len(text) > 200:
        raise RowError("consent_source is one line of at most 200 characters without “;”.")
    return words[0] if words else ""


def _moment(text: str) -> datetime | None:
    """An ISO 8601 date or time, UTC unless it says otherwise."""
    if not text:
        return None
    try:
        moment = parse_datetime(text) or datetime.fromisoformat(text)
        moment = (moment.replace(tzinfo=UTC) if is_naive(moment) else moment).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise RowError(
            f"{parsers.quoted(text)} is not a time; write confirmed_at like 2025-03-11T08:00:00Z."
        ) from error
    if moment > now():
        raise RowError(f"confirmed_at {parsers.quoted(text)} is in the future.")
    return moment


class Batch:
    """Rows of different addresses, stored together."""

    def __init__(self, entries: list[ParsedRow], origin: str, report: Report) -> None:
        self.origin, self.report, self.at = origin, report, now()
        self.counts: Counter[str] = Counter()
        self.entries = self._with_papers(entries)
        self.changed: list[tuple[Subscriber, ParsedRow]] = []

    def store(self) -> Counter[str]:
        """Write what is new or different and return the counts."""
        keys = {entry.address.key for entry in self.entries}
        with transaction.atomic():
            locked = Subscriber.objects.select_for_update().order_by("pk")
            known = locked.in_bulk(list(keys), field_name="email_key")
            suppressed = suppressions.suppressed_among(keys)
            chosen = preferences.of_many(known.values())
            fresh: list[ParsedRow] = []
            for entry in self.entries:
                subscriber = known.get(entry.address.key)
                closed = subscriber is not None and subscriber.status in CLOSED
                if closed or entry.address.key in suppressed:
                    self._refuse(entry, "This address unsubscribed or is suppressed and stays so.")
                elif subscriber is None:
                    fresh.append(entry)
                else:
                    self._change(subscriber, entry, chosen[subscriber.pk])
            Subscriber.objects.bulk_update([person for person, _ in self.changed], IN_ROW)
            self._create(fresh)
            self._replace_lists()
            paper_requests.request_papers_for_all([person for person, _ in self.changed], self.at)
            Consent.objects.bulk_create(self._consent(*pair) for pair in self.changed)
        return self.counts

    def _with_papers(self, entries: list[ParsedRow]) -> list[ParsedRow]:
        """The entries whose liked papers are all known, with the ids in place of the names."""
        ids = parsers.resolve_papers({name for entry in entries for name in entry.likes})
        good = []
        for entry in entries:
            unknown = next((name for name in entry.likes if name not in ids), None)
            if unknown is not None:
                self._refuse(entry, parsers.unknown_paper(unknown))
                continue
            if entry.likes:
                entry.choices["likes"] = list(dict.fromkeys(ids[name] for name in entry.likes))
            good.append(entry)
        return good

    def _refuse(self, entry: ParsedRow, reason: str) -> None:
        self.report(entry.line, reason)
        self.counts["refused"] += 1

    def _create(self, entries: list[ParsedRow]) -> None:
        rows = [
            self._adopted(Subscriber(email=entry.address.email, email_key=entry.address.key), entry)
            for entry in entries
        ]
        # An address that somebody signs up on the web at this very moment is not lost either.
        Subscriber.objects.bulk_create(rows, ignore_conflicts=True)
        keys = [entry.address.key for entry in entries]
        stored = Subscriber.objects.in_bulk(keys, field_name="email_key")
        self.changed += [(stored[entry.address.key], entry) for entry in entries]
        self.counts["created"] += len(rows)

    def _change(self, subscriber: Subscriber, entry: ParsedRow, chosen: Choices) -> None:
        joins = subscriber.status == Status.PENDING and entry.consented
        if not joins and not _differs(entry.choices, chosen):
            self.counts["unchanged"] += 1
            return
        self.changed.append((self._adopted(subscriber, entry), entry))
        self.counts["updated"] += 1

    def _adopted(self, subscriber: Subscriber, entry: ParsedRow) -> Subscriber:
        """The subscriber with the settings of the entry, its consent, and the next due date."""
        for name in preferences.SETTINGS:
            if name in entry.choices:
                setattr(subscriber, name, entry.choices[name])
        if subscriber.status == Status.PENDING and entry.consented:
            subscriber.status = Status.ACTIVE
            subscriber.confirmed_at = entry.confirmed_at
            subscriber.consent_source = entry.consent_source
        due = subscriber.next_digest_at
        if subscriber.status == Status.ACTIVE and (due is None or due > self.at):
            subscriber.next_digest_at = due_dates.regular_due(subscriber, self.at)
        return subscriber

    def _replace_lists(self) -> None:
        """Make the interests of everybody who changed what their rows say."""
        wanted = {
            (subscriber.pk, kind, value): Interest(subscriber=subscriber, kind=kind, value=value)
            for subscriber, entry in self.changed
            for name, kind in preferences.LISTS.items()
            for value in cast("list[str]", entry.choices.get(name, []))
        }
        said = {
            (subscriber.pk, kind)
            for subscriber, entry in self.changed
            for name, kind in preferences.LISTS.items()
            if name in entry.choices
        }
        rows = Interest.objects.filter(subscriber__in=[pk for pk, _ in said])
        stale = [
            row.pk
            for row in rows
            if (row.subscriber_id, row.kind) in said
            and (row.subscriber_id, row.kind, row.value) not in wanted
        ]
        Interest.objects.filter(pk__in=stale).delete()
        Interest.objects.bulk_create(wanted.values(), ignore_conflicts=True)

    def _consent(self, subscriber: Subscriber, entry: ParsedRow) -> Consent:
        proof = {
            "confirmed_at": entry.confirmed_at.isoformat() if entry.confirmed_at else "",
            "consent_source": entry.consent_source,
        }
        return Consent(
            subscriber=subscriber,
            action=Consent.Action.IMPORT,
            email_as_typed=entry.address.email,
            form=self.origin[:200],
            choices=proof | entry.choices,
            at=self.at,
        )


def _differs(choices: Choices, chosen: Choices) -> bool:
    """Does a row say anything new? The order of a list does not matter."""
    for name, value in choices.items():
        known = chosen[name]  # type: ignore[literal-required]
        if value != known and (name not in LISTS or set(cast("list[str]", value)) != set(known)):
            return True
    return False


def export_rows(subscribers: QuerySet[Subscriber]) -> Iterator[list[str]]:
    """The rows of a file with these subscribers, in the order of ``COLUMNS``; no tokens."""
    people = subscribers.order_by("pk").iterator(chunk_size=ROWS_AT_ONCE)
    while chunk := list(itertools.islice(people, ROWS_AT_ONCE)):
        chosen = preferences.of_many(chunk)
        for person in chunk:
            yield [_cell(name, person, chosen[person.pk]) for name in COLUMNS]


def exportable() -> QuerySet[Subscriber]:
    """Everybody who may be given out: whoever left stays out of every file.

    So does whoever paused: no column says so, and a file with their consent would wake them
    wherever it is taken in.
    """
    return Subscriber.objects.exclude(status__in=(*CLOSED, Status.PAUSED))


def _cell(name: str, person: Subscriber, chosen: Choices) -> str:
    if name == "confirmed_at":
        return person.confirmed_at.isoformat() if person.confirmed_at else ""
    if name in LISTS:
        values = cast("list[str]", chosen[name])  # type: ignore[literal-required]
        return ";".join(neutralised(value.replace(";", ",")) for value in values)
    return neutralised(str(getattr(person, name)))
