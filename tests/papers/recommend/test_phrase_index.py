"""Muted phrases match whole words without stemming."""

from __future__ import annotations

import pytest

from papers.recommend.diversify import compose
from papers.recommend.index import Document, Index
from papers.recommend.phrase_index import PhraseIndex
from papers.recommend.profile import Profile


def holds(text: str, phrase: str) -> bool:
    return list(PhraseIndex(["Another text", text]).places_of(phrase)) == [1]


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("We ask GPT-4 and others", "GPT-4"),
        ("We ask GPT 4-turbo", "gpt-4"),
        ("GPT\u20114 (Turbo)", "GPT-4"),
        ("Bindings for C++, and more", "C++"),
        ("the State-of-the-Art", "state of the art"),
        ("the state  of\nthe art.", "state-of-the-art"),
        ("A new method", "new method"),
        ("Llama 3 is out", "3"),
        ("基于扩散模型的图像生成", "扩散模型"),
        ("使用GPT模型", "gpt"),
        ("拡散モデルを使う", "モデル"),
        ("Full width ＧＰＵ", "gpu"),
        ("Die Straße", "STRASSE"),
        ("Alzheimer’s disease", "Alzheimer's"),
        ("Alzheimer’s disease", "alzheimer"),
        ("Study of blockchain", "“Blockchain”"),
        ("A new robot 🤖", "🤖"),
        ("Several LLMs", "LLM"),
        ("An LLM", "LLMs"),
        ("Many benchmarks", "benchmark"),
        ("A benchmark", "Benchmarks"),
        ("Two case studies", "case study"),
        ("Two case-studies", "case study"),
        ("A study", "studies"),
        ("The boxes", "box"),
        ("A box", "boxes"),
        ("Benchmarking agents", "benchmark*"),
        ("A benchmark", "benchmark*"),
        ("State-of-the-artful", "state of the art*"),
    ],
)
def test_a_phrase_is_found_unstemmed(text: str, phrase: str) -> None:
    assert holds(text, phrase)


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("We ask GPT-2", "GPT-4"),
        ("GPT-40 and ChatGPT-4", "GPT-4"),
        ("The language C and vitamin C", "C++"),
        ("The art of the state", "state of the art"),
        ("A newer method, news, methods", "new method"),
        ("Benchmarking agents", "benchmark"),
        ("Rebenchmark", "benchmark*"),
        ("Anything at all", "*"),
        ("A bus", "bu"),
        ("Analysi and proces", "analysis"),
        ("Gas", "ga"),
        ("Llama 33", "3"),
        ("Universities", "universe"),
        ("扩散 与 模型", "扩散模型"),
        ("Anything at all", "-"),
        ("Anything at all", "“ ”"),
        ("Anything at all", "nowhere"),
    ],
)
def test_nothing_else_is_found(text: str, phrase: str) -> None:
    assert not holds(text, phrase)


def test_no_phrase_matches_across_title_and_abstract() -> None:
    library = [Document("1", "A study of coral", "Reefs are seen"), Document("2", "Coral reefs")]
    assert [pick.paper for pick in compose(Index(library), Profile(muted=["coral reefs"]), 5)] == [
        "1"
    ]


def test_a_muted_word_in_the_abstract_excludes_the_paper() -> None:
    library = [Document("1", "A study", "We ask GPT-4."), Document("2", "A study", "Of GPT-2.")]
    picks = compose(Index(library), Profile(muted=["gpt-4"]), 5)
    assert [pick.paper for pick in picks] == ["2"]
