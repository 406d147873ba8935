"""Visits to the sources: when each is due, what came of it, and when to come again.

Every page is kept, and the cursor moved, before the next is asked for: a visit that is killed
goes on where it was. Nothing that goes wrong with one source touches another.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now

from papers.http.client import Client
from papers.ingest.upsert import Counts, upsert, withdraw
from papers.models import IngestRun, Paper, Signal, Source, Submission
from papers.sources import KINDS, Kind
from papers.sources.arxiv_rss import announced_since
from papers.sources.protocol import FetchError, Step, Visit
from papers.sources.record import ListingError

Status = Source.Status
Progress = Callable[[float, Counts], None]

SUBMISSIONS: Final = "submissions"
SUBMISSIONS_AT_ONCE: Final = 500
STALE_SHARE: Final = 0.95
RETRY: Final = timedelta(minutes=5)
SUSPECT_RETRY: Final = timedelta(minutes=30)
LONGEST_WAIT: Final = timedelta(hours=6)
ENRICHED_AT_ONCE: Final = 1000
ENRICHED_AGAIN: Final = timedelta(days=3)
ENRICHED_FOR: Final = timedelta(days=60)
REJECTIONS_KEPT: Final = 500
RUNS_KEPT: Final = 200
# Longer than one page can take with all its attempts and its turn; moved on with each page.
LEASE: Final = timedelta(minutes=20)
AT_ONCE: Final = 2
# The same failure after so long is told again: it may stand in no log that is still looked at.
TOLD_AGAIN: Final = timedelta(hours=1)
COUNTED: Final = ("created", "updated", "unchanged", "rejected")
VISIT_FIELDS: Final = (
    "consecutive_failures", "next_run_at", "last_run_at", "last_success_at", "last_status",
    "last_result",
)  # fmt: skip
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a visit went, in one sentence, and what it brought."""

    name: str
    status: Source.Status
    result: str
    counts: Counts
    retry_at: datetime | None = None


class _Suspicion(Exception):  # noqa: N818 - not an error: what was read is kept
    """The source answered, but should not be believed; the message says why."""


def claim_due(limit: int = AT_ONCE) -> list[int]:
    """Enabled sources that are due, each claimed for one worker by moving its due date.

    Only a few at a time: sources can wait, and mail needs the workers too. A worker that is
    killed loses its claim after LEASE; the next goes on from the cursor.
    """
    moment = now()
    claimed = []
    due = Source.objects.filter(enabled=True, next_run_at__lte=moment)
    for source in due.order_by("next_run_at")[:limit]:
        same = Source.objects.filter(pk=source.pk, next_run_at=source.next_run_at)
        if same.update(next_run_at=moment + LEASE):
            claimed.append(source.pk)
    return claimed


