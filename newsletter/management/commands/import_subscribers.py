"""``manage.py import_subscribers``: take a list of subscribers in from a CSV file."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from newsletter.security import audit
from newsletter.subscriptions import csv_files, csv_import, csv_rows, presets
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.csv_files import RowResult
from newsletter.subscriptions.csv_import import ImportOptions
from newsletter.subscriptions.csv_rows import OpenedList
from papers.management.progress import bar

UNUSABLE: Final = 2


class Command(BaseCommand):
    """Import subscribers."""

    help = (
        "Create, update and suppress subscribers from a CSV file (UTF-8, a line of column names), "
        "of this service or exported by another one; --preset auto recognises it by its columns. "
        f"Columns of our own: {', '.join(csv_rows.COLUMNS)}; only email is required, an empty cell "
        "leaves its setting as it is, lists inside a cell are separated by “;”, weekday is 0 "
        "(Monday) to 6. A row with confirmed_at and consent_source becomes active, one without "
        "becomes pending and gets no mail unless --send-confirmations asks for one; a pending one "
        f"that nobody confirms on the site within {subscriptions.PENDING_LIFETIME.days} days is "
        "deleted. Rows that another service calls unsubscribed, blocked or bounced are suppressed. "
        "Who unsubscribed or is suppressed here stays so. The last line counts the rows: "
        + " ".join(f"{name}=" for name in csv_import.RESULTS)
        + ". Exit status: 0 all rows taken, 1 some refused, 2 the file cannot be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file and the options."""
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument(
            "--preset",
            choices=[presets.AUTO, *presets.PRESETS],
            default=presets.AUTO,
            help="the service that made the file",
        )
        parser.add_argument(
            "--send-confirmations",
            action="store_true",
            help="ask every pending address by mail to confirm, "
            f"{csv_import.CONFIRMATIONS_A_MINUTE} a minute",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say row by row what would happen"
        )

    def handle(self, *_: object, **options: Any) -> None:
        """Import the file and print the counts."""
        path: Path = options["file"]
        opened = self._open(path, options["preset"])
        counts = self._import(
            opened.table,
            ImportOptions(
                origin=f"import of {path.name}",
                preset=opened.preset,
                send_confirmations=options["send_confirmations"],
                dry_run=options["dry_run"],
            ),
        )
        said = " ".join(f"{name}={counts[name]}" for name in csv_import.RESULTS)
        if not options["dry_run"]:
            audit.record(audit.COMMAND_LINE, said, f"import_subscribers {path.name}")
        self.stdout.write(said)
        if counts["refused"]:
            raise SystemExit(1)

    def _open(self, path: Path, preset: str) -> OpenedList:
        """Open the list, and say how its columns are used."""
        try:
            opened = csv_rows.open_list(path, preset)
        except csv_files.SpreadsheetError as error:
            raise CommandError(str(error), returncode=UNUSABLE) from error
        if opened.preset is not presets.OWN:
            words = ", ".join(f"{column} → {use}" for column, use in opened.used.items())
            self.stderr.write(f"Read as an export of {opened.preset.title}: {words}.")
        if opened.unused:
            self.stderr.write(f"These columns are not used: {', '.join(opened.unused)}.")
        return opened

    def _import(self, table: csv_files.Table, options: ImportOptions) -> Counter[str]:
        progress: tqdm[Any] = bar(table.rows, total=table.lines, unit=" rows")

        def report(row: RowResult) -> None:
            if row.result != "refused" and not options.dry_run:
                return
            with progress.external_write_mode():
                if row.result == "refused":
                    self.stderr.write(f"line {row.line}: {row.sentence}")
                else:
                    words = (f"line {row.line}: {row.result}", row.sentence)
                    self.stdout.write(", ".join(filter(None, words)))

        with progress:
            return csv_import.import_table(table._replace(rows=iter(progress)), options, report)
