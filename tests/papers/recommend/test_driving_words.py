"""The words that decide which papers fit, and what it does to ignore one."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from papers.recommend.driving_words import driving_words
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import interests

SUBJECTS = {
    "reef": "coral bleaching warm seas fishes algae reefs ocean heat stress symbionts",
    "robot": "robot grasping manipulation policy tactile gripper contact arm demonstrations",
    "speech": "speech recognition transducer acoustic phoneme speaker noise audio streaming",
}


@pytest.fixture(scope="module")
def index() -> Index:
    chance = random.Random(7)
    papers = []
    for number in range(240):
        words = [*SUBJECTS.values()][number % 3].split()
        filler = [f"w{chance.randrange(400)}" for _ in range(30)]
        text = [chance.choice(words) if chance.random() < 0.5 else one for one in filler]
        papers.append(Document(f"p{number}", f"On {words[0]} {words[1]}", " the ".join(text)))
    return Index(papers)


def scores_of(index: Index, profile: Profile) -> np.ndarray:
    [likes] = interests(index, profile)
    return likes.strengths


def test_the_words_of_the_liked_subject_drive_the_list(index: Index) -> None:
    found = driving_words(index, Profile(likes=["p0", "p3", "p6"]))
    assert len(found) >= 5
    assert {one.word for one in found[:5]} <= set(SUBJECTS["reef"].split())
    pulls = [one.pull for one in found]
    assert pulls == sorted(pulls, reverse=True)
    assert all(0 < pull < 1 for pull in pulls)


def test_ignoring_a_word_lowers_the_similarity_of_every_paper_that_holds_it(index: Index) -> None:
    profile = Profile(likes=["p0", "p3", "p6"])
    rows, weights = index.rows_of(profile.likes), np.ones(3, np.float32)
    for word, _ in driving_words(index, profile):
        whole = index.similarity.fit(rows, weights, ignored=index.terms_of(["nothing"]))
        less = index.similarity.fit(rows, weights, ignored=index.terms_of([word]))
        holding = [
            place for place, paper in enumerate(index.candidates) if word in paper.text.split()
        ]
        assert holding
        assert np.all(less.scores[holding] < whole.scores[holding])
        assert np.all(less.scores <= whole.scores + 1e-6)


def test_an_ignored_word_has_no_pull_any_more(index: Index) -> None:
    profile = Profile(likes=["p0", "p3", "p6"])
    before = driving_words(index, profile)
    after = driving_words(index, replace(profile, ignored=[before[0].word]))
    assert after
    assert before[0].word not in {one.word for one in after}


def test_a_word_in_capitals_or_in_the_plural_is_the_same_word(index: Index) -> None:
    profile = Profile(likes=["p0", "p3", "p6"])
    assert np.array_equal(
        scores_of(index, replace(profile, ignored=["reefs"])),
        scores_of(index, replace(profile, ignored=["Reefs"])),
    )


def test_every_word_of_an_ignored_phrase_is_ignored(index: Index) -> None:
    profile = Profile(likes=["p0", "p3", "p6"])
    assert np.array_equal(
        scores_of(index, replace(profile, ignored=["coral reefs"])),
        scores_of(index, replace(profile, ignored=["reefs", "coral"])),
    )


@pytest.mark.parametrize("word", ["the", "unheard", "ab cd", "é"])
def test_ignoring_a_word_that_no_paper_holds_changes_nothing_but_feedback(
    index: Index, word: str
) -> None:
    rows, weights = index.rows_of(["p0", "p3"]), np.ones(2, np.float32)
    plain = index.similarity.fit(
        rows, weights, ignored=lambda columns: np.zeros(len(columns), bool)
    )
    found = index.similarity.fit(rows, weights, ignored=index.terms_of([word]))
    assert np.allclose(found.scores, plain.scores)


def test_without_likes_no_word_drives_the_list(index: Index) -> None:
    assert driving_words(index, Profile(topics=["cs.CL"])) == []
    assert driving_words(Index([]), Profile(likes=["p0"])) == []
