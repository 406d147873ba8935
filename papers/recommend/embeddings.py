"""Storage of sentence vectors: each paper's text is embedded once, at ingest.

Without the ``semantic`` extra nothing is stored or read.
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

EMBEDDED_AGE: Final = timedelta(days=90)
"""The most age of a paper, by its announcement, that is embedded."""
BATCH_TEXTS: Final = 256
"""Texts that are embedded and stored together."""


def embed(at: datetime) -> int:
    """Embed the recent papers whose text has no vector yet, and return their number."""
    if not encoder.available():
        return 0
    recent = Paper.objects.filter(announced_at__gt=at - EMBEDDED_AGE, withdrawn=False, hidden=False)
    current = dict(Embedding.objects.values_list("paper_id", "text_key"))
    texts = {
        pk: Document("", title, abstract).text
        for pk, title, abstract in recent.values_list("pk", "title", "abstract").iterator()
    }
    missing = [pk for pk, text in texts.items() if current.get(pk) != _text_key(text)]
    for start in range(0, len(missing), BATCH_TEXTS):
        part = missing[start : start + BATCH_TEXTS]
        vectors = encoder.encode([texts[pk] for pk in part]).astype(np.float16)
        Embedding.objects.bulk_create(
            [
                Embedding(paper_id=pk, text_key=_text_key(texts[pk]), values=vector.tobytes())
                for pk, vector in zip(part, vectors, strict=True)
            ],
            update_conflicts=True,
            unique_fields=["paper"],
            update_fields=["text_key", "values"],
        )
    return len(missing)


def vectors_of(ids: Collection[str]) -> Mapping[str, Scores]:
    """Return the stored vectors by canonical id; none without the extra."""
    if not encoder.available():
        return {}
    wanted = set(ids)
    rows = Embedding.objects.values_list("paper__canonical_id", "values")
    return {
        paper: np.frombuffer(values, np.float16).astype(np.float32)
        for paper, values in rows.iterator()
        if paper in wanted
    }


def _text_key(text: str) -> str:
    """Return a hash of the model and the text that a vector is made from."""
    return hashlib.sha256(f"{encoder.MODEL} {text}".encode()).hexdigest()[:32]
