"""The suppression list as a CSV file: given out, and taken in from here or elsewhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from newsletter.models import Suppression
from newsletter.security import email_addresses
from newsletter.subscriptions import suppressions
from newsletter.subscriptions.csv_files import (
    Row,
    RowResult,
    SpreadsheetError,
    Table,
    neutralised,
    restored,
)
from newsletter.subscriptions.suppressions import SuppressedAddress
from papers.text.times import parse_time

COLUMNS: Final = ("email", "reason", "created_at", "detail", "address_hash")
ADDRESS_COLUMNS: Final = ("email", "email address", "address", "e-mail", "recipient")
ROWS_AT_ONCE: Final = 500
HASH: Final = re.compile(r"[0-9a-f]{64}")
RESULTS: Final = ("created", "unchanged", "refused")
Report = Callable[[RowResult], None]


def export_rows(rows: QuerySet[Suppression]) -> Iterator[list[str]]:
    """Yield the rows of a file in the order of ``COLUMNS``; erased addresses are hashes."""
    for row in rows.iterator(chunk_size=2000):
        cells = (row.email_key, row.reason, row.created_at.isoformat(), row.detail)
        yield [*map(neutralised, cells), "" if row.email_key else row.address_hash]


def import_table(
    table: Table,
    report: Report,
    *,
    dry_run: bool = False,
    after_batch: Callable[[], None] = lambda: None,
) -> Counter[str]:
    """Suppress the addresses of a table.

    A reason that is empty or unknown becomes "by the operator".

    Args:
        table: The list.
        report: Called for every row, with one of ``RESULTS``.
        dry_run: Store nothing.
        after_batch: Called after each batch, in its transaction.

    Returns:
        The counts of ``RESULTS``, which add up to the rows.

    Raises:
        SpreadsheetError: The table has no column of addresses.
    """
    column = column_of(table)
    counts: Counter[str] = Counter()
    rows = iter(table.rows)
    while portion := list(islice(rows, ROWS_AT_ONCE)):
        with transaction.atomic():
            for result in _take(portion, column, dry_run=dry_run):
                counts[result.result] += 1
                report(result)
            after_batch()
    return counts


def column_of(table: Table) -> str:
    """Return the column of addresses; raises SpreadsheetError where there is none."""
    column = next((name for name in ADDRESS_COLUMNS if name in table.columns), "")
    if not column:
        raise SpreadsheetError("The file has no column named email in its first line; add one.")
    return column


def _take(rows: list[Row], column: str, *, dry_run: bool) -> list[RowResult]:
    """Store rows and return what became of each."""
    found = [(row.line, _parse(row, column)) for row in rows]
    wanted = {one.email_key: one for _, one in found if isinstance(one, SuppressedAddress)}
    erased = {one.address_hash: one for _, one in found if isinstance(one, Suppression)}
    known = suppressions.suppressed_among(wanted)
    listed = Suppression.objects.filter(address_hash__in=list(erased))
    known |= set(listed.values_list("address_hash", flat=True))
    results = []
    for line, one in found:
        if isinstance(one, str):
            results.append(RowResult(line, "refused", one))
            continue
        key = one.address_hash if isinstance(one, Suppression) else one.email_key
        shown = "an erased address" if isinstance(one, Suppression) else key
        results.append(RowResult(line, "unchanged" if key in known else "created", "", shown))
        known.add(key)
    if not dry_run:
        suppressions.suppress_many(list(wanted.values()))
        Suppression.objects.bulk_create(erased.values(), ignore_conflicts=True)
    return results


def _parse(row: Row, column: str) -> SuppressedAddress | Suppression | str:
    """Return the address of a row, an erased one as a Suppression, or why it is refused."""
    if row.problem:
        return row.problem
    cells = {name: restored(cell.strip()) for name, cell in row.cells.items()}
    reason = cells.get("reason", "")
    reason = reason if reason in Suppression.Reason.values else Suppression.Reason.MANUAL
    since = _moment(cells.get("created_at", ""))
    address_hash = cells.get("address_hash", "")
    if not cells.get(column) and HASH.fullmatch(address_hash):
        return Suppression(
            address_hash=address_hash, reason=Suppression.Reason.ERASED, created_at=since or now()
        )
    try:
        key = email_addresses.parse(cells.get(column, "")).key
    except email_addresses.EmailAddressError as error:
        return str(error)
    return SuppressedAddress(key, reason, cells.get("detail", ""), since)


def _moment(text: str) -> datetime | None:
    """Return the time in a cell; None for a text that is none, or one in the future."""
    try:
        moment = parse_time(text)
    except ValueError:
        return None
    return moment if moment <= now() else None
