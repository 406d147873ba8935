"""The reason of a paper that a search found claims no more than is true."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.query_parsing import parse
from papers.recommend.ranking import interests
from papers.recommend.search_reasons import search_reason
from papers.recommend.tokenize import stem, words


def reason(search: str, text: str, common: Sequence[str] = ()) -> str:
    """The reason of a paper that has the words of a search in no other form than its own."""
    stems = [one for one in map(stem, words(text)) if one]
    typed = parse(search).words
    held = [set(word.stem.split()) <= set(stems) for word in typed]
    is_common = {stem(one) for one in common}.__contains__
    return search_reason(search, typed, held, text, is_common)


@pytest.mark.parametrize(
    ("search", "text", "words"),
    [
        ("robot manipulation", "Manipulating with robots.", "on “robot manipulation”"),
        ("vision of robots", "Robots walk. Vision", "on “vision of robots”"),
        (
            "ASR for low-resource languages",
            "Better ASR.",
            "part of “ASR for low-resource languages”: ASR",
        ),
        (
            "speech synthesis for opera singers",
            "Speech synthesis is hard.",
            "part of “speech synthesis for opera singers”: speech synthesis",
        ),
        (
            "speech synthesis for opera singers",
            "Synthesis of a speech.",
            "part of “speech synthesis for opera singers”: speech, synthesis",
        ),
        (
            "protein folding models",
            "Models of proteins.",
            "part of “protein folding models”: protein",
        ),
        ("opera singing models", "Models of robots.", "close to “opera singing models”"),
        ("opera singers", "Robots walk.", "close to “opera singers”"),
    ],
)
def test_only_words_that_stand_together_or_name_a_subject_are_said(
    search: str, text: str, words: str
) -> None:
    assert reason(search, text, common=["models"]) == words


def test_a_paper_with_the_abbreviation_alone_is_on_the_subject_and_no_stem_is_shown() -> None:
    papers = [
        Document(f"p{number}", "Answers", f"Visual question answering (VQA) in world {number}.")
        for number in range(6)
    ]
    papers.append(Document("short", "On VQA", "We improve VQA of maps."))
    papers += [Document(f"o{number}", "Robots", f"They walk {number}.") for number in range(20)]
    index = Index(papers)
    [found] = interests(index, Profile(texts=["visual question answering"]))
    reasons = {index.candidates[place].id: found.explain(place) for place in found.best()}
    assert reasons["short"] == reasons["p0"] == "on “visual question answering”"


def test_what_is_excluded_does_not_stand_in_the_way() -> None:
    papers = [Document(f"p{n}", "Coral reefs", f"Reefs of corals {n}.") for n in range(9)]
    papers += [Document(f"o{number}", "Robots", f"They walk {number}.") for number in range(20)]
    index = Index(papers)
    [found] = interests(index, Profile(texts=["coral reefs -sharks"]))
    assert {found.explain(place) for place in found.best()} == {"on “coral reefs -sharks”"}


@pytest.mark.parametrize(
    ("title", "abstract", "expected"),
    [
        ("Agentic code review", "We study it.", "on “code review”"),
        ("Robots", "They walk. They run. They also read a code review.", "mentions “code review”"),
        (
            "Claims",
            "A review of papers, which lies in their released code.",
            "part of “code review”: review",
        ),
    ],
)
def test_words_that_are_apart_or_in_passing_are_not_the_subject(
    title: str, abstract: str, expected: str
) -> None:
    papers = [Document("p", title, abstract)]
    papers += [Document(f"c{n}", "Code review", f"Code review of code {n}.") for n in range(5)]
    papers += [Document(f"o{n}", "Code" if n < 20 else "Maps", f"Machines {n}.") for n in range(90)]
    index = Index(papers)
    [found] = interests(index, Profile(texts=["code review"]), mentions=True)
    assert found.explain(0) == expected


def test_all_words_apart_are_named_one_by_one() -> None:
    papers = [Document("p", "Reefs", "They bleach in seas. Not all of the corals.")]
    papers += [Document(f"c{n}", "Coral reefs", f"Coral reefs {n}.") for n in range(5)]
    papers += [Document(f"o{n}", "Robots", f"They walk {n}.") for n in range(90)]
    [found] = interests(Index(papers), Profile(texts=["coral reefs"]), mentions=True)
    assert found.explain(0) == "mentions “coral” and “reefs”"


def test_a_word_of_another_subject_with_the_same_stem_is_not_named() -> None:
    assert reason("tokenizers", "Tokens are pruned.") == "close to “tokenizers”"
    assert reason("hallucination detection", "Detecting hallucinations.") == (
        "on “hallucination detection”"
    )


@pytest.mark.parametrize(
    ("search", "text", "expected"),
    [
        ("chart", "Charting a model atlas.", "close to “chart”"),
        ("chart", "Charting a model atlas of charts.", "on “chart”"),
        ("token", "Tokenizers of texts.", "close to “token”"),
        ("chart understanding", "Charting a model atlas.", "close to “chart understanding”"),
        ("chart understanding", "A bar chart.", "part of “chart understanding”: chart"),
        (
            "human motion of dancers",
            "Human motions.",
            "part of “human motion of dancers”: human motion",
        ),
        ("human motion of dancers", "Moving humans.", "part of “human motion of dancers”: human"),
        (
            "x-ray images of bones",
            "On X rays and bone.",
            "part of “x-ray images of bones”: x-ray, bones",
        ),
        (
            "level reward design",
            "Verifier-level rewards.",
            "part of “level reward design”: level reward",
        ),
        ("verifier-level reward", "A level reward.", "part of “verifier-level reward”: reward"),
        ("Mixture-of-Depths", "A mixture of depths.", "on “Mixture-of-Depths”"),
        ("Mixture-of-Depths", "Mixtures hide depths.", "close to “Mixture-of-Depths”"),
        (
            "Mixture-of-Depths tuning",
            "A mixture of depths.",
            "part of “Mixture-of-Depths tuning”: Mixture-of-Depths",
        ),
        (
            "Retrieval (RAG) for dancers",
            "Retrieval (RAG) for maps.",
            "part of “Retrieval (RAG) for dancers”: Retrieval (RAG)",
        ),
        ("3D spatial dances", "A 3D spatial map.", "part of “3D spatial dances”: 3D, spatial"),
        ("method design", "A method with a design.", "close to “method design”"),
        ("method design", "Design of methods. Method designs.", "on “method design”"),
        (
            "poses of dancers",
            "It poses a problem to dancers.",
            "part of “poses of dancers”: dancers",
        ),
        ("GPT-4", "GPT-3 and GPT-4.5.", "close to “GPT-4”"),
        ("GPT-4", "We ask GPT 4.", "on “GPT-4”"),
        ("speech of Qwen2.5", "Speech of Qwen2-VL.", "part of “speech of Qwen2.5”: speech"),
        ("voices of Qwen2.5", "Speech of Qwen2.5-VL.", "part of “voices of Qwen2.5”: Qwen2.5"),
        ("3D maps", "Maps in 3D-aware views.", "on “3D maps”"),
        ("ViT", "Visual instruction tuning (VIT).", "close to “ViT”"),
        ("ViT", "Two ViTs.", "on “ViT”"),
        (
            "next-token prediction",
            "Next-state token prediction.",
            "close to “next-token prediction”",
        ),
        ("text-to-image models", "Text and image models.", "close to “text-to-image models”"),
        ("REINFORCE", "Reinforcing maps, we reinforce reefs.", "close to “REINFORCE”"),
        ("REINFORCE", "REINFORCE for maps.", "on “REINFORCE”"),
        ("3D reefs of 3D corals", "A 3D coral.", "part of “3D reefs of 3D corals”: 3D, 3D corals"),
        ("3D reefs of 3D dances", "A 3D map.", "part of “3D reefs of 3D dances”: 3D"),
        ("features of dancers", "Features of maps.", "close to “features of dancers”"),
        ("quantization", "Quantized models.", "on “quantization”"),
        ("detect objects", "Detecting an object.", "on “detect objects”"),
        ("robot", "Robotic hands.", "on “robot”"),
    ],
)
def test_a_word_is_named_as_it_stands_but_for_the_plural_and_hyphens(
    search: str, text: str, expected: str
) -> None:
    assert reason(search, text) == expected
