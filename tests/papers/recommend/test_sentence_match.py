"""Sentence vectors as a floor for what a digest holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from papers.recommend import encoder
from papers.recommend.diversify import compose, unanswered
from papers.recommend.explanation import DigestRequest, explain
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import rank
from papers.recommend.sentence_match import (
    LEAST_KNOWN,
    LEAST_LIKE_COSINE,
    LEAST_SEARCH_DEVIATIONS,
    SentenceMatch,
)
from papers.recommend.similarity import Scores

DIMENSIONS = 64
SUBJECT = np.eye(DIMENSIONS, dtype=np.float32)[0]
ABOUT = Document(
    "about",
    "Mapping coral reefs from space",
    "Satellite images show the bleaching of coral reefs in warm oceans, weeks before divers "
    "notice that the algae have left the polyps and that the water lost its oxygen.",
)
GAME = Document(
    "game",
    "Coral reefs: the rules of a board game",
    "Four players trade cards, build towns between coral reefs and sail home with the gold; "
    "we prove that whoever begins wins if nobody may pass and the deck has been shuffled.",
)
OTHERS = [
    Document(str(n), f"Study {n} of stars", f"Observations of pulsar {n} with telescope {n}.")
    for n in range(LEAST_KNOWN)
]
PAPERS = [ABOUT, GAME, *OTHERS]
CORAL = Profile(texts=["coral reefs"])


def vectors(papers: Sequence[Document]) -> Scores:
    """Vectors in which only the paper on the subject is near it."""
    found = np.random.default_rng(1).normal(size=(len(papers), DIMENSIONS)).astype(np.float32)
    found[:, 0] = 0
    found[0] = SUBJECT
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def encode(texts: Sequence[str]) -> Scores:
    """Every search is on the subject."""
    return np.tile(SUBJECT, (len(texts), 1))


def index(papers: Sequence[Document] = PAPERS, match: SentenceMatch | None = None) -> Index:
    """The papers with their sentence vectors."""
    quiet = [replace(paper, grown=False) for paper in papers]
    sentences = match or SentenceMatch(vectors(papers), len(papers), encode)
    return Index(quiet, sentences=sentences)


def chosen(index: Index, profile: Profile) -> list[str]:
    """The ids of the papers of a digest."""
    return [pick.paper for pick in compose(index, profile, 10)]


def test_a_digest_holds_no_paper_that_has_only_the_words_of_a_search() -> None:
    words = Index([replace(paper, grown=False) for paper in PAPERS])
    assert set(chosen(words, CORAL)) == {"about", "game"}
    assert chosen(index(), CORAL) == ["about"]


def test_a_search_that_only_has_such_papers_is_named_as_unanswered() -> None:
    match = SentenceMatch(np.roll(vectors(PAPERS), 1, axis=1), len(PAPERS), encode)
    assert unanswered(index(match=match), CORAL) == ["coral reefs"]


def test_a_search_on_a_broad_subject_has_no_floor() -> None:
    stars = Profile(texts=["observations of pulsar"])
    words = Index([replace(paper, grown=False) for paper in PAPERS])
    assert chosen(index(), stars) == chosen(words, stars) != []


def test_a_ranked_list_still_holds_them() -> None:
    assert rank(index(), CORAL, ["about", "game"], 10) == ["about", "game"]


def test_a_paper_without_a_vector_is_not_held_to_the_floor() -> None:
    some = vectors(PAPERS)
    some[1] = 0
    match = SentenceMatch(some, len(PAPERS), encode)
    assert set(chosen(index(match=match), CORAL)) == {"about", "game"}


def test_no_paper_far_from_the_liked_ones_fits_the_likes() -> None:
    liked = Document(
        "liked",
        "Bleaching of coral reefs and the rules of a board game",
        "Satellite images of coral reefs; players trade cards and build towns.",
    )
    reader = Profile(likes=["liked"])
    papers = [replace(paper, grown=False) for paper in PAPERS]
    assert chosen(Index(papers, [liked]), reader) == ["game"]
    some = np.vstack([vectors(PAPERS), SUBJECT])
    match = SentenceMatch(some, len(PAPERS), encode)
    near = Index(papers, [liked], sentences=match)
    assert chosen(near, reader) == []
    found = explain(near, DigestRequest(reader, 10), "game")
    assert (found.rule, found.threshold) == ("weak match", LEAST_LIKE_COSINE)


def test_a_paper_whose_words_alone_fit_is_explained_as_a_weak_match() -> None:
    found = explain(index(), DigestRequest(CORAL, 10), "game")
    assert (found.rule, found.threshold) == ("weak match", LEAST_SEARCH_DEVIATIONS)
    assert isinstance(found.value, float)
    assert found.value < LEAST_SEARCH_DEVIATIONS


def test_likes_without_a_vector_set_no_floor() -> None:
    some = vectors(PAPERS)
    some[1] = 0
    match = SentenceMatch(some, len(PAPERS), encode)
    assert match.near_likes([1], np.arange(3)).all()
    # A candidate may be near the like that has none.
    assert match.near_likes([0, 1], np.arange(3)).all()
    assert not match.near_likes([0], np.arange(3)).all()


@pytest.mark.parametrize(("count", "usable"), [(LEAST_KNOWN - 1, False), (LEAST_KNOWN, True)])
def test_few_vectors_are_no_floor(count: int, usable: bool) -> None:
    assert SentenceMatch(vectors(OTHERS[:count]), count, encode).is_usable is usable


def test_vectors_of_some_of_the_papers_are_no_floor() -> None:
    some = vectors(PAPERS)
    some[: len(PAPERS) // 5] = 0
    assert not SentenceMatch(some, len(PAPERS), encode).is_usable


def test_the_model_knows_subjects_that_papers_do_not_name() -> None:
    texts = [paper.text for paper in PAPERS]
    match = SentenceMatch(encoder.encode(texts), len(PAPERS), encoder.encode_searches)
    [reefs, stars] = encoder.encode_searches(["ocean ecology", "radio astronomy"])
    assert match.near_search(reefs, np.arange(3)).tolist() == [True, True, False]
    assert not match.near_search(stars, np.arange(2)).any()
