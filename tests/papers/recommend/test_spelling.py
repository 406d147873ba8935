"""How a text writes the words that a reason names."""

from __future__ import annotations

import pytest

from papers.recommend.tokenize import Spelling, stem


@pytest.mark.parametrize(
    ("text", "term", "written"),
    [
        ("Quantization of ViTs on ImageNet", "ImageNet", "ImageNet"),
        ("Quantization of ViTs on ImageNet", "quantized", "quantization"),
        ("ATTENTION IS ALL", "attention", "ATTENTION"),
        ("We quantize to low-bit weights.", "low bit", "low-bit"),
        ("Models of language, and language models", "models language", "models of language"),
        ("Dense. Retrieval", "dense retrieval", "dense, retrieval"),
    ],
)
def test_a_term_is_written_as_the_text_has_it(text: str, term: str, written: str) -> None:
    assert Spelling(text).of([stem(word.lower()) for word in term.split()]) == written
