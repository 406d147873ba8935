"""Liked papers that are added to an index count like those that it was made with."""

from __future__ import annotations

import numpy as np
import pytest

from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import interests

SUBJECTS = ("coral reefs bleach in warm seas", "robot arms grasp cups", "speech of many speakers")


@pytest.fixture(scope="module")
def papers() -> list[Document]:
    found = []
    for number in range(300):
        filler = " the ".join(f"w{number}x{place % 7}y{place}" for place in range(20))
        text = f"{SUBJECTS[0] if number % 30 == 0 else SUBJECTS[1 + number % 2]} {filler}"
        found.append(Document(f"p{number}", f"Study {number}", text))
    return found


def test_the_best_papers_are_those_of_an_index_made_with_the_like(papers: list[Document]) -> None:
    liked = Document("old", "An old study", f"{SUBJECTS[0]} and {SUBJECTS[0]} again")
    profile = Profile(likes=["old"])
    [within] = interests(Index(papers, [liked]), profile)
    index = Index(papers)
    [added] = interests(index.with_liked([liked]), profile)
    reefs = {place for place in range(300) if place % 30 == 0}
    assert {place for place, _ in zip(within.best(), reefs, strict=False)} <= reefs
    assert {place for place, _ in zip(added.best(), reefs, strict=False)} <= reefs
    assert "An old study" in added.explain(next(added.best()))
    assert "old" not in index.rows


def test_added_and_known_likes_keep_their_order_and_weights(papers: list[Document]) -> None:
    olds = [Document(f"old{n}", f"Old {n}", SUBJECTS[n]) for n in range(3)]
    index = Index(papers).with_liked(olds)
    rows = index.rows_of(["old1", "p0", "old0", "p4"])
    shares = np.array([1, 2, 3, 4], np.float32)
    expansion = index.similarity.expansion
    rare, frequent = expansion.expanded(rows)
    columns, values, summed = expansion.expanded_sum(rows, shares)
    whole = np.zeros(rare.shape[1], np.float32)
    whole[columns] = values
    assert np.allclose(whole, shares @ rare.toarray(), atol=1e-5)
    assert np.allclose(summed, shares @ frequent, atol=1e-5)
    for place, row in enumerate(rows):
        alone, _ = expansion.expanded([row])
        assert np.allclose(alone.toarray(), rare[place].toarray())


def test_nothing_to_add_is_the_same_index(papers: list[Document]) -> None:
    index = Index(papers)
    assert index.with_liked([papers[3]]) is index
