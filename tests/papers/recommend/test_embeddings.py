"""Storage of sentence vectors with and without the semantic extra."""

from __future__ import annotations

import numpy as np
import pytest
from django.utils.timezone import now

from papers.models import Embedding, Paper
from papers.recommend import embeddings, encoder
from tests.factories import a_paper

with_extra = pytest.mark.skipif(
    not encoder.available(), reason="needs the extra: requirements/semantic.txt"
)
without_extra = pytest.mark.skipif(encoder.available(), reason="the semantic extra is installed")


@without_extra
@pytest.mark.django_db
def test_without_the_extra_nothing_is_embedded() -> None:
    paper = a_paper()
    assert embeddings.embed(now()) == 0
    assert embeddings.vectors_of({paper.canonical_id}) == {}


@with_extra
@pytest.mark.django_db
def test_a_text_is_embedded_once_and_again_when_it_changes() -> None:
    paper = a_paper(title="Quantization of large language models")
    assert [embeddings.embed(now()), embeddings.embed(now())] == [1, 0]
    Paper.objects.update(title="Coral reefs from space")
    assert embeddings.embed(now()) == 1
    assert len(Embedding.objects.get().values) == 384 * 2
    [vector] = embeddings.vectors_of({paper.canonical_id}).values()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=0.01)


@with_extra
def test_words_of_one_meaning_are_near_each_other() -> None:
    cats, kittens, stars = encoder.encode(["cats", "kittens", "pulsating stars"])
    assert cats @ kittens > cats @ stars
