"""Recompute what is trending."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_naive, make_aware, now

from papers.scoring import score


class Command(BaseCommand):
    help = "Recompute trending and the day's edition. Prints papers= changed=."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--at", metavar="TIME", help="as of this moment (ISO 8601), not now")

    def handle(self, *_: Any, **options: Any) -> None:
        counts = score(moment(options["at"]) if options["at"] else now())
        self.stdout.write(" ".join(f"{name}={count}" for name, count in counts.items()))


def moment(text: str) -> datetime:
    """A time as people write it; without a zone it is UTC, without an hour the day's end."""
    try:
        found = parse_datetime(text)
        if found is None and (day := parse_date(text)):
            found = datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)
    except ValueError:
        found = None
    if found is None:
        raise CommandError(f"--at {text!r} is no time; write 2026-03-11 or 2026-03-11T08:00Z.")
    return make_aware(found) if is_naive(found) else found
