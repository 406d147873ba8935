"""Fetch the sources, or read a saved listing."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from papers import ingest
from papers.catalogue import Counts
from papers.sources import KINDS


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise CommandError(f"--date is {value!r}; write a day such as 2025-03-11.") from error


class Command(BaseCommand):
    """Exit 0: all well. 1: some records were rejected. 2: a source or the file failed."""

    help = (
        "Fetch the enabled sources now, or read a saved listing. "
        "Exit status: 0 all well, 1 some records were rejected, 2 a source or the file failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--source", nargs="+", metavar="NAME", help="only these sources")
        parser.add_argument("--file", type=Path, metavar="PATH", help="a saved listing, .gz or not")
        parser.add_argument("--format", metavar="FMT", help=f"one of {', '.join(KINDS)}")
        parser.add_argument("--date", metavar="YYYY-MM-DD", help="the day of the saved listing")
        parser.add_argument("--dry-run", action="store_true", help="count only, write nothing")

    def handle(self, *_: object, **options: object) -> None:
        file, format_name, day = options["file"], options["format"], options["date"]
        if not isinstance(file, Path) or not isinstance(format_name, str):
            raise CommandError("Name a file with --file and its --format.", returncode=2)
        try:
            counts = ingest.read_file(
                file,
                format_name,
                day=_day(str(day)) if day else None,
                dry_run=bool(options["dry_run"]),
            )
        except ingest.IngestError as error:
            raise CommandError(str(error), returncode=2) from error
        self._report(counts)

    def _report(self, counts: Counts) -> None:
        for rejection in counts.rejections:
            self.stderr.write(f"{rejection.record}: {rejection.reason}")
        self.stdout.write(str(counts))
        if counts.rejected:
            raise SystemExit(1)
