"""What a text is taken to say: its words, its turns of phrase, whose code it links to."""

from __future__ import annotations

import pytest

from papers.recommend.tfidf import Vocabulary
from papers.recommend.tokenize import owners


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Code at https://github.com/Some-Lab/Thing.", ["some-lab"]),
        ("See some-lab.github.io/thing.", ["some-lab"]),
        ("Data: huggingface.co/datasets/lab/thing", ["lab"]),
        ("A demo at www.thing.ai", ["thing.ai"]),
        ("Write to me@thing.ai about GPT-4.5, e.g. its size", []),
    ],
)
def test_a_link_tells_whose_code_it_is(text: str, found: list[str]) -> None:
    assert owners(text) == found


def alike(texts: list[str], one: int, other: int) -> float:
    rows = Vocabulary(texts).matrix
    return float((rows[one] @ rows[other].T).toarray()[0, 0])


def test_the_same_turn_of_phrase_makes_texts_alike() -> None:
    texts = ["what it is all about", "all of what it is about", *["about all it of what is"] * 2]
    assert alike(texts, 0, 1) > alike(texts, 0, 2)


def test_the_same_owner_makes_texts_alike() -> None:
    texts = [f"a robot at github.com/{owner}/code" for owner in ("lab", "lab", "den", "den")]
    assert alike(texts, 0, 1) > alike(texts, 0, 2)


def test_a_text_that_comes_later_is_weighed_like_those_before() -> None:
    texts = ["robots fold the cloth by touch", "robots fold the paper by touch", "coral reefs"]
    known = Vocabulary(texts)
    assert abs(known.rows(texts) - known.matrix).max() < 1e-6
    assert known.rows(["zymurgy of ales"]).nnz == 0


def test_the_order_of_a_mere_list_of_words_means_nothing() -> None:
    words = "barley chloroplast genome leaf mutant operon plastid polymerase promoter sequence"
    shuffled = " ".join(reversed(words.split()))
    texts = [words, shuffled, "A chloroplast genome of barley", "The promoter of a sequence"]
    rows = Vocabulary(texts).matrix
    assert (rows[0] @ rows[1].T).toarray() == pytest.approx(1, abs=1e-5)
