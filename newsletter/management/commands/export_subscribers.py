"""``manage.py export_subscribers``: give the list of subscribers out as a CSV file."""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, OutputWrapper
from django.db.models import QuerySet

from newsletter.models import Subscriber
from newsletter.security import audit
from newsletter.subscriptions import csv_export, csv_rows
from papers.management.output import COUNTS, whole_file
from papers.management.progress import bar


class Command(BaseCommand):
    """Export subscribers."""

    help = (
        "Write every subscriber who gets mail as CSV, or with --all every subscriber, to standard "
        "output or a file that only its owner can read. import_subscribers makes the same list "
        "again from it; erased addresses are not in it (see suppressions --export). Cells that a "
        "spreadsheet would run as a formula get an apostrophe in front, which import_subscribers "
        "takes away again; there are no tokens in it. "
        f"{COUNTS.format(counts='subscribers=')} "
        "Exit status: 0 written, 2 the file cannot be written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--all", action="store_true", help="also who is pending, paused, gone or suppressed"
        )
        parser.add_argument("--out", type=Path, metavar="FILE", help="instead of standard output")

    def handle(self, *_: object, **options: Any) -> None:
        """Write the file and print the count."""
        people = Subscriber.objects.all() if options["all"] else csv_export.readers()
        out: Path | None = options["out"]
        if out is None:
            count = self._write(people, self.stdout)
            self.stderr.write(self._record(count))
            return
        with whole_file(out, mode=0o600) as file:
            count = self._write(people, file)
        self.stdout.write(self._record(count))

    def _record(self, count: int) -> str:
        """Record the export in the audit log and return the line of its count."""
        said = f"subscribers={count}"
        audit.record(audit.COMMAND_LINE, said, "export_subscribers")
        return said

    def _write(self, people: QuerySet[Subscriber], file: TextIO | OutputWrapper) -> int:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(csv_rows.COLUMNS)
        count = 0
        for row in bar(csv_export.export_rows(people), total=people.count(), unit=" rows"):
            writer.writerow(row)
            count += 1
        return count
