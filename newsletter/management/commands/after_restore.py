"""``manage.py after_restore``: keep a restored backup from sending mail a second time."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from newsletter.delivery import restored as queue
from newsletter.digests import restored as days
from newsletter.security import audit
from papers.management.progress import bar
from papers.text.times import parse_time

ADVICE: Final = """\
Mail is stopped, and what may have been sent already is uncertain. What to do now:
1. Compare the uncertain digests with your provider's log. In the admin, send again those that never
   arrived; leave the others.
2. Ask your provider for unsubscriptions, complaints and bounces since the backup and import them
   (manage.py suppressions --import FILE): this database does not know them.
3. Start the streams again in the admin. Who is due next gets their next digest as usual."""


class Command(BaseCommand):
    """Stop the streams and make uncertain what may have been sent since the backup was made."""

    help = (
        "Run this once after a backup of the database was restored, before the worker starts. It "
        "stops the streams and makes uncertain every digest that fell due since the backup and "
        "every mail that it holds as queued, claimed or sending, so that nobody gets a second "
        "one. The last line counts them. Exit status: 0 done, 2 bad arguments."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare ``--since``."""
        parser.add_argument(
            "--since",
            metavar="TIME",
            required=True,
            help="when the backup was made (ISO 8601, UTC without a zone)",
        )

    def handle(self, **options: Any) -> None:
        """Park the mail, say what to do, and print the counts."""
        since, moment = self._time(options["since"]), now()
        streams = queue.stop_streams()
        held = queue.mark_unsettled_uncertain()
        fallen_due = 0
        with bar(unit=" digests", desc="marking due days") as shown:
            for written in days.mark_due_days_uncertain(since, moment):
                fallen_due += written
                shown.update(written)
        self.stdout.write(ADVICE)
        said = f"due={fallen_due} held={held} streams={streams}"
        audit.record(audit.COMMAND_LINE, said, f"after_restore --since {options['since']}")
        self.stdout.write(said)

    def _time(self, text: str) -> datetime:
        try:
            since = parse_time(text)
        except ValueError:
            raise CommandError(
                f"--since {text!r} is not a time; write for example 2026-03-11T08:00.",
                returncode=2,
            ) from None
        if since > now():
            raise CommandError(
                f"--since {text} lies ahead; write when the backup was made.", returncode=2
            )
        return since
