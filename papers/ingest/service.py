"""Reading of saved files, of sources by name, and of papers that somebody asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils.timezone import now

from papers.ingest import files, runs
from papers.ingest.runs import SUBMISSIONS, Progress, VisitResult
from papers.ingest.upsert import Counts, upsert, withdraw
from papers.models import IngestRun, Paper, Source, Submission
from papers.sources import KINDS
from papers.sources.record import Listing, ListingError, PaperRecord, Rejection
from papers.text import identifiers

__all__ = [
    "Counts",
    "IngestError",
    "VisitResult",
    "asked",
    "ensure_sources",
    "queue",
    "read_file",
    "run",
    "submit",
    "upsert",
]

FILE_SIZE: Final = 512 * 1024 * 1024
"""Bytes of a decompressed file."""
ASKED_AGAIN: Final = timedelta(days=30)
"""An id that arXiv did not know may be of a paper that it had not announced yet."""
DEFAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"name": "hf-daily", "kind": "hf-daily", "interval_minutes": 60},
    # Without an address: all of arXiv.
    {"name": "arxiv-rss", "kind": "arxiv-rss", "interval_minutes": 180},
    {"name": "arxiv-oai", "kind": "arxiv-oai", "interval_minutes": 1440},
    {"name": SUBMISSIONS, "kind": "arxiv-api", "interval_minutes": 1440},
    {
        "name": "semantic-scholar",
        "kind": "semantic-scholar",
        "interval_minutes": 720,
        "enabled": False,
    },
    {"name": "openalex", "kind": "openalex", "interval_minutes": 720, "enabled": False},
)


class IngestError(Exception):
    """The listing cannot be used; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """Ids that were asked for, by what becomes of them."""

    queued: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    refused: list[Rejection] = field(default_factory=list)


def ensure_sources() -> None:
    """Create the default sources that are missing; change none."""
    for source in DEFAULTS:
        Source.objects.get_or_create(name=source["name"], defaults=source)


def check_names(names: Iterable[str]) -> None:
    """Raise IngestError for a name that no source has."""
    known = list(Source.objects.values_list("name", flat=True))
    for name in names:
        if name not in known:
            raise IngestError(
                f"There is no source {name!r}; the sources are: {', '.join(known) or 'none yet'}."
            )


def run(name: str, *, dry_run: bool = False, progress: Progress | None = None) -> VisitResult:
    """Visit the source of that name now. Raises IngestError when there is none."""
    check_names([name])
    source = Source.objects.get(name=name)
    return runs.run(source, dry_run=dry_run, progress=progress)


def submit(text: str) -> Submitted:
    """Queue the papers that a text names by arXiv id or address; they are fetched soon.

    Words that are neither are refused with a reason. Asking twice changes nothing.
    """
    submitted = Submitted()
    wanted: list[str] = []
    for word in dict.fromkeys(re.split(r"[\s,;]+", text.strip())):
        if own := identifiers.arxiv_id(word.strip("()<>[]\"'.")):
            wanted.append(own.id)
        elif word:
            submitted.refused.append(Rejection(word[:120], "This is no arXiv id or address."))
    known = set(
        Paper.objects.filter(canonical_id__in=wanted).values_list("canonical_id", flat=True)
    )
    for arxiv_id in dict.fromkeys(wanted):
        (submitted.known if arxiv_id in known else submitted.queued).append(arxiv_id)
    queue(submitted.queued)
    return submitted


def asked(at: datetime) -> QuerySet[Submission]:
    """Return the submissions that need not be asked for again: waiting, or answered recently."""
    return Submission.objects.filter(Q(fetched_at=None) | Q(fetched_at__gt=at - ASKED_AGAIN))


def queue(arxiv_ids: Iterable[str]) -> None:
    """Have these papers fetched with the next visit to arXiv, and make it due at once."""
    moment = now()
    # In one order in every process: two that store the same papers never wait for each other.
    rows = [Submission(arxiv_id=name, submitted_at=moment) for name in sorted(set(arxiv_ids))]
    if not rows:
        return
    Submission.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["arxiv_id"],
        update_fields=["submitted_at", "fetched_at", "result"],
    )
    if not Source.objects.filter(name=SUBMISSIONS).update(next_run_at=moment):
        ensure_sources()


def read_file(
    path: Path,
    format_name: str,
    *,
    day: date | None = None,
    dry_run: bool = False,
    watch: Callable[[list[PaperRecord]], Iterable[PaperRecord]] = iter,
) -> Counts:
    """Read a saved listing, gzipped or not, and record it as a run when it changed anything.

    ``watch`` is applied to the records on their way, as a progress bar.

    Raises:
        IngestError: The file cannot be used.
    """
    if format_name not in KINDS:
        raise IngestError(f"There is no format {format_name!r}; choose one of {', '.join(KINDS)}.")
    if day and day > now().date():
        raise IngestError(f"{day} is still to come; give the day of the listing with --date.")
    record = IngestRun(name=path.name[:255], status=Source.Status.OK)
    listing = _parse(path, format_name, day)
    kind = KINDS[format_name]
    rejections = tuple(listing.rejections)
    counts = Counts(rejected=len(rejections), rejections=rejections, note=listing.note) + upsert(
        watch(listing.records),
        source=format_name,
        authority=kind.authority,
        only_known=kind.enriches,
        dry_run=dry_run,
    )
    if not dry_run:
        withdraw(listing.deleted)
        if counts.created or counts.updated or counts.rejected:
            _note(record, counts, listing.damage)
    return counts


def _parse(path: Path, format_name: str, day: date | None) -> Listing:
    try:
        return KINDS[format_name].parse(_content(path), today=now().date(), day=day)
    except ListingError as error:
        raise IngestError(f"{path}: {error}") from error


def _content(path: Path) -> bytes:
    try:
        with files.reading(path), path.open("rb") as file:
            body = files.unpacked(file).read(FILE_SIZE + 1)
    except files.UnreadableError as error:
        raise IngestError(str(error)) from error
    if len(body) > FILE_SIZE:
        raise IngestError(f"{path} is larger than {FILE_SIZE >> 20} MB; split it.")
    return body


def _note(record: IngestRun, counts: Counts, damage: str) -> None:
    record.finished_at = now()
    record.result = f"{counts}. {damage}".strip()
    record.created_count = counts.created
    record.updated_count = counts.updated
    record.unchanged_count = counts.unchanged
    record.rejected_count = counts.rejected
    record.rejections = [asdict(found) for found in counts.rejections[: runs.REJECTIONS_KEPT]]
    record.save()
