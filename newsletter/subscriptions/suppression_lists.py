"""The suppression list as a CSV file: given out, and taken in from here or elsewhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from django.db.models import QuerySet
from django.utils.timezone import now

from newsletter.models import Suppression
from newsletter.security import email_addresses
from newsletter.subscriptions import suppressions
from newsletter.subscriptions.csv_files import Row, SpreadsheetError, Table, neutralised, restored
from newsletter.subscriptions.suppressions import SuppressedAddress
from papers.text.times import parse_time

COLUMNS: Final = ("email", "reason", "created_at", "detail", "address_hash")
ADDRESS_COLUMNS: Final = ("email", "email address", "address", "e-mail", "recipient")
ROWS_AT_ONCE: Final = 500
HASH: Final = re.compile(r"[0-9a-f]{64}")
Report = Callable[[int, str], None]


def export_rows(rows: QuerySet[Suppression]) -> Iterator[list[str]]:
    """Yield the rows of a file in the order of ``COLUMNS``; erased addresses are hashes."""
    for row in rows.iterator(chunk_size=2000):
        cells = (row.email_key, row.reason, row.created_at.isoformat(), row.detail)
        yield [*map(neutralised, cells), "" if row.email_key else row.address_hash]


def import_table(table: Table, report: Report, *, dry_run: bool = False) -> Counter[str]:
    """Suppress the addresses of a table; ``report`` is called for every row refused.

    A reason that is empty or unknown becomes "by the operator".

    Returns:
        The counts ``created``, ``unchanged`` and ``refused``, which add up to the rows.

    Raises:
        SpreadsheetError: The table has no column of addresses.
    """
    column = next((name for name in ADDRESS_COLUMNS if name in table.columns), "")
    if not column:
        raise SpreadsheetError("The file has no column named email in its first line; add one.")
    counts: Counter[str] = Counter()
    batch: dict[str, SuppressedAddress] = {}
    for row in table.rows:
        found = _parse(row, column)
        if isinstance(found, str):
            report(row.line, found)
            counts["refused"] += 1
        elif isinstance(found, Suppression):
            counts["created" if _keep_hash(found, dry_run=dry_run) else "unchanged"] += 1
        else:
            counts["unchanged"] += found.email_key in batch
            batch[found.email_key] = found
        if len(batch) == ROWS_AT_ONCE:
            counts += _store(batch, dry_run=dry_run)
            batch = {}
    return counts + _store(batch, dry_run=dry_run)


def _store(batch: dict[str, SuppressedAddress], *, dry_run: bool) -> Counter[str]:
    if dry_run:
        created = len(batch) - len(suppressions.suppressed_among(batch))
    else:
        created = suppressions.suppress_many(list(batch.values()))
    return Counter(created=created, unchanged=len(batch) - created)


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


def _keep_hash(erased: Suppression, *, dry_run: bool) -> bool:
    """Store the hash of an erased address; return whether it was new."""
    new = not Suppression.objects.filter(address_hash=erased.address_hash).exists()
    if new and not dry_run:
        Suppression.objects.bulk_create([erased], ignore_conflicts=True)
    return new


def _moment(text: str) -> datetime | None:
    """Return the time in a cell; None for a text that is none, or one in the future."""
    try:
        moment = parse_time(text)
    except ValueError:
        return None
    return moment if moment <= now() else None
