"""Lists that were uploaded in the admin: stored, read by a dry run, taken in, and forgotten.

A worker reads the file batch by batch. What became of each row, the counts and the last line are
stored with the batch, so that the next worker goes on where one was stopped or killed.
"""

from __future__ import annotations

import logging
import secrets
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, cast

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from newsletter.models import ImportPart, ImportResults, ListImport
from newsletter.security import audit
from newsletter.subscriptions import csv_files, csv_import, csv_rows, presets, suppression_lists
from newsletter.subscriptions.csv_files import Row, RowResult, SpreadsheetError, Table
from newsletter.subscriptions.csv_import import ImportOptions

log = logging.getLogger(__name__)

MAX_FILE_BYTES: Final = 50 << 20
PART_BYTES: Final = 256 << 10
LEASE: Final = timedelta(minutes=2)
RETENTION: Final = timedelta(days=7)
"""So long a file and what became of its rows are kept."""
UNFINISHED: Final = (ListImport.State.CHECKING, ListImport.State.IMPORTING)
BROKE_OFF: Final = "Reading it broke off; the log of the worker says why."
RESULTS: Final[dict[str, tuple[str, ...]]] = {
    ListImport.Kind.SUBSCRIBERS: csv_import.RESULTS,
    ListImport.Kind.SUPPRESSIONS: suppression_lists.RESULTS,
}
State = ListImport.State


class FileTooLargeError(Exception):
    """Raised for a file of more than ``MAX_FILE_BYTES``; the message is one sentence."""


class LeaseLostError(Exception):
    """Another worker has taken over, or the import was removed."""


def store(
    chunks: Iterable[bytes], *, name: str, kind: str, preset: str, uploaded_by: str
) -> ListImport:
    """Store a file, to be read by a worker; its chunks have at most a few megabytes each.

    Raises:
        FileTooLargeError: It has more than ``MAX_FILE_BYTES``.
    """
    with transaction.atomic():
        stored = ListImport.objects.create(
            name=name[:200], kind=kind, preset=preset, uploaded_by=uploaded_by
        )
        size = number = 0
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_FILE_BYTES:
                raise FileTooLargeError(
                    f"{name} has more than {MAX_FILE_BYTES >> 20} MB; use import_subscribers."
                )
            for start in range(0, len(chunk), PART_BYTES):
                content = chunk[start : start + PART_BYTES]
                ImportPart.objects.create(list_import=stored, number=number, content=content)
                number += 1
    return stored


def start(stored: ListImport, *, send_confirmations: bool, started_by: str) -> bool:
    """Let a worker take a checked list in; return False if it was started already."""
    return _restart(
        ListImport.objects.filter(pk=stored.pk, state=State.CHECKED),
        state=State.IMPORTING,
        send_confirmations=send_confirmations,
        started_by=started_by,
        counts={},
    )


def check_again(stored: ListImport, preset: str) -> bool:
    """Let a worker read a list as the export of another service; return whether it may be."""
    waiting = ListImport.objects.filter(pk=stored.pk, state__in=(State.CHECKED, State.FAILED))
    return _restart(
        waiting, state=State.CHECKING, preset=preset, problem="", planned={}, mapping={}, unused=[]
    )


def _restart(imports: QuerySet[ListImport], **values: object) -> bool:
    with transaction.atomic():
        ids = list(imports.values_list("pk", flat=True))
        if not imports.update(last_line=0, finished_at=None, **values):
            return False
        ImportResults.objects.filter(list_import__in=ids).delete()
    return True


def due() -> QuerySet[ListImport]:
    """Return the imports that a worker can go on with; a lease that lies far ahead is void."""
    return ListImport.objects.filter(state__in=UNFINISHED).exclude(_held())


def is_reading() -> bool:
    """Return whether a worker reads a list now."""
    return ListImport.objects.filter(_held(), state__in=UNFINISHED).exists()


def _held() -> Q:
    moment = now()
    return Q(lease_until__gt=moment, lease_until__lte=moment + 2 * LEASE)


def run_due(until: Callable[[], bool] = lambda: False) -> int:
    """Read what is due, list by list, until there is none or ``until``; return how many ended."""
    ended = 0
    while not until():
        waiting = due().order_by("created_at", "pk").first()
        if waiting is None:
            break
        lease = secrets.token_hex(16)
        if due().filter(pk=waiting.pk).update(lease=lease, lease_until=now() + LEASE):
            ended += _run(ListImport.objects.get(pk=waiting.pk), until)
    return ended


def delete_old(at: datetime) -> int:
    """Delete the imports that are older than RETENTION, with files and results; return how many."""
    old = ListImport.objects.filter(created_at__lt=at - RETENTION).exclude(state__in=UNFINISHED)
    count = old.count()
    old.delete()
    return count


