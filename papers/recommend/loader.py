"""Loading of the ranking index from the database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db.models import Q

from papers.models import Paper, picked
from papers.recommend import embeddings, encoder, model_file
from papers.recommend.dense import vector_weight
from papers.recommend.index import Document, Index
from papers.recommend.sentence_match import SentenceMatch
from papers.recommend.text_model import TextModel, Vectors, mean_words, stack
from papers.trending import reasons, score
from papers.trending.update import newest_announcement

CANDIDATE_AGE: Final = timedelta(days=30)
"""The most time between the announcement of a candidate and the newest one."""
LEAST_KEPT: Final = 500
"""Papers from which on their text model is kept in a file; of fewer it is made in a moment."""
FIELDS: Final = (
    "canonical_id",
    "title",
    "abstract",
    "authors",
    "categories",
    "trending",
    "trending_parts",
    "announced_at",
    "picked_at",
)


def build(at: datetime, liked: Collection[str] = ()) -> Index:
    """Return the index of the papers that may be sent at a given time.

    The candidates are announced within ``CANDIDATE_AGE`` of the newest paper by then, or have an
    editor's pick in force, and are neither withdrawn nor hidden.

    Args:
        at: The time.
        liked: Ids of further papers whose texts the profiles need; they are no candidates.
    """
    newest = newest_announcement(at)
    if newest is None:
        return Index([])
    recent = Q(announced_at__gt=newest - CANDIDATE_AGE)
    shown = Q(withdrawn=False, hidden=False, announced_at__lte=at)
    # By id, an order that trending does not change, as the text model is kept in that order.
    candidates = sorted(_documents((recent | picked(at)) & shown, at), key=attrgetter("id"))
    known = {document.id for document in candidates}
    wanted = Q(canonical_id__in=set(liked) - known)
    others = sorted(_documents(wanted, at), key=attrgetter("id")) if liked else []
    return _index(candidates, others)


def liked_documents(ids: Collection[str], at: datetime) -> list[Document]:
    """Return papers of any age for an index that was built without them."""
    return list(_documents(Q(canonical_id__in=ids), at)) if ids else []


def _index(candidates: list[Document], others: list[Document]) -> Index:
    """Return the index, its text model from the file of this machine where that is worth it."""
    papers = [*candidates, *others]
    stored = embeddings.vectors_of({document.id for document in papers})
    sentences = _sentence_match(papers, len(candidates), stored)
    # Where papers have abstracts, vectors are no part of the model, which then serves longer.
    vectors = stored if vector_weight(mean_words(papers)) else {}
    if len(papers) < LEAST_KEPT:
        return Index(candidates, others, vectors, sentences=sentences)
    folder = Path(settings.VAR_DIR) / "ranking"
    model = model_file.open_or_make(
        folder,
        settings.SECRET_KEY,
        papers,
        len(candidates),
        vectors,
        lambda: TextModel(papers, len(candidates), vectors),
    )
    return Index(candidates, others, model=model, sentences=sentences)


def _sentence_match(
    papers: Sequence[Document], candidate_count: int, vectors: Mapping[str, Vectors]
) -> SentenceMatch | None:
    """Return the sentence vectors as a floor; None without enough of them."""
    if not vectors:
        return None
    stacked = stack([paper.id for paper in papers], vectors)
    match = SentenceMatch(stacked, candidate_count, encoder.encode_searches)
    return match if match.is_usable else None


def _documents(condition: Q, at: datetime) -> Iterable[Document]:
    papers = Paper.objects.filter(condition)
    for paper in papers.only(*FIELDS).iterator(chunk_size=2000):
        # A paper ingested since the last scoring has no parts yet, but a date.
        parts = {"announced": paper.announced_at.date().isoformat()} | paper.trending_parts
        yield Document(
            id=paper.canonical_id,
            title=paper.title,
            abstract=paper.abstract,
            authors=tuple(paper.authors),
            categories=tuple(paper.categories),
            trending=paper.trending,
            why=reasons.reason(parts),
            evidence=reasons.evidence(parts),
            grown=reasons.has_grown(parts),
            picked=_picked(paper, at),
            announced=score.hours(paper.announced_at),
        )


def _picked(paper: Paper, at: datetime) -> float:
    """Return the time of a pick in hours of the epoch; 0 unless it is in force."""
    chosen = paper.picked_at
    return score.hours(chosen) if chosen and paper.is_picked(at) else 0.0
