"""Ranking by likes, dislikes, searches and vectors, and the reasons it gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from papers.recommend.dense import vector_weight
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import interests, rank

GPTQ = Document(
    "gptq",
    "GPTQ: Accurate quantization for generative transformers",
    "Post-training quantization of weights to low-bit integers keeps language models accurate.",
    authors=("Elias Frantar", "Dan Alistarh"),
)
AWQ = Document(
    "awq",
    "Activation-aware quantization of weights",
    "Low-bit quantization of language models protects the weights that matter.",
    authors=("Ji Lin",),
)
REEFS = Document("reefs", "Coral reefs from space", "Satellites watch the bleaching of corals.")
STARS = Document("stars", "Variable stars", "A catalogue of pulsating stars and their periods.")
ROBOTS = Document("robots", "Robots that fold laundry", "A policy learns to fold cloth by touch.")
SEARCH = Document("search", "Dense retrieval", "Dense retrieval of passages with two encoders.")
LIBRARY = [AWQ, REEFS, STARS, ROBOTS, SEARCH]


def reason(index: Index, profile: Profile, paper: str) -> str:
    [interest] = interests(index, profile)
    return interest.explain(index.place[paper])


def score(index: Index, profile: Profile, paper: str) -> float:
    """Return the highest score of a paper; zero without an interest that fits."""
    found = [float(interest.scores[index.place[paper]]) for interest in interests(index, profile)]
    return max(found, default=0.0)


def test_the_paper_most_like_the_liked_one_comes_first() -> None:
    index = Index(LIBRARY, [GPTQ])
    assert rank(index, Profile(likes=["gptq"]), index.place, top=1) == ["awq"]


def test_a_reason_names_the_liked_paper_and_the_words_they_share() -> None:
    given = reason(Index(LIBRARY, [GPTQ]), Profile(likes=["gptq"]), "awq")
    assert given == "like “GPTQ”, which you liked: quantization of weights, language models"


@pytest.mark.parametrize(
    "profile", [Profile(likes=["gptq"]), Profile(texts=["low-bit quantization"])]
)
def test_without_the_words_of_its_reason_a_paper_scores_less(profile: Profile) -> None:
    whole = Index(LIBRARY, [GPTQ])
    given = reason(whole, profile, "awq").partition(": ")[2] or profile.texts[0]
    named = given.replace(",", "").split()
    assert named
    left = " ".join(word for word in AWQ.text.lower().split() if word.strip(".") not in named)
    poorer = Index([replace(AWQ, title="", abstract=left), *LIBRARY[1:]], [GPTQ])
    assert score(poorer, profile, "awq") < score(whole, profile, "awq")


def test_the_reason_names_the_like_that_the_paper_is_nearest_to() -> None:
    profile = Profile(likes=["gptq", "stars"])
    assert "GPTQ" in reason(Index([AWQ, REEFS, ROBOTS], [GPTQ, STARS]), profile, "awq")


def test_a_search_finds_only_papers_with_one_of_its_words() -> None:
    index = Index(LIBRARY)
    [interest] = interests(index, Profile(texts=["dense retrieval"]))
    assert [index.candidates[place].id for place in interest.best()] == ["search"]
    assert interest.explain(index.place["search"]) == "on “dense retrieval”"


def test_a_paper_is_found_through_its_neighbour() -> None:
    bridge = Document("bridge", "Low-bit quantization of encoders", "Dense retrieval of passages.")
    others = [
        Document(f"o{n}", f"Topic{n} study{n}", f"Words{n} about{n} this{n}") for n in range(30)
    ]
    index = Index([SEARCH, bridge, *others, *(replace(p, id=f"{p.id}-2") for p in others)], [GPTQ])
    few = ["search", *(paper.id for paper in others)]
    assert rank(index, Profile(likes=["gptq"]), few, top=1) == ["search"]


def test_with_a_single_like_feedback_from_the_best_candidates_changes_the_order() -> None:
    """A paper with fewer terms of the like rises if the best candidates are similar to it."""
    found = [Document(f"f{n}", f"Quantization with fisher{n}", "Hessians.") for n in range(3)]
    crowd = [Document(f"c{n}", f"Pendulums with bobs{n}", "Swings.") for n in range(3)]
    friend = Document("friend", "Weights of hessians", "Steps.")
    loner = Document("loner", "Weights of pendulums for language models", "Swings.")
    others = [Document(f"o{n}", f"Topic{n} study{n}", f"Words{n} about{n}.") for n in range(120)]
    index = Index([loner, friend, *found, *crowd, *others], [GPTQ])
    few = rank(index, Profile(likes=["gptq"]), index.place, top=5)
    assert few.index("friend") < few.index("loner")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("found", [[], [AWQ]])
def test_feedback_stays_finite_where_one_candidate_or_none_stands_out(
    found: list[Document],
) -> None:
    same = [replace(REEFS, id=f"r{n}") for n in range(40)]
    index = Index([*found, *same], [GPTQ])
    ids = [paper.id for paper in index.candidates]
    assert rank(index, Profile(likes=["gptq"]), ids, top=3) == ids[:3]
    fit = index.similarity.fit(index.rows_of(["gptq"]), np.ones(1, np.float32))
    assert np.isfinite(fit.scores).all()


def test_papers_without_a_term_of_the_likes_do_not_fit_them() -> None:
    empty = [Document(f"e{n}", "") for n in range(3)]
    [likes] = interests(Index([AWQ, REEFS, *empty], [GPTQ]), Profile(likes=["gptq"]))
    places = list(likes.best())
    assert places[0] == 0
    assert not set(places) & {2, 3, 4}


def test_likes_in_a_language_that_no_paper_is_in_are_no_interest() -> None:
    strange = Document("strange", "扩散模型综述")
    assert list(interests(Index(LIBRARY, [strange]), Profile(likes=["strange"]))) == []


@pytest.mark.parametrize(("disliked", "left"), [(0, "search"), (1, "robots")])
def test_a_dislike_counts_in_sentence_vectors_too(disliked: int, left: str) -> None:
    kinds = np.eye(4, dtype=np.float32)
    vectors = {"gptq": kinds[0] + kinds[1], "robots": kinds[0], "search": kinds[1]}
    vectors |= {"awq": kinds[2], "reefs": kinds[3], "zero": kinds[0], "one": kinds[1]}
    judged = [replace(STARS, id="zero"), replace(STARS, id="one")]
    index = Index([AWQ, REEFS, ROBOTS, SEARCH], [GPTQ, *judged], vectors)
    profile = Profile(likes=["gptq"], dislikes=[judged[disliked].id])
    assert rank(index, profile, ["robots", "search"], top=1) == [left]


def test_words_that_no_paper_holds_are_no_interest() -> None:
    assert list(interests(Index(LIBRARY), Profile(texts=["zymurgy"]))) == []


def test_a_dislike_lowers_similar_papers() -> None:
    index = Index(LIBRARY, [GPTQ])
    liked = score(index, Profile(likes=["gptq"]), "awq")
    assert score(index, Profile(likes=["gptq"], dislikes=["awq"]), "awq") < liked


@pytest.mark.parametrize(
    "profile", [Profile(texts=["quantization of weights"]), Profile(topics=["cs"])]
)
def test_a_dislike_counts_without_any_like(profile: Profile) -> None:
    index = Index([replace(paper, categories=("cs.LG",)) for paper in LIBRARY], [GPTQ])
    [before] = interests(index, profile)
    [after] = interests(index, replace(profile, dislikes=["gptq"]))
    awq, reefs = index.place["awq"], index.place["reefs"]
    assert after.scores[awq] < before.scores[awq]
    assert after.scores[reefs] >= before.scores[reefs]


def test_an_old_like_weighs_less_than_a_new_one() -> None:
    index = Index(LIBRARY, [GPTQ, replace(STARS, id="old")])
    fresh = Profile(likes=["gptq", "old"])
    aged = replace(fresh, ages={"old": 900.0})
    assert score(index, aged, "stars") < score(index, fresh, "stars")
    assert score(index, aged, "awq") > score(index, fresh, "awq")


def test_the_half_life_sets_how_fast_likes_lose_weight() -> None:
    index = Index(LIBRARY, [GPTQ, replace(STARS, id="old")])
    aged = Profile(likes=["gptq", "old"], ages={"old": 90.0})
    patient = replace(aged, half_life=10_000.0)
    assert score(index, aged, "stars") < score(index, patient, "stars")


def test_likes_that_are_all_very_old_count_as_they_did_when_they_were_new() -> None:
    index = Index(LIBRARY, [GPTQ, REEFS])
    fresh = Profile(likes=["gptq", "reefs"], ages={"gptq": 0.0, "reefs": 2.0}, half_life=1.0)
    old = replace(fresh, ages={"gptq": 1000.0, "reefs": 1002.0})
    assert score(index, old, "awq") == score(index, fresh, "awq")


def test_a_few_candidates_are_ordered_as_all_of_them_are() -> None:
    index = Index([*LIBRARY, *(replace(p, id=f"{p.id}-2") for p in LIBRARY)], [GPTQ])
    profile = Profile(likes=["gptq"])
    everything = rank(index, profile, index.place, top=10)
    few = [paper for paper in everything if paper in {"reefs", "awq", "robots"}]
    assert rank(index, profile, ["reefs", "awq", "robots"], top=3) == few


def test_a_followed_author_is_found_by_an_initial() -> None:
    index = Index([GPTQ, *LIBRARY])
    [interest] = interests(index, Profile(authors=["E. Frantar"]))
    assert [index.candidates[place].id for place in interest.best()] == ["gptq"]
    assert interest.explain(0) == "you follow E. Frantar"


def test_sentence_vectors_find_papers_without_a_common_word() -> None:
    far, near = np.eye(4, dtype=np.float32)[:2]
    vectors = {paper.id: far for paper in LIBRARY} | {"gptq": near, "robots": near}
    index = Index(LIBRARY, [GPTQ], vectors)
    assert rank(index, Profile(likes=["gptq"]), ["stars", "reefs", "robots"], top=1) == ["robots"]


def test_sentence_vectors_count_most_for_bare_titles_and_not_for_abstracts() -> None:
    assert vector_weight(10) > vector_weight(50) > vector_weight(100) == vector_weight(200) == 0


def test_unknown_candidates_are_left_out() -> None:
    words = ("lakes", "rivers", "stars", "cells", "glass", "trees")
    papers = [Document(str(at), f"A study of the {word}") for at, word in enumerate(words)]
    assert rank(Index(papers), Profile(likes=["0"]), ["none", "1", "2"], 5)[0] in {"1", "2"}
    assert rank(Index(papers), Profile(likes=["0"]), ["none"], 5) == []


def test_without_a_known_candidate_sentence_vectors_rank_nothing() -> None:
    vectors = dict(zip((paper.id for paper in LIBRARY), np.eye(8, dtype=np.float32), strict=False))
    liked = LIBRARY[0].id
    assert rank(Index(LIBRARY, [], vectors), Profile(likes=[liked]), ["none"], 5) == []


def test_an_empty_library_ranks_nothing() -> None:
    assert rank(Index([]), Profile(likes=["gptq"]), ["gptq"], top=3) == []
