"""Sentence vectors in the database: each paper's text is embedded once, at ingest.

Nothing here happens without the ``semantic`` extra.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from papers.models import Embedding, Paper
from papers.recommend import encoder
from papers.recommend.index import Document
from papers.recommend.similarity import Scores

KEPT: Final = timedelta(days=90)
"""Papers announced within this time are embedded; older ones only once somebody needs them."""
CHUNK: Final = 256


def embed(at: datetime) -> int:
    """Embed the recent papers whose text has no vector yet; returns how many that were."""
    if not encoder.available():
        return 0
    recent = Paper.objects.filter(announced_at__gt=at - KEPT, withdrawn=False, hidden=False)
    current = dict(Embedding.objects.values_list("paper_id", "text_key"))
    texts = {
        pk: Document("", title, abstract).text
        for pk, title, abstract in recent.values_list("pk", "title", "abstract").iterator()
    }
    missing = [pk for pk, text in texts.items() if current.get(pk) != _key(text)]
    for start in range(0, len(missing), CHUNK):
        part = missing[start : start + CHUNK]
        vectors = encoder.encode([texts[pk] for pk in part]).astype(np.float16)
        Embedding.objects.bulk_create(
            [
                Embedding(paper_id=pk, text_key=_key(texts[pk]), values=vector.tobytes())
                for pk, vector in zip(part, vectors, strict=True)
            ],
            update_conflicts=True,
            unique_fields=["paper"],
            update_fields=["text_key", "values"],
        )
    return len(missing)


def vectors_of(ids: Collection[str]) -> Mapping[str, Scores]:
    """The stored vectors by canonical id; empty without the extra."""
    if not encoder.available():
        return {}
    wanted = set(ids)
    rows = Embedding.objects.values_list("paper__canonical_id", "values")
    return {
        paper: np.frombuffer(values, np.float16).astype(np.float32)
        for paper, values in rows.iterator()
        if paper in wanted
    }


def _key(text: str) -> str:
    """What a vector was made from: the model and the text."""
    return hashlib.sha256(f"{encoder.MODEL} {text}".encode()).hexdigest()[:32]
