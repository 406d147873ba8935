"""Fetch the sources, or read a saved listing."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from papers.ingest import service as ingest
from papers.ingest.upsert import Counts
from papers.management.progress import bar
from papers.models import Source
from papers.recommend import embeddings
from papers.sources import KINDS

FAILED = 2
REJECTED = 1


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        reason = f"--date is {value!r}; write a day such as 2025-03-11."
        raise CommandError(reason, returncode=FAILED) from error


class Command(BaseCommand):
    """The last line of standard output is one line of counts."""

    help = (
        "Fetch the enabled sources now, or read a saved listing. "
        "Exit status: 0 all well, 1 some records were rejected or a source is suspect, "
        "2 a source or the file failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the sources, or the file, its format and day."""
        parser.add_argument("--source", nargs="+", metavar="NAME", help="only these sources")
        parser.add_argument("--file", type=Path, metavar="PATH", help="a saved listing, .gz or not")
        parser.add_argument("--format", metavar="FMT", help=f"one of {', '.join(KINDS)}")
        parser.add_argument("--date", metavar="YYYY-MM-DD", help="the day of the saved listing")
        parser.add_argument("--dry-run", action="store_true", help="count only, write nothing")

    def handle(self, *_: object, **options: Any) -> None:
        """Fetch or read, and count."""
        if options["file"] and options["source"]:
            raise CommandError("Name sources or a file, not both.", returncode=FAILED)
        if (options["format"] or options["date"]) and not options["file"]:
            raise CommandError("--format and --date go with --file.", returncode=FAILED)
        if options["file"] and not options["format"]:
            known = ", ".join(KINDS)
            raise CommandError(f"Name the format of the file: --format {known}.", returncode=FAILED)
        try:
            counts, status = self._read(options) if options["file"] else self._visit(options)
        except ingest.IngestError as error:
            raise CommandError(str(error), returncode=FAILED) from error
        for rejection in counts.rejections:
            self.stderr.write(f"{rejection.record}: {rejection.reason}")
        if not options["dry_run"]:
            embeddings.embed(now())
        self.stdout.write(str(counts))
        if status := status or (REJECTED if counts.rejected else 0):
            raise SystemExit(status)

    def _read(self, options: dict[str, Any]) -> tuple[Counts, int]:
        day = _day(options["date"]) if options["date"] else None
        counts = ingest.read_file(
            options["file"],
            options["format"],
            day=day,
            dry_run=options["dry_run"],
            watch=partial(bar, unit=" papers"),
        )
        if counts.note:
            self.stderr.write(counts.note)
        return counts, 0

    def _visit(self, options: dict[str, Any]) -> tuple[Counts, int]:
        """Visit the sources one after the other; the worst of them decides the exit status."""
        if not options["dry_run"]:
            ingest.ensure_sources()
        names = options["source"] or Source.objects.filter(enabled=True).values_list(
            "name", flat=True
        )
        ingest.check_names(names)
        total, worst = Counts(), 0
        for name in names:
            outcome = self._visit_one(name, dry_run=options["dry_run"])
            self.stderr.write(f"{name}: {outcome.status.label}. {outcome.result}")
            total += outcome.counts
            if outcome.status == Source.Status.FAILED:
                worst = FAILED
            elif outcome.status == Source.Status.SUSPECT:
                worst = max(worst, REJECTED)
        return total, worst

    def _visit_one(self, name: str, *, dry_run: bool) -> ingest.VisitResult:
        with bar(total=100, desc=name, unit="%") as shown:

            def show(share: float, counts: Counts) -> None:
                shown.set_postfix_str(str(counts), refresh=False)
                shown.update(round(share * 100) - shown.n)

            return ingest.run(name, dry_run=dry_run, progress=show)
