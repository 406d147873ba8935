"""Recompute what is trending."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime, time
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_naive, make_aware, now

from papers.trending.update import score

REFUSED: Final = 2


class Command(BaseCommand):
    help = (
        "Recompute trending and the day's edition. Prints papers= changed=. "
        "Exit status: 0 all well, 2 the time is none or has not come."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--at", metavar="TIME", help="as of this moment (ISO 8601), not now")

    def handle(self, *_: Any, **options: Any) -> None:
        counts = score(moment(options["at"]) if options["at"] else now())
        self.stdout.write(" ".join(f"{name}={count}" for name, count in counts.items()))


def moment(text: str) -> datetime:
    """A time as people write it; without a zone it is UTC, without an hour the end of the day,
    or now on the day itself. A time to come is refused: its edition would stay."""
    try:
        day = parse_date(text)
        found = datetime.combine(day, time.max, UTC) if day else parse_datetime(text)
    except ValueError:
        day = found = None
    if found is None:
        reason = f"--at {text!r} is no time; write 2026-03-11 or 2026-03-11T08:00Z."
        raise CommandError(reason, returncode=REFUSED)
    found = make_aware(found, UTC) if is_naive(found) else found
    if day == now().date():
        return now()
    if found > now():
        reason = f"--at {text!r} is in the future; write a time that has come."
        raise CommandError(reason, returncode=REFUSED)
    return found
