"""The sentence model gives what tokenizers 0.23.3 and onnxruntime 1.32 gave."""

from __future__ import annotations

import numpy as np
import pytest

from papers.recommend import encoder
from papers.recommend.minilm.word_pieces import MOST_PIECES, pieces


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Schrödinger's naïve café", [8040, 8093, 7716, 9912, 1005, 1055, 15743, 7668]),
        (
            "C++ & C#: $5<x>",
            [1039, 1009, 1009, 1004, 1039, 1001, 1024, 1002, 1019, 1026, 1060, 1028],
        ),
        ("模型 for 日本語かな", [100, 100, 2005, 1864, 1876, 1950, 1651, 30193]),
        ("a\tb\r\nc\u200bd\x00e\ufffdf", [1037, 1038, 3729, 12879]),
        ("antidisestablishmentarianism", [3424, 10521, 4355, 7875, 13602, 3672, 12199, 2964]),
        ("İstanbul ÉCOLE", [9960, 12431]),
        ("x" * 101, [100]),
        (" ", []),
        ("한국어 text", [1469, 30006, 30021, 29991, 30014, 30020, 29999, 30008, 3793]),
        ("🙂 ∑_{i}^n α_i", [100, 100, 1035, 1063, 1045, 1065, 1034, 1050, 1155, 1035, 1045]),
        ("state-of-the-art", [2110, 1011, 1997, 1011, 1996, 1011, 2396]),
    ],
)
def test_texts_are_divided_as_the_reference_divides_them(text: str, expected: list[int]) -> None:
    assert pieces(text) == [101, *expected, 102]


def test_long_texts_are_cut_at_what_the_model_was_trained_on() -> None:
    found = pieces("theorems " * 1000)
    assert (len(found), found[0], found[-1]) == (MOST_PIECES, 101, 102)


def test_vectors_are_those_of_the_reference() -> None:
    short, long = encoder.encode(
        ["Mapping coral reefs from space", "A language model that proves theorems " * 40]
    )
    assert short[:6] == pytest.approx([0.0299, -0.0388, 0.0025, -0.0291, 0.0224, -0.0774], abs=2e-4)
    assert long[:6] == pytest.approx([-0.1093, -0.0577, -0.0188, -0.0346, -0.01, 0.0799], abs=2e-4)
    assert np.linalg.norm([short, long], axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_a_text_has_the_same_vector_alone_and_among_others() -> None:
    texts = ["cats", "kittens " * 200, "", "pulsating stars"] * 3
    together = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert together == pytest.approx(alone, abs=1e-5)


def test_words_of_one_meaning_are_near_each_other() -> None:
    cats, kittens, stars = encoder.encode(["cats", "kittens", "pulsating stars"])
    assert cats @ kittens > cats @ stars


def test_no_text_has_no_vector() -> None:
    assert len(encoder.encode([])) == 0
    assert len(encoder.encode_searches([])) == 0
