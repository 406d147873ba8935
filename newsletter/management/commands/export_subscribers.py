"""``manage.py export_subscribers``: give the list of subscribers out as a CSV file."""

from __future__ import annotations

import csv
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, OutputWrapper
from tqdm import tqdm

from newsletter.models import Subscriber
from newsletter.subscriptions import csv_import
from papers.management.output import COUNTS, whole_file


class Command(BaseCommand):
    help = (
        "Write every pending and active subscriber as CSV, to standard output or a file that only "
        "its owner can read. Paused ones are left out, because no column can say that they are "
        "and an import would send them mail again; a backup of the database keeps them. Cells "
        "that a spreadsheet would run as a formula get an apostrophe in front, which "
        "import_subscribers takes away again; there are no tokens in it. "
        f"{COUNTS.format(counts='subscribers=')} "
        "Exit status: 0 written, 2 the file cannot be written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, metavar="FILE", help="instead of standard output")

    def handle(self, *_: object, **options: Any) -> None:
        paused = Subscriber.objects.filter(status=Subscriber.Status.PAUSED).count()
        if paused:
            self.stderr.write(f"Paused subscribers left out: {paused}; --help says why.")
        out: Path | None = options["out"]
        if out is None:
            self.stderr.write(f"subscribers={self._write(self.stdout)}")
            return
        with whole_file(out, mode=0o600) as file:
            count = self._write(file)
        self.stdout.write(f"subscribers={count}")

    def _write(self, file: TextIO | OutputWrapper) -> int:
        people = csv_import.exportable()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(csv_import.COLUMNS)
        count = 0
        with tqdm(
            total=people.count(), unit=" rows", disable=not sys.stderr.isatty(), file=sys.stderr
        ) as progress:
            for row in csv_import.export_rows(people):
                writer.writerow(row)
                progress.update()
                count += 1
        return count
