"""``manage.py import_subscribers``: take a list of subscribers in from a CSV file."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from newsletter.subscriptions import csv_files, csv_import
from newsletter.subscriptions import service as subscriptions

PRINTED: Final = ("created", "updated", "unchanged", "refused")


class Command(BaseCommand):
    help = (
        "Create and update subscribers from a CSV file (UTF-8, a line of column names). Columns: "
        f"{', '.join(csv_import.COLUMNS)}; only email is required, an empty cell says nothing, "
        "lists inside a cell are separated by “;”, weekday is 0 (Monday) to 6. A row with "
        "confirmed_at and consent_source becomes active, one without becomes pending and gets no "
        "mail; a pending one that nobody confirms on the site within "
        f"{subscriptions.PENDING_LIFETIME.days} days is deleted. "
        "Whoever unsubscribed or is suppressed stays so. "
        "Exit status: 0 all rows taken, 1 some refused, 2 the file cannot be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")

    def handle(self, *_: object, **options: Any) -> None:
        path: Path = options["file"]
        try:
            table = csv_files.read(path)
        except csv_files.SpreadsheetError as error:
            raise CommandError(str(error), returncode=2) from error
        if "email" not in table.columns:
            raise CommandError(
                f"{path} has no column named email in its first line; add one.", returncode=2
            )
        unused = [name for name in table.columns if name not in csv_import.COLUMNS]
        if unused:
            self.stderr.write(f"These columns are not used: {', '.join(unused)}.")
        counts = self._take_in(table, f"import of {path.name}")
        self.stdout.write(" ".join(f"{name}={counts[name]}" for name in PRINTED))
        if counts["refused"]:
            raise SystemExit(1)

    def _take_in(self, table: csv_files.Table, origin: str) -> dict[str, int]:
        with tqdm(
            table.rows,
            total=table.lines,
            unit=" rows",
            disable=not sys.stderr.isatty(),
            file=sys.stderr,
        ) as progress:

            def report(line: int, reason: str) -> None:
                with progress.external_write_mode(file=sys.stderr):
                    self.stderr.write(f"line {line}: {reason}")

            return csv_import.import_table(table._replace(rows=iter(progress)), origin, report)
