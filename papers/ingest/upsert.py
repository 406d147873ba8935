"""Records of papers into rows: one row per paper, written only when something changed."""

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

CHUNK: Final = 500
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the records of a run; the four numbers add up to the records read.

    ``observations`` counts new measurements, ``note`` says why there was nothing to read.
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
    """Bring the catalogue up to date with the records of one source.

    Any number of processes may do so at once: they write in turn, in short transactions. A
    record that the database refuses is rejected alone. ``only_known`` passes over papers that
    are not in the catalogue (they count as unchanged); ``dry_run`` counts and leaves no trace.
    """
    counts = Counts()
    iterator = iter(records)
    desk = _Desk(source, authority, only_known)
    with transaction.atomic() if dry_run else nullcontext():
        while chunk := list(islice(iterator, CHUNK)):
            counts += _write(chunk, desk)
        if dry_run:
            transaction.set_rollback(True)
    return counts


def withdraw(arxiv_ids: Iterable[str]) -> int:
    """Mark papers as withdrawn that their archive has deleted; how many were not yet."""
    papers = Paper.objects.filter(canonical_id__in=set(arxiv_ids), withdrawn=False)
    return papers.update(withdrawn=True, pdf_url="")


@dataclass(frozen=True, slots=True)
class _Desk:
    """On whose behalf records are placed."""

    source: str
    authority: int
    only_known: bool


def _write(chunk: Sequence[PaperRecord], desk: _Desk) -> Counts:
    try:
        with transaction.atomic():
            Turn.objects.get_or_create(name="catalogue")
            Turn.objects.select_for_update().get(name="catalogue")
            return _Shelf(chunk).place(chunk, desk)
    except (DatabaseError, ValueError) as error:
        if len(chunk) == 1:
            reason = f"The database refused it: {str(error).splitlines()[0][:200]}"
            rejection = Rejection(chunk[0].arxiv_id or chunk[0].title[:120], reason)
            return Counts(rejected=1, rejections=(rejection,))
        logger.warning("A batch of %d papers was refused; trying them singly.", len(chunk))
        return sum((_write([record], desk) for record in chunk), Counts())


class _Shelf:
    """The rows that a chunk of records may be about, by everything they are known under."""

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
        if paper not in (shelved := self.by_title[paper.title_key]):
            shelved.append(paper)

    def place(self, records: Sequence[PaperRecord], desk: _Desk) -> Counts:
        """Find or make the row of each record, save what changed, and keep the measurements."""
        seen_at = now()
        created = updated = 0
        placed: list[tuple[Paper, PaperRecord]] = []
        for record in records:
            paper = self.find(record)
            if paper is None and desk.only_known:
                continue
            if paper is None:
                paper = self._create(record, desk.authority, seen_at)
                created += 1
            elif self._merge(paper, record, desk.authority):
                updated += 1
            placed.append((paper, record))
        self._save()
        return Counts(
            created,
            updated,
            unchanged=len(records) - created - updated,
            observations=_keep_measurements(placed, desk.source, seen_at),
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
        """The row of the paper that a record is about.

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
    """The id of a paper whose title another paper has already."""
    return identifiers.title_id(record.title, record.authors or (record.doi,))


def _share_an_author(names: Iterable[str], others: Iterable[str]) -> bool:
    """Whether two lists may be of one paper: one is unknown, or a surname is in both."""
    surnames = {parts[-1] for parts in map(name_parts, names) if parts}
    known = {parts[-1] for parts in map(name_parts, others) if parts}
    return not surnames or not known or bool(surnames & known)


def _keep_measurements(
    placed: Sequence[tuple[Paper, PaperRecord]], source: str, seen_at: datetime
) -> int:
    """Store each measurement that is not there yet; how many were stored."""
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
