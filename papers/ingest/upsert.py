"""Storing of records: one row per paper, written only when something changed."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

from django.db import DatabaseError, transaction
from django.utils.timezone import now

from papers import search_index
from papers.ingest.merge import MERGED_FIELDS, merge, new_paper
from papers.ingest.renames import rewrite_references
from papers.models import Paper, Signal, Turn
from papers.sources.record import PaperRecord, Rejection
from papers.text import identifiers
from papers.text.author_names import name_parts

ROWS_PER_TRANSACTION: Final = 500
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of a run; the first four add up to the number of records.

    ``observations`` counts new measurements, ``note`` says why there was no record.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejections: tuple[Rejection, ...] = field(default=(), compare=False)
    observations: int = field(default=0, compare=False)
    note: str = field(default="", compare=False)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.rejected + other.rejected,
            self.rejections + other.rejections,
            self.observations + other.observations,
            self.note or other.note,
        )

    def __str__(self) -> str:
        return (
            f"created={self.created} updated={self.updated} "
            f"unchanged={self.unchanged} rejected={self.rejected}"
        )


def upsert(
    records: Iterable[PaperRecord],
    *,
    source: str,
    authority: int = 1,
    only_known: bool = False,
    dry_run: bool = False,
) -> Counts:
    """Store the records of one source in the catalogue.

    Any number of processes may do so at once: they write in turn, in short transactions. A
    record that the database refuses is rejected alone. ``only_known`` passes over papers that
    are not in the catalogue (they count as unchanged); ``dry_run`` counts and leaves no trace.
    """
    counts = Counts()
    iterator = iter(records)
    origin = _Origin(source, authority, only_known)
    with transaction.atomic() if dry_run else nullcontext():
        while batch := list(islice(iterator, ROWS_PER_TRANSACTION)):
            counts += _write(batch, origin)
        if dry_run:
            transaction.set_rollback(True)
    return counts


def withdraw(arxiv_ids: Iterable[str]) -> int:
    """Mark papers as withdrawn that their archive has deleted; return how many changed."""
    papers = Paper.objects.filter(canonical_id__in=set(arxiv_ids), withdrawn=False)
    return papers.update(withdrawn=True, pdf_url="", summary_version=0)


@dataclass(frozen=True, slots=True)
class _Origin:
    """The source of records, and what it may do."""

    source: str
    authority: int
    only_known: bool


def _write(batch: Sequence[PaperRecord], origin: _Origin) -> Counts:
    try:
        with transaction.atomic():
            Turn.objects.get_or_create(name="catalogue")
            Turn.objects.select_for_update().get(name="catalogue")
            return _Batch(batch).place(batch, origin)
    except (DatabaseError, ValueError) as error:
        if len(batch) == 1:
            reason = f"The database refused it: {str(error).splitlines()[0][:200]}"
            rejection = Rejection(batch[0].arxiv_id or batch[0].title[:120], reason)
            return Counts(rejected=1, rejections=(rejection,))
        logger.warning("A batch of %d papers was refused; trying them singly.", len(batch))
        return sum((_write([record], origin) for record in batch), Counts())


class _Batch:
    """The rows that a batch of records may be about, by id, DOI and title."""

    def __init__(self, records: Sequence[PaperRecord]) -> None:
        self.by_id: dict[str, Paper] = {}
        self.by_doi: dict[str, Paper] = {}
        self.by_title: defaultdict[str, list[Paper]] = defaultdict(list)
        self.created: list[Paper] = []
        self.changed: dict[int, Paper] = {}
        self.renamed: dict[str, Paper] = {}
        ids = {record.arxiv_id for record in records if record.arxiv_id}
        ids |= {identifiers.title_id(record.title) for record in records if not record.arxiv_id}
        dois = {record.doi for record in records if record.doi}
        titles = {identifiers.title_key(record.title) for record in records}
        queries = ({"canonical_id__in": ids}, {"former_id__in": ids}, {"doi__in": dois})
        rows: dict[int, Paper] = {}
        for query in (*queries, {"title_key__in": titles}):
            rows |= {paper.pk: paper for paper in Paper.objects.filter(**query)}
        for _, paper in sorted(rows.items()):
            self._add(paper)

    def _add(self, paper: Paper) -> None:
        for known in (paper.canonical_id, paper.former_id):
            if known:
                self.by_id.setdefault(known, paper)
        if paper.doi:
            self.by_doi.setdefault(paper.doi, paper)
        if paper not in (same_title := self.by_title[paper.title_key]):
            same_title.append(paper)

    def place(self, records: Sequence[PaperRecord], origin: _Origin) -> Counts:
        """Find or create the row of each record, save changed rows, and store the measurements."""
        seen_at = now()
        created = updated = 0
        placed: list[tuple[Paper, PaperRecord]] = []
        for record in records:
            paper = self.find(record)
            if paper is None and origin.only_known:
                continue
            if paper is None:
                paper = self._create(record, origin.authority, seen_at)
                created += 1
            elif self._merge(paper, record, origin.authority):
                updated += 1
            placed.append((paper, record))
        self._save()
        return Counts(
            created,
            updated,
            unchanged=len(records) - created - updated,
            observations=_keep_measurements(placed, origin.source, seen_at),
        )

    def _merge(self, paper: Paper, record: PaperRecord, authority: int) -> bool:
        """Bring a row up to date; return whether anything changed."""
        former_id = paper.canonical_id
        if not merge(paper, record, authority):
            return False
        if paper.pk:
            self.changed[paper.pk] = paper
            if paper.canonical_id != former_id:
                self.renamed[former_id] = paper
        self._add(paper)
        return True

    def find(self, record: PaperRecord) -> Paper | None:
        """Return the row of the paper that a record is about.

        The arXiv id decides where there is one; a paper listed without one is recognised by its
        DOI, or by its title when nothing speaks against it.
        """
        if record.arxiv_id and record.arxiv_id in self.by_id:
            return self.by_id[record.arxiv_id]
        candidates = list(self._namesakes(record))
        if record.arxiv_id:
            prefix = identifiers.TITLE_ID_PREFIX
            candidates = [paper for paper in candidates if paper.canonical_id.startswith(prefix)]
        if candidates or record.arxiv_id:
            return candidates[0] if candidates else None
        return self.by_id.get(_distinct_id(record))

    def _namesakes(self, record: PaperRecord) -> Iterator[Paper]:
        if record.doi and record.doi in self.by_doi:
            yield self.by_doi[record.doi]
        for paper in self.by_title[identifiers.title_key(record.title)]:
            if not (record.doi and paper.doi and record.doi != paper.doi) and _share_an_author(
                record.authors, paper.authors
            ):
                yield paper

    def _create(self, record: PaperRecord, authority: int, seen_at: datetime) -> Paper:
        paper = new_paper(record, authority, seen_at)
        if paper.canonical_id in self.by_id:
            paper.canonical_id = _distinct_id(record)
        self.created.append(paper)
        self._add(paper)
        return paper

    def _save(self) -> None:
        Paper.objects.bulk_create(self.created)
        if self.changed:
            # An insert that updates on conflict is one statement for many rows and fields.
            Paper.objects.bulk_create(
                self.changed.values(),
                update_conflicts=True,
                unique_fields=["id"],
                update_fields=list(MERGED_FIELDS),
            )
        search_index.update([*self.created, *self.changed.values()])
        if self.renamed:
            rewrite_references(
                {former_id: paper.canonical_id for former_id, paper in self.renamed.items()},
                since=min(
                    min(paper.first_seen_at, paper.announced_at) for paper in self.renamed.values()
                ),
            )


def _distinct_id(record: PaperRecord) -> str:
    """Return the id of a paper whose title another paper has already."""
    return identifiers.title_id(record.title, record.authors or (record.doi,))


def _share_an_author(names: Iterable[str], others: Iterable[str]) -> bool:
    """Return whether two lists may be of one paper: one is empty, or a surname is in both."""
    surnames = {parts[-1] for parts in map(name_parts, names) if parts}
    known = {parts[-1] for parts in map(name_parts, others) if parts}
    return not surnames or not known or bool(surnames & known)


def _keep_measurements(
    placed: Sequence[tuple[Paper, PaperRecord]], source: str, seen_at: datetime
) -> int:
    """Store each measurement that is not there yet; return how many."""
    wanted = {
        (paper.pk, measurement.name, record.observed_at or seen_at): measurement.value
        for paper, record in placed
        for measurement in record.measurements
    }
    if not wanted:
        return 0
    known = set(
        Signal.objects.filter(
            source=source,
            paper__in={paper for paper, _, _ in wanted},
            observed_at__in={moment for _, _, moment in wanted},
        ).values_list("paper_id", "name", "observed_at")
    )
    signals = [
        Signal(paper_id=paper, source=source, name=name, value=value, observed_at=moment)
        for (paper, name, moment), value in wanted.items()
        if (paper, name, moment) not in known
    ]
    Signal.objects.bulk_create(signals)
    return len(signals)
