"""Lists of subscribers taken in from CSV files, of this service and of others.

Nobody who unsubscribed, complained or was erased is brought back, whatever a file says. Rows are
stored in batches, each in one transaction with a fixed number of queries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from django.db import transaction
from django.db.models import Max
from django.utils.timezone import now

from newsletter.models import Consent, Interest, Notice, Subscriber
from newsletter.security.tokens import CONFIRM_LIFETIME
from newsletter.subscriptions import (
    csv_rows,
    due_dates,
    paper_requests,
    parsers,
    preferences,
    suppressions,
)
from newsletter.subscriptions.csv_files import RowResult, Table
from newsletter.subscriptions.csv_repeats import STAYS_AWAY, SUPPRESSED_ALREADY, RepeatedRows
from newsletter.subscriptions.csv_rows import ParsedRow
from newsletter.subscriptions.preferences import Choices
from newsletter.subscriptions.presets import OWN, Preset

ROWS_AT_ONCE: Final = 500
CONFIRMATIONS_A_MINUTE: Final = 100
CONFIRMATION_INTERVAL: Final = timedelta(minutes=1) / CONFIRMATIONS_A_MINUTE
CONFIRMATION_PAUSE: Final = timedelta(days=7)
"""An address that was asked to confirm is not asked again by an import for so long."""
RESULTS: Final = ("created", "updated", "unchanged", "suppressed", "refused")
Status = Subscriber.Status
CLOSED: Final = frozenset({Status.UNSUBSCRIBED, Status.SUPPRESSED})
IN_ROW: Final = (
    *preferences.SETTINGS,
    "status",
    "confirmed_at",
    "consent_source",
    "next_digest_at",
)


@dataclass(frozen=True)
class ImportOptions:
    """How a table is taken in.

    Args:
        origin: The form that the consent log names.
        preset: The service that made the file.
        send_confirmations: Ask everybody pending by mail to confirm.
        dry_run: Store nothing.
    """

    origin: str
    preset: Preset = OWN
    send_confirmations: bool = False
    dry_run: bool = False


def import_table(
    table: Table,
    options: ImportOptions,
    report: Callable[[RowResult], None],
    after_batch: Callable[[], None] = lambda: None,
) -> Counter[str]:
    """Create, update and suppress subscribers from a table.

    A row with a proof of consent becomes active, one without pending. An empty cell leaves its
    setting as it is.

    Args:
        table: The list.
        options: How it is taken in.
        report: Called for every row, with one of ``RESULTS``.
        after_batch: Called after each batch, in its transaction unless it is a dry run.

    Returns:
        The counts of ``RESULTS``, which add up to the rows.
    """
    counts: Counter[str] = Counter()

    def count(result: RowResult) -> None:
        counts[result.result] += 1
        report(result)

    at = now()
    schedule = ConfirmationSchedule(at) if options.send_confirmations else None
    again = RepeatedRows() if options.dry_run else None
    for parsed in _batches(csv_rows.parse_rows(table, options.preset), count):
        rows = again.others(parsed, count) if again else parsed
        with transaction.atomic():
            batch = Batch(rows, options, schedule, at)
            batch.store(count)
            if again:
                again.note(rows, batch.results, batch.statuses())
                transaction.set_rollback(True)
            else:
                after_batch()
        if again:
            after_batch()
    return counts


def _batches(
    rows: Iterator[ParsedRow | RowResult], report: Callable[[RowResult], None]
) -> Iterator[list[ParsedRow]]:
    """Yield batches in which no address comes twice: a later row changes an earlier one."""
    batch: dict[str, ParsedRow] = {}
    for row in rows:
        if isinstance(row, RowResult):
            report(row)
            continue
        if len(batch) == ROWS_AT_ONCE or row.address.key in batch:
            yield list(batch.values())
            batch = {}
        batch[row.address.key] = row
    if batch:
        yield list(batch.values())


class ConfirmationSchedule:
    """The times at which imported addresses are asked to confirm, so many a minute.

    It begins after the requests that earlier imports left in the queue.
    """

    def __init__(self, at: datetime) -> None:
        waiting = Notice.objects.filter(
            kind=Notice.Kind.CONFIRM, state=Notice.State.QUEUED, next_attempt_at__gt=at
        )
        last = waiting.aggregate(last=Max("next_attempt_at"))["last"]
        self.next_at = last + CONFIRMATION_INTERVAL if last else at

    def take(self) -> datetime:
        """Return the time of one more request."""
        taken = self.next_at
        self.next_at += CONFIRMATION_INTERVAL
        return taken


class Batch:
    """Rows of different addresses, stored together."""

    def __init__(
        self,
        rows: list[ParsedRow],
        options: ImportOptions,
        schedule: ConfirmationSchedule | None,
        at: datetime,
    ) -> None:
        self.rows, self.options, self.schedule, self.at = rows, options, schedule, at
        self.results: list[RowResult] = []
        self.changed: list[tuple[Subscriber, ParsedRow]] = []
        self.unconfirmed: list[tuple[Subscriber, ParsedRow]] = []

    def store(self, report: Callable[[RowResult], None]) -> None:
        """Write what is new or different and report the rows in their order."""
        rows = self._with_papers()
        keys = {row.address.key for row in rows}
        locked = Subscriber.objects.select_for_update().order_by("pk")
        known = locked.in_bulk(list(keys), field_name="email_key")
        suppressed = suppressions.suppressed_among(keys)
        chosen = preferences.of_many(known.values())
        fresh: list[ParsedRow] = []
        for row in rows:
            subscriber = known.get(row.address.key)
            if row.suppression:
                self._suppress(row, subscriber, suppressed, fresh)
            elif self._is_closed(row, subscriber, suppressed):
                continue
            elif subscriber is None:
                fresh.append(row)
            else:
                self._change(subscriber, row, chosen[subscriber.pk])
        Subscriber.objects.bulk_update([person for person, _ in self.changed], IN_ROW)
        self._create(fresh)
        self._replace_lists()
        paper_requests.request_papers_for_all([person for person, _ in self.changed], self.at)
        self._log()
        suppressions.suppress_many([row.suppression for row in rows if row.suppression])
        for result in sorted(self.results):
            report(result)

    def statuses(self) -> dict[int, str]:
        """Return the status of every created or updated subscriber, by the line of its row."""
        return {row.line: subscriber.status for subscriber, row in self.changed}

    def _with_papers(self) -> list[ParsedRow]:
        """Return the rows whose rated papers are all known, with ids in place of names."""
        names = {name for row in self.rows for names in row.papers.values() for name in names}
        ids = parsers.resolve_papers(names)
        ids |= {name: name for name in names - ids.keys() if csv_rows.TITLE_ID.fullmatch(name)}
        good = []
        for row in self.rows:
            listed = [name for names in row.papers.values() for name in names]
            unknown = next((name for name in listed if name not in ids), None)
            if unknown is not None:
                self._report(row, "refused", parsers.unknown_paper(unknown))
                continue
            for kind, wanted in row.papers.items():
                papers = list(dict.fromkeys(ids[name] for name in wanted))
                row.choices[kind] = papers  # type: ignore[literal-required]
            good.append(row)
        return good

    def _report(self, row: ParsedRow, result: str, sentence: str = "") -> None:
        self.results.append(RowResult(row.line, result, row.said(sentence), row.address.email))

    def _suppress(
        self,
        row: ParsedRow,
        subscriber: Subscriber | None,
        suppressed: set[str],
        fresh: list[ParsedRow],
    ) -> None:
        if row.address.key in suppressed:
            self._report(row, "unchanged", SUPPRESSED_ALREADY)
            return
        detail = row.suppression.detail if row.suppression else ""
        self._report(row, "suppressed", detail)
        if subscriber is None and not row.foreign:
            fresh.append(row)

    def _is_closed(
        self, row: ParsedRow, subscriber: Subscriber | None, suppressed: set[str]
    ) -> bool:
        """Return whether nothing may be stored for a row, and report it then."""
        closed = subscriber is not None and subscriber.status in CLOSED
        if not closed and row.address.key not in suppressed:
            return False
        if subscriber is not None and row.status == subscriber.status:
            self._report(row, "unchanged")
        else:
            self._report(row, "refused", STAYS_AWAY)
        return True

    def _create(self, rows: list[ParsedRow]) -> None:
        people = [self._new_subscriber(row) for row in rows]
        # An address that somebody signs up on the web at this very moment is not lost either.
        Subscriber.objects.bulk_create(people, ignore_conflicts=True)
        keys = [row.address.key for row in rows]
        stored = Subscriber.objects.in_bulk(keys, field_name="email_key")
        for row in rows:
            self._changed(stored[row.address.key], row)
            if not row.suppression:
                self._report(row, "created", str(stored[row.address.key].get_status_display()))

    def _new_subscriber(self, row: ParsedRow) -> Subscriber:
        subscriber = Subscriber(
            email=row.address.email,
            email_key=row.address.key,
            created_at=row.created_at or self.at,
        )
        self._apply(subscriber, row)
        if row.status in CLOSED or row.status == Status.PENDING:
            subscriber.confirmed_at = row.confirmed_at
            subscriber.consent_source = row.consent_source
        if row.status in CLOSED or (row.status == Status.PAUSED and row.consented):
            subscriber.status = row.status
            subscriber.next_digest_at = None
        if subscriber.status == Status.PAUSED:
            subscriber.paused_until = row.paused_until
        return subscriber

    def _change(self, subscriber: Subscriber, row: ParsedRow, chosen: Choices) -> None:
        joins = subscriber.status == Status.PENDING and row.consented
        if not joins and not _differs(row.choices, chosen):
            self._report(row, "unchanged", str(subscriber.get_status_display()))
            if subscriber.status == Status.PENDING:
                self.unconfirmed.append((subscriber, row))
            return
        self._apply(subscriber, row)
        self._changed(subscriber, row)
        self._report(row, "updated", str(subscriber.get_status_display()))

    def _changed(self, subscriber: Subscriber, row: ParsedRow) -> None:
        self.changed.append((subscriber, row))
        if subscriber.status == Status.PENDING:
            self.unconfirmed.append((subscriber, row))

    def _apply(self, subscriber: Subscriber, row: ParsedRow) -> None:
        """Give the subscriber the settings of the row, its consent, and the next due time."""
        for name in preferences.SETTINGS:
            if name in row.choices:
                setattr(subscriber, name, row.choices[name])
        if subscriber.status == Status.PENDING and row.consented:
            subscriber.status = Status.ACTIVE
            subscriber.confirmed_at = row.confirmed_at
            subscriber.consent_source = row.consent_source
        due = subscriber.next_digest_at
        if subscriber.status == Status.ACTIVE and (due is None or due > self.at):
            subscriber.next_digest_at = due_dates.regular_due(subscriber, self.at)

    def _replace_lists(self) -> None:
        """Make the interests of every changed subscriber those of their rows."""
        wanted = {
            (subscriber.pk, kind, value): Interest(
                subscriber=subscriber, kind=kind, value=value, created_at=self._since(row, name, n)
            )
            for subscriber, row in self.changed
            for name, kind in preferences.LISTS.items()
            for n, value in enumerate(cast("list[str]", row.choices.get(name, [])))
        }
        listed = {
            (subscriber.pk, kind)
            for subscriber, row in self.changed
            for name, kind in preferences.LISTS.items()
            if name in row.choices
        }
        rows = Interest.objects.filter(subscriber__in=[pk for pk, _ in listed])
        stale = [
            row.pk
            for row in rows
            if (row.subscriber_id, row.kind) in listed
            and (row.subscriber_id, row.kind, row.value) not in wanted
        ]
        Interest.objects.filter(pk__in=stale).delete()
        Interest.objects.bulk_create(wanted.values(), ignore_conflicts=True)

    def _since(self, row: ParsedRow, name: str, place: int) -> datetime:
        dated = name == "likes" and place < len(row.liked_at)
        return min(row.liked_at[place], self.at) if dated else self.at

    def _log(self) -> None:
        """Write the consent log, and the requests to confirm that refer to it."""
        logged = Consent.objects.bulk_create(
            [self._consent(*pair, Consent.Action.IMPORT) for pair in self.changed]
        )
        Consent.objects.bulk_create(
            self._consent(subscriber, row, action)
            for subscriber, row in self.changed
            if (row.suppression or subscriber.status == row.status)
            and (action := csv_rows.lifted_action(row))
        )
        if self.schedule and self.unconfirmed:
            by_subscriber = {consent.subscriber_id: consent for consent in logged}
            self._ask(by_subscriber, self.schedule)

    def _ask(self, consents: dict[int, Consent], schedule: ConfirmationSchedule) -> None:
        """Queue one request to confirm for every pending subscriber who got none lately."""
        people = [subscriber.pk for subscriber, _ in self.unconfirmed]
        recent = Notice.objects.filter(
            subscriber__in=people,
            kind=Notice.Kind.CONFIRM,
            created_at__gt=self.at - CONFIRMATION_PAUSE,
        )
        asked = set(recent.values_list("subscriber_id", flat=True))
        wanted = [pair for pair in self.unconfirmed if pair[0].pk not in asked]
        missing = [
            self._consent(*pair, Consent.Action.IMPORT)
            for pair in wanted
            if pair[0].pk not in consents
        ]
        for consent in Consent.objects.bulk_create(missing):
            consents[consent.subscriber_id] = consent
        Notice.objects.bulk_create(
            Notice(
                kind=Notice.Kind.CONFIRM,
                subscriber=subscriber,
                consent=consents[subscriber.pk],
                next_attempt_at=schedule.take(),
                expires_at=self.at + CONFIRM_LIFETIME,
            )
            for subscriber, _ in wanted
        )

    def _consent(self, subscriber: Subscriber, row: ParsedRow, action: str) -> Consent:
        choices: dict[str, object] = {
            "confirmed_at": row.confirmed_at.isoformat() if row.confirmed_at else "",
            "consent_source": row.consent_source,
        }
        if action == Consent.Action.PAUSE:
            choices = {"until": row.paused_until and row.paused_until.isoformat()}
        elif action == Consent.Action.IMPORT:
            choices |= dict(row.choices)
        return Consent(
            subscriber=subscriber,
            action=action,
            email_as_typed=row.address.email,
            form=self.options.origin[:200],
            choices=choices,
            at=self.at,
        )


def _differs(choices: Choices, chosen: Choices) -> bool:
    """Return whether a row says anything new; the order of a list does not matter."""
    for name, value in choices.items():
        known = chosen[name]  # type: ignore[literal-required]
        listed = name in preferences.LISTS
        if value != known and not (
            listed and set(cast("list[str]", value)) == set(cast("list[str]", known))
        ):
            return True
    return False
