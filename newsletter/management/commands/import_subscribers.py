"""``manage.py import_subscribers``: take a list of subscribers in from a CSV file."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from newsletter.subscriptions import csv_files, csv_import, csv_rows, presets
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.csv_import import ImportOptions, RowResult
from newsletter.subscriptions.presets import Preset
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
        table, preset = self._open(path, options["preset"])
        counts = self._import(
            table,
            ImportOptions(
                origin=f"import of {path.name}",
                preset=preset,
                send_confirmations=options["send_confirmations"],
                dry_run=options["dry_run"],
            ),
        )
        self.stdout.write(" ".join(f"{name}={counts[name]}" for name in csv_import.RESULTS))
        if counts["refused"]:
            raise SystemExit(1)

    def _open(self, path: Path, name: str) -> tuple[csv_files.Table, Preset]:
        """Return the table and its preset, and say how its columns are used."""
        try:
            table = csv_files.read(path)
        except csv_files.SpreadsheetError as error:
            raise CommandError(str(error), returncode=UNUSABLE) from error
        preset = presets.detect(table.columns) if name == presets.AUTO else presets.PRESETS[name]
        used = csv_rows.used_columns(table, preset)
        if "email" not in used.values():
            raise CommandError(
                f"{path} has no column named {preset.email[0]} in its first line; add one.",
                returncode=UNUSABLE,
            )
        twice = table.repeated.intersection(used)
        if twice:
            raise CommandError(
                f"{path} names a column twice: {', '.join(sorted(twice))}; "
                "every column that is used needs its own name.",
                returncode=UNUSABLE,
            )
        if preset is not presets.OWN:
            words = ", ".join(f"{column} → {use}" for column, use in used.items())
            self.stderr.write(f"Read as an export of {preset.title}: {words}.")
        unused = list(dict.fromkeys(name for name in table.columns if name and name not in used))
        if unused:
            self.stderr.write(f"These columns are not used: {', '.join(unused)}.")
        return table, preset

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
