"""``manage.py send_digests``: assemble and deliver all that is due, in this process."""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from newsletter import host_clock, jobs
from newsletter.delivery import rendering
from newsletter.models import Digest, Stream, Subscriber
from newsletter.security import audit, email_addresses
from papers.management.progress import bar
from papers.text.times import parse_time

State = Digest.State
SHOWN_PAPERS: Final = 3
# A time further ahead is a mistyped one more often than not.
FURTHEST_AHEAD: Final = timedelta(days=1)


def papers_of(digest: Digest) -> str:
    """Summarise a digest, such as ``10 papers: 2503.01234, 2503.04321, …``."""
    ids = [item["paper"] for item in digest.items]
    first = ", ".join(ids[:SHOWN_PAPERS]) + (", …" if len(ids) > SHOWN_PAPERS else "")
    return f"{len(ids)} paper{'s' if len(ids) > 1 else ''}: {first}"


@contextmanager
def stopping() -> Iterator[Event]:
    """Yield an event that the first Ctrl-C or SIGTERM sets; the second ends the process."""
    asked = Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(*_: object) -> None:
        asked.set()
        restore()

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked
    finally:
        restore()


class Command(BaseCommand):
    """Assemble and deliver every digest that is due."""

    help = (
        "Assemble and deliver every digest that is due. The last line counts them: "
        "due = sent + failed + uncertain + skipped + cancelled + queued (to be tried again). "
        "Exit status: 0 all settled, 1 some failed or could not be sent yet, 2 bad arguments. "
        "Ctrl-C and SIGTERM end it once what is on its way has arrived."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare ``--at``, ``--to`` and ``--dry-run``."""
        parser.add_argument("--at", metavar="TIME", help="as if it were this time (ISO 8601, UTC)")
        parser.add_argument("--to", metavar="EMAIL", default="", help="only this subscriber")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="list and count what would go to whom, and change nothing",
        )
        parser.add_argument(
            "--really",
            action="store_true",
            help="send although TIME is more than a day ahead: readers get later digests now",
        )

    def handle(self, **options: Any) -> None:
        """Send or rehearse, and print the balance as the last line."""
        at, punctual = self._time(options["at"])
        to = self._address(options["to"])
        if options["dry_run"]:
            self._report(self._rehearse(at, to, punctual=punctual), to)
            return
        if at > now() + FURTHEST_AHEAD and not options["really"]:
            raise CommandError(
                f"--at {options['at']} is more than a day ahead, and everybody who is due by then "
                "would get mail now. Add --really if that is meant, or --dry-run to see who.",
                returncode=2,
            )
        if wrong := host_clock.complaint():
            raise CommandError(wrong)
        counts, stopped = self._send(at, to, punctual=punctual)
        person = Subscriber.objects.filter(email_key=to).first() if to else None
        said = f"send_digests: {jobs.balance_line(counts)}"
        audit.record(audit.COMMAND_LINE, said, person or "send_digests")
        self._report(counts, to)
        self._complain(counts, stopped=stopped)

    def _report(self, counts: Counter[str], to: str) -> None:
        if to and not counts.total():
            self.stderr.write(self._why_nothing(to))
        self.stdout.write(jobs.balance_line(counts))

    def _send(self, at: datetime, to: str, *, punctual: bool) -> tuple[Counter[str], bool]:
        """Return the balance, and whether the run was stopped before its end."""
        with stopping() as asked, bar(unit=" digests", desc="choosing papers") as shown:

            def show(done: int, due: int) -> None:
                shown.total = due
                shown.set_description("sending", refresh=False)
                shown.update(done - shown.n)

            counts = jobs.send_due(at, to=to, punctual=punctual, until=asked.is_set, progress=show)
        return counts, asked.is_set()

    def _rehearse(self, at: datetime, to: str, *, punctual: bool) -> Counter[str]:
        """Print one line for each digest that would be sent or skipped, and count them."""
        counts: Counter[str] = Counter()
        for digest in jobs.plan(at, to=to, punctual=punctual):
            counts[digest.state] += 1
            what = digest.reason if digest.state == State.SKIPPED else papers_of(digest)
            self.stdout.write(f"{digest.due_at:%Y-%m-%d %H:%M} {digest.subscriber.email} {what}")
        return counts

    def _time(self, text: str | None) -> tuple[datetime, bool]:
        if text is None:
            return now(), True
        try:
            return parse_time(text), False
        except ValueError:
            raise CommandError(
                f"--at {text!r} is not a time; write for example 2026-03-11T08:00.", returncode=2
            ) from None

    def _address(self, text: str) -> str:
        if not text:
            return ""
        try:
            return email_addresses.parse(text).key
        except email_addresses.EmailAddressError as error:
            raise CommandError(f"--to {text!r}: {error}", returncode=2) from None

    def _why_nothing(self, to: str) -> str:
        """Return why nothing was due for the one subscriber who was named."""
        person = Subscriber.objects.filter(email_key=to).first()
        if person is None:
            return f"Nobody with the address {to} is known."
        if person.status != Subscriber.Status.ACTIVE or person.next_digest_at is None:
            return f"{to} is {person.get_status_display()} and gets no digest."
        return f"Nothing is due for {to} before {person.next_digest_at:%Y-%m-%d %H:%M} UTC."

    def _complain(self, counts: Counter[str], *, stopped: bool) -> None:
        waiting = sum(counts.values()) - sum(counts[state] for state in jobs.SETTLED)
        if waiting:
            stream = Stream.objects.filter(name=rendering.DIGESTS.name).first()
            why = (stream and stream.paused_reason) or self._last_reason()
            self.stderr.write(f"{waiting} not sent yet and kept for the next run. {why}")
        if stopped:
            self.stderr.write("Stopped before the end; the next run does the rest.")
        if waiting or stopped or counts[State.FAILED]:
            raise SystemExit(1)

    def _last_reason(self) -> str:
        tried = Digest.objects.filter(state=State.QUEUED).exclude(reason="")
        return tried.order_by("-next_attempt_at").values_list("reason", flat=True).first() or ""
