"""Storage of sentence vectors: which papers are embedded, when, and when they cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils.timezone import now

from papers.models import Embedding, Paper
from papers.recommend import embeddings, encoder
from papers.recommend.similarity import Scores
from papers.tasks import embed_papers
from tests.factories import a_paper

pytestmark = pytest.mark.django_db


def test_a_text_is_embedded_once_and_again_when_it_changes() -> None:
    paper = a_paper(title="Quantization of large language models")
    assert [embeddings.embed(now()), embeddings.embed(now())] == [1, 0]
    Paper.objects.update(title="Coral reefs from space")
    assert embeddings.embed(now()) == 1
    assert len(Embedding.objects.get().values) == 384 * 2
    [vector] = embeddings.vectors_of({paper.canonical_id}).values()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=0.01)


def test_the_newest_papers_are_embedded_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "PORTION", 1)
    at = now()
    older = a_paper(announced_at=at - timedelta(days=2))
    newer = a_paper(announced_at=at - timedelta(days=1))
    embed_papers()
    assert list(embeddings.vectors_of({older.canonical_id, newer.canonical_id})) == [
        newer.canonical_id
    ]
    embed_papers()
    embed_papers()
    assert Embedding.objects.count() == 2


def test_a_paper_that_is_deleted_meanwhile_gets_no_vector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept, deleted = a_paper(), a_paper()
    encode = encoder.encode

    def encode_late(texts: Sequence[str]) -> Scores:
        Paper.objects.get(pk=deleted.pk).delete()
        return encode(texts)

    monkeypatch.setattr(encoder, "encode", encode_late)
    assert embeddings.embed(now()) == 1
    assert [row.paper_id for row in Embedding.objects.all()] == [kept.pk]


def test_papers_long_before_the_newest_one_are_not_embedded() -> None:
    at = now() - timedelta(days=365)
    a_paper(announced_at=at)
    a_paper(announced_at=at - embeddings.EMBEDDED_AGE)
    assert embeddings.embed(now()) == 1


def test_nothing_is_embedded_where_vectors_are_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SENTENCE_VECTORS", "false")
    paper = a_paper()
    assert embeddings.embed(now()) == 0
    assert embeddings.vectors_of({paper.canonical_id}) == {}


@pytest.mark.parametrize("content", [b"another model", None])
def test_a_model_that_cannot_be_read_is_named_in_the_log(
    content: bytes | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("SEMANTIC_MODEL", str(path))
    a_paper()
    assert embeddings.embed(now()) == 0
    assert "ranked by words alone" in caplog.text
    assert str(path) in caplog.text