def run(
    source: Source,
    *,
    client: Client | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    until: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Visit one source and keep what it brings, whatever happens on the way.

    Never raises for what a source does. ``dry_run`` asks and counts, and keeps nothing;
    ``until`` is asked between pages whether to stop early.
    """
    record = IngestRun(source=source, name=source.name)
    trip = _Trip(source, now(), dry_run, progress)
    try:
        with client or Client() as connection:
            trip.go(connection, until)
        outcome = trip.outcome()
    except _Suspicion as suspicion:
        outcome = Outcome(source.name, Status.SUSPECT, str(suspicion), trip.counts)
    except (FetchError, ListingError) as error:
        retry_at = getattr(error, "retry_at", None)
        outcome = Outcome(source.name, Status.FAILED, str(error), trip.counts, retry_at)
    except Exception as error:
        logger.exception("The visit to %s failed.", source.name)
        reason = f"Something unforeseen: {type(error).__name__}: {error}"[:500]
        outcome = Outcome(source.name, Status.FAILED, reason, trip.counts)
    if not dry_run:
        _note(source, record, outcome)
    return outcome


def run_unwatched(
    source: Source,
    *,
    client: Client | None = None,
    until: Callable[[], bool] = lambda: False,
) -> Outcome:
    """``run`` for the worker: nobody reads what it returns, so the log tells how it went."""
    before = source.last_status, source.last_result, source.last_run_at
    failures = source.consecutive_failures
    outcome = run(source, client=client, until=until)
    what = _one_line(outcome.result)
    if outcome.status in {Status.OK, Status.QUIET}:
        word = "went well" if outcome.status == Status.OK else "was quiet"
        after = f", after {failures} in a row that did not" if failures else ""
        logger.info("The visit to %s %s%s: %s", source.name, word, after, what)
    elif _is_news(source, before):
        word = "failed" if outcome.status == Status.FAILED else "is suspect"
        in_a_row = source.consecutive_failures
        logger.warning("The visit to %s %s, %d in a row: %s", source.name, word, in_a_row, what)
    return outcome


def _is_news(source: Source, before: tuple[str, str, datetime | None]) -> bool:
    """Whether a failure is worth a line of the log.

    Failures come ever more slowly, unless the source itself asks to be tried again at once: then
    the same one could come each minute. It is told at the first, second, fourth, eighth ... of a
    row, and whenever it comes with another reason or after a longer wait.
    """
    *said, last = before
    began = source.last_run_at
    waited = began - last if began and last else TOLD_AGAIN
    return (
        said != [source.last_status, source.last_result]
        or waited >= TOLD_AGAIN
        or source.consecutive_failures.bit_count() == 1
    )


def _one_line(words: str) -> str:
    """A reason may quote its source, and a log is read line by line in a terminal."""
    plain = "".join(sign if sign.isprintable() else " " for sign in words)
    return " ".join(plain.split())


class _Trip:
    """One visit under way."""

    def __init__(
        self, source: Source, started: datetime, dry_run: bool, progress: Progress | None
    ) -> None:
        self.source = source
        self.started = started
        self.dry_run = dry_run
        self.progress = progress
        self.counts = Counts()
        self.withdrawn = 0
        self.notes: list[str] = []
        self.read = 0
        self.interrupted = False
        self.resume_at: datetime | None = None

    def go(self, client: Client, until: Callable[[], bool]) -> None:
        """Ask page after page and keep each. Raises FetchError, ListingError, _Suspicion."""
        kind = KINDS.get(self.source.kind)
        if kind is None:
            known = ", ".join(KINDS)
            raise FetchError(f"Its kind {self.source.kind!r} is unknown; choose one of {known}.")
        wanted = _wanted(self.source, kind)
        if wanted == () and (kind.enriches or self.source.name == SUBMISSIONS):
            self.notes.append("Nothing to ask for.")
            return
        cursor = dict(self.source.cursor)
        visit = Visit(
            self.source.address,
            client.ask,
            self.started,
            # An operator who changed the address begins anew.
            cursor if cursor.pop("address", self.source.address) == self.source.address else {},
            wanted,
            str(getattr(settings, kind.key)) if kind.key else "",
        )
        for step in kind.fetch(visit):
            self._keep(step, kind)
            if self.progress:
                self.progress(step.progress, self.counts)
            if step.listing.damage:
                raise _Suspicion(f"{step.listing.damage} What was whole is kept.")
            self._doubt(step)
            self._remember(step)
            self.resume_at = step.resume_at
            if until():
                self.interrupted = True
                return
        if self.source.name == SUBMISSIONS and not self.dry_run:
            _answer_submissions(wanted)

    def outcome(self) -> Outcome:
        """What to say about a visit that nothing went wrong with."""
        again = now() if self.interrupted else self.resume_at
        if not self.read and not self.withdrawn:
            reason = " ".join(dict.fromkeys(self.notes)) or "There was nothing to read."
            return Outcome(self.source.name, Status.QUIET, reason, self.counts, again)
        words = (
            f"{self.counts.created} new, {self.counts.updated} updated, "
            f"{self.counts.unchanged} unchanged papers"
        )
        if self.counts.observations:
            words += f", {self.counts.observations} measurements"
        if self.withdrawn:
            words += f", {self.withdrawn} deleted by the archive"
        if self.counts.rejected:
            words += f"; {self.counts.rejected} records were rejected"
        if self.interrupted:
            words += "; stopped between two pages, the next visit goes on from there"
        elif self.resume_at:
            words += "; the source has more, the next visit goes on from there"
        return Outcome(self.source.name, Status.OK, f"{words}.", self.counts, again)

    def _keep(self, step: Step, kind: Kind) -> None:
        listing = step.listing
        rejections = tuple(listing.rejections)
        self.counts += Counts(rejected=len(rejections), rejections=rejections)
        for records, only_known in ((listing.records, kind.enriches), (step.updates, True)):
            self.counts += upsert(
                records,
                source=self.source.name,
                authority=kind.authority,
                only_known=only_known,
                dry_run=self.dry_run,
            )
        if listing.deleted and not self.dry_run:
            self.withdrawn += withdraw(listing.deleted)
        self.read += len(listing.records) + len(step.updates) + len(rejections)
        if listing.note:
            self.notes.append(listing.note)

    def _doubt(self, step: Step) -> None:
        """Raise _Suspicion for a stale announcement: nearly all was known before today.

        The same announcement, read again on its day, is not stale: its papers came today.
        """
        ids = [record.arxiv_id for record in step.listing.records]
        evening = announced_since(self.started)
        if self.source.kind != "arxiv-rss" or not ids or evening is None:
            return
        known = Paper.objects.filter(canonical_id__in=ids, first_seen_at__lt=evening).count()
        if known > STALE_SHARE * len(ids):
            raise _Suspicion(
                f"{known} of the {len(ids)} papers were known before although it is a weekday: "
                "probably the last batch again. It is read again soon, and arXiv's archive is "
                "asked for what may be missing."
            )

    def _remember(self, step: Step) -> None:
        if not self.dry_run:
            self.source.cursor = step.cursor | {"address": self.source.address}
            self.source.etag = str(step.cursor.get("etag", ""))
            self.source.last_modified = str(step.cursor.get("last_modified", ""))
            self.source.next_run_at = now() + LEASE
            self.source.save(update_fields=["cursor", "etag", "last_modified", "next_run_at"])


def _wanted(source: Source, kind: Kind) -> tuple[str, ...]:
    """The arXiv ids to ask for: what was submitted, or papers whose citations are not recent."""
    if source.name == SUBMISSIONS:
        waiting = Submission.objects.filter(fetched_at=None).order_by("submitted_at")
        return tuple(waiting.values_list("arxiv_id", flat=True)[:SUBMISSIONS_AT_ONCE])
    if not kind.enriches:
        return ()
    moment = now()
    recent = Signal.objects.filter(
        source=source.name, paper=OuterRef("pk"), observed_at__gt=moment - ENRICHED_AGAIN
    )
    papers = Paper.objects.filter(~Exists(recent), announced_at__gt=moment - ENRICHED_FOR)
    papers = papers.exclude(canonical_id__startswith="t-").order_by("-announced_at")
    return tuple(papers.values_list("canonical_id", flat=True)[:ENRICHED_AT_ONCE])


def _answer_submissions(ids: tuple[str, ...]) -> None:
    found = dict(Paper.objects.filter(canonical_id__in=ids).values_list("canonical_id", "title"))
    moment = now()
    for arxiv_id in ids:
        title = found.get(arxiv_id)
        result = f"Added: {title}" if title else "arXiv has no paper with this id."
        Submission.objects.filter(arxiv_id=arxiv_id).update(fetched_at=moment, result=result)


def _note(source: Source, record: IngestRun, outcome: Outcome) -> None:
    """Write down how a visit went, and when the next one is due."""
    moment = now()
    good = outcome.status in {Status.OK, Status.QUIET}
    source.consecutive_failures = 0 if good else source.consecutive_failures + 1
    source.next_run_at = outcome.retry_at or moment + _pause(source, outcome)
    source.last_run_at = record.started_at
    source.last_success_at = moment if good else source.last_success_at
    record.finished_at = moment
    source.last_status = record.status = outcome.status
    source.last_result = record.result = outcome.result
    for name in COUNTED:
        number = getattr(outcome.counts, name)
        setattr(source, f"{name}_count", number)
        setattr(record, f"{name}_count", number)
    record.rejections = [asdict(found) for found in outcome.counts.rejections[:REJECTIONS_KEPT]]
    source.save(update_fields=[*VISIT_FIELDS, *(f"{name}_count" for name in COUNTED)])
    record.save()
    old = IngestRun.objects.filter(source=source).order_by("-pk")[RUNS_KEPT:]
    IngestRun.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()
    if outcome.status == Status.SUSPECT:
        _call_for_repair(moment)
    if good and source.name == SUBMISSIONS:
        _go_on(source, moment)


def _go_on(source: Source, moment: datetime) -> None:
    """Let what was asked for during a visit, or was too much for one, not wait for a day.

    Called when the visit's own date is stored: whoever asks later moves that date themselves.
    """
    if Submission.objects.filter(fetched_at=None).exists():
        Source.objects.filter(pk=source.pk).update(next_run_at=moment)


def _pause(source: Source, outcome: Outcome) -> timedelta:
    """How long to wait: the source's interval, or after trouble sooner, and longer each time."""
    interval = timedelta(minutes=source.interval_minutes)
    if outcome.status in {Status.OK, Status.QUIET}:
        return interval
    first = SUSPECT_RETRY if outcome.status == Status.SUSPECT else RETRY
    growing = timedelta(
        seconds=first.total_seconds() * 2.0 ** min(source.consecutive_failures - 1, 10)
    )
    return min(growing, LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter


def _call_for_repair(moment: datetime) -> None:
    """Let the archive be asked soon, unless that was done within the last hours."""
    archive = Source.objects.filter(kind="arxiv-oai", enabled=True, next_run_at__gt=moment)
    rested = Q(last_run_at=None) | Q(last_run_at__lt=moment - LONGEST_WAIT)
    archive.filter(rested).update(next_run_at=moment)