def results_between(stored: ListImport, result: str, start: int, end: int) -> list[list[object]]:
    """Return the rows ``[line, address, sentence]`` number ``start`` to ``end`` - 1 of a result."""
    kept = ImportResults.objects.filter(
        list_import=stored, result=result, first__lt=end, last__gte=start
    )
    return [
        row
        for portion in kept.order_by("first")
        for place, row in enumerate(portion.rows, portion.first)
        if start <= place < end
    ]


def _run(stored: ListImport, until: Callable[[], bool]) -> int:
    """Read a list from where it was left; return 1 once it has come to its end."""
    reading = Reading(stored, until)
    try:
        with _file_of(stored) as path:
            reading.read(path)
    except SpreadsheetError as error:
        reading.end(State.FAILED, str(error))
    except LeaseLostError:
        log.warning("The import of %s goes on elsewhere.", stored.pk)
        return 0
    except Exception:
        log.exception("The import %s broke off.", stored.pk)
        reading.end(State.FAILED, BROKE_OFF)
    if reading.interrupted:
        reading.update(lease="", lease_until=None)
        return 0
    return 1


@contextmanager
def _file_of(stored: ListImport) -> Iterator[Path]:
    """Yield the path of the uploaded file, which is put together in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="paperboy-import-") as folder:
        path = Path(folder) / "list.csv"
        with path.open("wb") as file:
            for part in ImportPart.objects.filter(list_import=stored).iterator(chunk_size=4):
                file.write(part.content)
        yield path


def _line(row: list[object]) -> int:
    return cast("int", row[0])


class Reading:
    """One worker's reading of a list, as a dry run or for good."""

    def __init__(self, stored: ListImport, until: Callable[[], bool]) -> None:
        self.stored, self.until = stored, until
        self.dry_run = stored.state == State.CHECKING
        self.counted = "planned" if self.dry_run else "counts"
        self.counts: Counter[str] = Counter(getattr(stored, self.counted))
        self.last_line = stored.last_line
        self.fresh: dict[str, list[list[object]]] = defaultdict(list)
        self.interrupted = False

    def read(self, path: Path) -> None:
        """Read the file to its end, or until it is time to stop."""
        if self.stored.kind == ListImport.Kind.SUBSCRIBERS:
            self._subscribers(path)
        else:
            table = csv_files.read(path, self.stored.name)
            column = suppression_lists.column_of(table)
            self.update(lines=table.lines, mapping={column: "email"})
            suppression_lists.import_table(
                self._rest(table), self._report, dry_run=self.dry_run, after_batch=self._save
            )
        self._save()
        if not self.interrupted:
            self.end(State.CHECKED if self.dry_run else State.DONE)

    def _subscribers(self, path: Path) -> None:
        opened = csv_rows.open_list(path, self.stored.preset, self.stored.name)
        self.update(
            lines=opened.table.lines,
            preset=opened.preset.name,
            mapping=opened.used,
            unused=opened.unused,
        )
        options = ImportOptions(
            origin=f"admin: {self.stored.started_by}: import of {self.stored.name}",
            preset=presets.PRESETS[opened.preset.name],
            send_confirmations=self.stored.send_confirmations and not self.dry_run,
            dry_run=self.dry_run,
        )
        csv_import.import_table(self._rest(opened.table), options, self._report, self._save)

    def _rest(self, table: Table) -> Table:
        """Return the rows that were not read yet; they end early when it is time to stop."""

        def rest() -> Iterator[Row]:
            for row in table.rows:
                if row.line <= self.stored.last_line:
                    continue
                if self.until():
                    self.interrupted = True
                    return
                yield row

        return table._replace(rows=rest())

    def _report(self, result: RowResult) -> None:
        self.fresh[result.result].append([result.line, result.address, result.sentence])
        self.last_line = max(self.last_line, result.line)

    def _save(self) -> None:
        """Store the new results and how far the reading has come, and renew the lease."""
        with transaction.atomic():
            kept = [
                ImportResults(
                    list_import=self.stored,
                    result=result,
                    first=self.counts[result],
                    last=self.counts[result] + len(rows) - 1,
                    rows=sorted(rows, key=_line),
                )
                for result, rows in self.fresh.items()
            ]
            self.counts.update({result: len(rows) for result, rows in self.fresh.items()})
            self.update(
                last_line=self.last_line,
                lease_until=now() + LEASE,
                **{self.counted: dict(self.counts)},
            )
            ImportResults.objects.bulk_create(kept)
        self.fresh.clear()

    def end(self, state: str, problem: str = "") -> None:
        """Give the import its final state and record an import that was done."""
        self.update(
            state=state, problem=problem[:500], finished_at=now(), lease="", lease_until=None
        )
        if state == State.DONE:
            counts = " ".join(f"{name}={self.counts[name]}" for name in RESULTS[self.stored.kind])
            audit.record(self.stored.started_by, f"imported: {counts}", self.stored)

    def update(self, **values: object) -> None:
        """Write the row while its lease is ours.

        Raises:
            LeaseLostError: It is not.
        """
        mine = ListImport.objects.filter(pk=self.stored.pk, lease=self.stored.lease)
        if not mine.update(**values):
            raise LeaseLostError
