"""Storage of sentence vectors: each paper's text is embedded once.

Without the model (``papers.recommend.encoder``) nothing is stored or read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import numpy as np
from django.db import transaction
from django.db.models import QuerySet

from papers.models import Embedding, Paper
from papers.recommend import encoder
from papers.recommend.index import Document
from papers.recommend.text_model import Vectors
from papers.trending.update import newest_announcement

EMBEDDED_AGE: Final = timedelta(days=90)
"""The most time between the announcement of a paper that is embedded and the newest one."""
PORTION: Final = 200
"""Papers that one call embeds, the newest; an abstract takes some 30 ms of one core."""


def embed(at: datetime) -> int:
    """Embed up to ``PORTION`` recent papers whose text has no vector yet; return their number."""
    newest = newest_announcement(at)
    if newest is None or not encoder.available():
        return 0
    chosen = dict(islice(_outdated(newest), PORTION))
    vectors = encoder.encode(list(chosen.values())).astype(np.float16)
    rows = [
        Embedding(paper_id=pk, text_key=_text_key(text), values=vector.tobytes())
        for (pk, text), vector in zip(chosen.items(), vectors, strict=True)
    ]
    return _store(rows)


def _store(rows: Sequence[Embedding]) -> int:
    """Store vectors, but for papers that were deleted meanwhile; return how many."""
    papers = Paper.objects.filter(pk__in=[row.paper_id for row in rows]).order_by("pk")
    with transaction.atomic():
        present = set(papers.select_for_update(no_key=True).values_list("pk", flat=True))
        kept = [row for row in rows if row.paper_id in present]
        Embedding.objects.bulk_create(
            kept,
            update_conflicts=True,
            unique_fields=["paper"],
            update_fields=["text_key", "values"],
        )
    return len(kept)


def embed_missing(at: datetime) -> int:
    """Embed a portion if any recent paper has no vector; asking costs little where none has."""
    newest = newest_announcement(at)
    if newest is None or not _recent(newest).filter(embedding=None).exists():
        return 0
    return embed(at)


def _outdated(newest: datetime) -> Iterator[tuple[int, str]]:
    """Yield the recent papers, the newest first, that have no vector of their present text."""
    current = dict(Embedding.objects.values_list("paper_id", "text_key"))
    papers = _recent(newest).order_by("-announced_at", "pk")
    for pk, title, abstract in papers.values_list("pk", "title", "abstract").iterator():
        text = Document("", title, abstract).text
        if current.get(pk) != _text_key(text):
            yield pk, text


def _recent(newest: datetime) -> QuerySet[Paper]:
    return Paper.objects.filter(
        announced_at__gt=newest - EMBEDDED_AGE, withdrawn=False, hidden=False
    )


def vectors_of(ids: Collection[str]) -> Mapping[str, Vectors]:
    """Return the stored vectors by canonical id; none without the model."""
    if not encoder.available():
        return {}
    wanted = set(ids)
    rows = Embedding.objects.values_list("paper__canonical_id", "values")
    return {
        paper: np.frombuffer(values, np.float16)
        for paper, values in rows.iterator()
        if paper in wanted
    }


def _text_key(text: str) -> str:
    """Return a hash of the model and the text that a vector is made from."""
    return hashlib.sha256(f"{encoder.MODEL} {text}".encode()).hexdigest()[:32]
