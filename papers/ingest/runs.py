"""Visits to the sources: claiming of due ones, reading, and the record of each run.

Every page is stored, and the cursor moved, before the next is requested: a visit that is killed
goes on from there. An error of one source does not affect another.
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
from papers.ingest import fields
from papers.ingest.upsert import Counts, upsert, withdraw
from papers.models import IngestRun, Paper, Signal, Source, Submission
from papers.sources import KINDS, Kind
from papers.sources.arxiv_rss import announced_since
from papers.sources.protocol import FetchError, Step, Visit
from papers.sources.record import ListingError

Status = Source.Status
Progress = Callable[[float, Counts], None]

SUBMISSIONS: Final = "submissions"
SUBMISSIONS_PER_VISIT: Final = 500
STALE_SHARE: Final = 0.95
RETRY_AFTER: Final = timedelta(minutes=5)
SUSPECT_RETRY_AFTER: Final = timedelta(minutes=30)
LONGEST_WAIT: Final = timedelta(hours=6)
IDS_ENRICHED_AT_ONCE: Final = 1000
ENRICHED_AGAIN_AFTER: Final = timedelta(days=3)
ENRICHED_UNTIL_AGE: Final = timedelta(days=60)
ENRICHED_DOWN_TO: Final = "down_to"
"""The key of a cursor: the oldest paper that the last whole visit asked for."""
REJECTIONS_KEPT: Final = 500
RUNS_KEPT: Final = 200
LEASE: Final = timedelta(minutes=20)
"""More than one page can take with all its attempts and its host lock; renewed by each page."""
SOURCES_AT_ONCE: Final = 2
LOGGED_AGAIN: Final = timedelta(hours=1)
"""The time after which the same failure is logged again."""
COUNT_FIELDS: Final = ("created", "updated", "unchanged", "rejected")
VISIT_FIELDS: Final = (
    "consecutive_failures", "next_run_at", "last_run_at", "last_success_at", "last_status",
    "last_result",
)  # fmt: skip
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VisitResult:
    """The result of a visit: a status, a sentence, and counts."""

    name: str
    status: Source.Status
    result: str
    counts: Counts
    retry_at: datetime | None = None


class SuspectListingError(Exception):
    """The answer was stored, but is probably stale or incomplete; the message says why."""


def claim_due(limit: int = SOURCES_AT_ONCE) -> list[int]:
    """Return the ids of enabled sources that are due, each claimed by moving its due date.

    Only a few at a time: sources can wait, and mail needs the workers too. A worker that is
    killed loses its claim after LEASE; the next one goes on from the cursor.
    """
    moment = now()
    claimed = []
    due = Source.objects.filter(enabled=True, next_run_at__lte=moment)
    for source in due.order_by("next_run_at", "pk")[:limit]:
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
) -> VisitResult:
    """Visit one source and store its records.

    Errors of the source become the result. ``dry_run`` fetches and counts, and stores nothing;
    ``until`` is called between pages and tells whether to stop early.
    """
    record = IngestRun(source=source, name=source.name)
    visit = _Run(source, now(), dry_run, progress)
    try:
        with client or Client() as connection:
            visit.go(connection, until)
        outcome = visit.outcome()
    except SuspectListingError as error:
        outcome = VisitResult(source.name, Status.SUSPECT, str(error), visit.counts)
    except (FetchError, ListingError) as error:
        retry_at = getattr(error, "retry_at", None)
        outcome = VisitResult(source.name, Status.FAILED, str(error), visit.counts, retry_at)
    except Exception as error:
        logger.exception("The visit to %s failed.", source.name)
        reason = f"Something unforeseen: {type(error).__name__}: {error}"[:500]
        outcome = VisitResult(source.name, Status.FAILED, reason, visit.counts)
    if not dry_run:
        _record_run(source, record, outcome)
    return outcome


def run_unwatched(
    source: Source,
    *,
    client: Client | None = None,
    until: Callable[[], bool] = lambda: False,
) -> VisitResult:
    """Visit one source for the worker, and log the result, which nobody reads otherwise."""
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
    """Return whether a failure is worth a line of the log.

    Failures come ever more slowly, unless the source itself asks to be tried again at once: then
    the same one could come each minute. It is logged as the first, second, fourth, eighth ... of a
    row, and whenever it has another reason or comes after a longer wait.
    """
    *reported, last = before
    began = source.last_run_at
    waited = began - last if began and last else LOGGED_AGAIN
    return (
        reported != [source.last_status, source.last_result]
        or waited >= LOGGED_AGAIN
        or source.consecutive_failures.bit_count() == 1
    )


def _one_line(words: str) -> str:
    """Return a reason, which may quote its source, as one printable line for the log."""
    plain = "".join(sign if sign.isprintable() else " " for sign in words)
    return " ".join(plain.split())


class _Run:
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
        """Fetch page after page and store each.

        Raises:
            FetchError: The source cannot be read.
            ListingError: An answer is not of its format.
            SuspectListingError: An answer was stored and should not be believed.
        """
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
            fields.address_of(self.source),
            client.ask,
            self.started,
            # An operator who changed the address begins anew.
            cursor if cursor.pop("address", self.source.address) == self.source.address else {},
            wanted,
            str(getattr(settings, kind.key)) if kind.key else "",
        )
        for step in kind.fetch(visit):
            self._store(step, kind)
            if self.progress:
                self.progress(step.progress, self.counts)
            if step.listing.damage:
                raise SuspectListingError(f"{step.listing.damage} What was whole is kept.")
            self._refuse_stale(step)
            self._save_cursor(step)
            self.resume_at = step.resume_at
            if until():
                self.interrupted = True
                return
        if self.source.name == SUBMISSIONS and not self.dry_run:
            _answer_submissions(wanted)
        if kind.enriches and not self.resume_at and not self.dry_run:
            self.source.cursor[ENRICHED_DOWN_TO] = wanted[-1]
            self.source.save(update_fields=["cursor"])

    def outcome(self) -> VisitResult:
        """Return the result of a visit without trouble, in words."""
        again = now() if self.interrupted else self.resume_at
        if not self.read and not self.withdrawn:
            reason = " ".join(dict.fromkeys(self.notes)) or "There was nothing to read."
            return VisitResult(self.source.name, Status.QUIET, reason, self.counts, again)
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
        return VisitResult(self.source.name, Status.OK, f"{words}.", self.counts, again)

    def _store(self, step: Step, kind: Kind) -> None:
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

    def _refuse_stale(self, step: Step) -> None:
        """Raise SuspectListingError when nearly all of an announcement was known before today.

        The same announcement, read again on its day, is not stale: its papers came today.
        """
        ids = [record.arxiv_id for record in step.listing.records]
        evening = announced_since(self.started)
        if self.source.kind != "arxiv-rss" or not ids or evening is None:
            return
        known = Paper.objects.filter(canonical_id__in=ids, first_seen_at__lt=evening).count()
        if known > STALE_SHARE * len(ids):
            raise SuspectListingError(
                f"{known} of the {len(ids)} papers were known before although it is a weekday: "
                "probably the last batch again. It is read again soon, and arXiv's archive is "
                "asked for what may be missing."
            )

    def _save_cursor(self, step: Step) -> None:
        if not self.dry_run:
            self.source.cursor = step.cursor | {"address": self.source.address}
            self.source.etag = str(step.cursor.get("etag", ""))
            self.source.last_modified = str(step.cursor.get("last_modified", ""))
            self.source.next_run_at = now() + LEASE
            self.source.save(update_fields=["cursor", "etag", "last_modified", "next_run_at"])


def _wanted(source: Source, kind: Kind) -> tuple[str, ...]:
    """Return the arXiv ids to ask for: submitted ones, or papers whose citations are not recent."""
    if source.name == SUBMISSIONS:
        waiting = Submission.objects.filter(fetched_at=None).order_by("submitted_at")
        return tuple(waiting.values_list("arxiv_id", flat=True)[:SUBMISSIONS_PER_VISIT])
    if not kind.enriches:
        return ()
    moment = now()
    recent = Signal.objects.filter(
        source=source.name, paper=OuterRef("pk"), observed_at__gt=moment - ENRICHED_AGAIN_AFTER
    )
    papers = Paper.objects.filter(~Exists(recent), announced_at__gt=moment - ENRICHED_UNTIL_AGE)
    papers = papers.exclude(canonical_id__startswith="t-").order_by("-announced_at", "-pk")
    ids = papers.values_list("canonical_id", flat=True)
    older = ids.filter(_older_than(str(source.cursor.get(ENRICHED_DOWN_TO, ""))))
    return tuple(older[:IDS_ENRICHED_AT_ONCE] or ids[:IDS_ENRICHED_AT_ONCE])


def _older_than(paper_id: str) -> Q:
    """Return the condition of the papers that follow one in the order in which they are asked for.

    A service that does not know the newest papers yet must not be asked for them for ever.
    """
    last = Paper.objects.filter(canonical_id=paper_id).first()
    if last is None or last.announced_at is None:
        return Q()
    same_time = Q(announced_at=last.announced_at, pk__lt=last.pk)
    return Q(announced_at__lt=last.announced_at) | same_time


def _answer_submissions(ids: tuple[str, ...]) -> None:
    found = dict(Paper.objects.filter(canonical_id__in=ids).values_list("canonical_id", "title"))
    moment = now()
    for arxiv_id in ids:
        title = found.get(arxiv_id)
        result = f"Added: {title}" if title else "arXiv has no paper with this id."
        Submission.objects.filter(arxiv_id=arxiv_id).update(fetched_at=moment, result=result)


def _record_run(source: Source, record: IngestRun, outcome: VisitResult) -> None:
    """Store the result of a visit and the due date of the next."""
    moment = now()
    good = outcome.status in {Status.OK, Status.QUIET}
    source.consecutive_failures = 0 if good else source.consecutive_failures + 1
    source.next_run_at = outcome.retry_at or moment + _pause(source, outcome)
    source.last_run_at = record.started_at
    source.last_success_at = moment if good else source.last_success_at
    record.finished_at = moment
    source.last_status = record.status = outcome.status
    source.last_result = record.result = outcome.result
    for name in COUNT_FIELDS:
        number = getattr(outcome.counts, name)
        setattr(source, f"{name}_count", number)
        setattr(record, f"{name}_count", number)
    record.rejections = [asdict(found) for found in outcome.counts.rejections[:REJECTIONS_KEPT]]
    source.save(update_fields=[*VISIT_FIELDS, *(f"{name}_count" for name in COUNT_FIELDS)])
    record.save()
    old = IngestRun.objects.filter(source=source).order_by("-pk")[RUNS_KEPT:]
    IngestRun.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()
    if outcome.status == Status.SUSPECT:
        _schedule_archive(moment)
    if good and source.name == SUBMISSIONS:
        _schedule_submissions(source, moment)


def _schedule_submissions(source: Source, moment: datetime) -> None:
    """Make the next visit due at once when submissions are still waiting.

    Called after the due date of the visit is stored, so that a later submission moves it again.
    """
    if Submission.objects.filter(fetched_at=None).exists():
        Source.objects.filter(pk=source.pk).update(next_run_at=moment)


def _pause(source: Source, outcome: VisitResult) -> timedelta:
    """Return how long to wait: the source's interval, or after trouble a growing shorter time."""
    interval = timedelta(minutes=source.interval_minutes)
    if outcome.status in {Status.OK, Status.QUIET}:
        return interval
    first = SUSPECT_RETRY_AFTER if outcome.status == Status.SUSPECT else RETRY_AFTER
    growing = timedelta(
        seconds=first.total_seconds() * 2.0 ** min(source.consecutive_failures - 1, 10)
    )
    return min(growing, LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter


def _schedule_archive(moment: datetime) -> None:
    """Make the archive due at once, unless it was read within the last hours."""
    archive = Source.objects.filter(kind="arxiv-oai", enabled=True, next_run_at__gt=moment)
    rested = Q(last_run_at=None) | Q(last_run_at__lt=moment - LONGEST_WAIT)
    archive.filter(rested).update(next_run_at=moment)
