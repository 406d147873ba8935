"""Term weights of texts: words, phrases and owners of links."""

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
def test_the_owners_of_links_are_extracted(text: str, found: list[str]) -> None:
    assert owners(text) == found


def similarity(texts: list[str], one: int, other: int) -> float:
    rows = Vocabulary(texts).matrix
    return float((rows[one] @ rows[other].T).toarray()[0, 0])


def test_a_shared_phrase_makes_texts_similar() -> None:
    texts = ["what it is all about", "all of what it is about", *["about all it of what is"] * 2]
    assert similarity(texts, 0, 1) > similarity(texts, 0, 2)


def test_a_shared_owner_makes_texts_similar() -> None:
    texts = [f"a robot at github.com/{owner}/code" for owner in ("lab", "lab", "den", "den")]
    assert similarity(texts, 0, 1) > similarity(texts, 0, 2)


def test_a_later_text_has_the_same_weights() -> None:
    texts = ["robots fold the cloth by touch", "robots fold the paper by touch", "coral reefs"]
    known = Vocabulary(texts)
    assert abs(known.rows(texts) - known.matrix).max() < 1e-6
    assert known.rows(["zymurgy of ales"]).nnz == 0


def test_the_order_of_a_list_of_words_does_not_count() -> None:
    words = "barley chloroplast genome leaf mutant operon plastid polymerase promoter sequence"
    shuffled = " ".join(reversed(words.split()))
    texts = [words, shuffled, "A chloroplast genome of barley", "The promoter of a sequence"]
    rows = Vocabulary(texts).matrix
    assert (rows[0] @ rows[1].T).toarray() == pytest.approx(1, abs=1e-5)
