"""Recompute what is trending."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime, time
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from papers.text.times import parse_time
from papers.trending.update import score

REFUSED: Final = 2


class Command(BaseCommand):
    """Recompute trending scores and the edition of a day."""

    help = (
        "Recompute trending and the day's edition. Prints papers= changed=. "
        "Exit status: 0 all well, 2 the time is none or has not come."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare ``--at``."""
        parser.add_argument("--at", metavar="TIME", help="as of this moment (ISO 8601), not now")

    def handle(self, *_: Any, **options: Any) -> None:
        """Score, and print the counts."""
        counts = score(moment(options["at"]) if options["at"] else now())
        self.stdout.write(" ".join(f"{name}={count}" for name, count in counts.items()))


def moment(text: str) -> datetime:
    """Return the moment to score at: the end of a day without an hour, or now on the day itself.

    A time to come is refused, since its edition would stay.
    """
    try:
        found = parse_time(text, without_hour=time.max)
    except ValueError:
        reason = f"--at {text!r} is no time; write 2026-03-11 or 2026-03-11T08:00Z."
        raise CommandError(reason, returncode=REFUSED) from None
    if found == datetime.combine(now().date(), time.max, UTC):
        return now()
    if found > now():
        reason = f"--at {text!r} is in the future; write a time that has come."
        raise CommandError(reason, returncode=REFUSED)
    return found
