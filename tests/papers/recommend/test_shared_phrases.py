"""Reasons name shared phrases that denote a subject."""

from __future__ import annotations

import pytest

from papers.recommend.shared_phrases import PhraseTable, phrases


def shared(one: str, other: str) -> tuple[str, ...]:
    return PhraseTable([one, other]).shared(0, 1, [one, other])


def test_a_shared_phrase_is_adjacent_in_both_papers() -> None:
    one = "We study sparse attention for diffusion transformers."
    assert shared(one, "Diffusion transformers with sparse attention.") == (
        "diffusion transformers",
        "sparse attention",
    )
    assert shared(one, "Attention is sparse; diffusion, and transformers.") == ()


def test_an_abbreviation_in_capitals_is_a_phrase() -> None:
    assert shared("ASR for Thai.", "Noise hurts ASR.") == ("ASR",)
    assert shared("Asr for Thai.", "Noise hurts asr.") == ()
    assert shared("Low-Resource Thai.", "Low-Resource Lao.") == ()


def test_a_name_and_its_variant_are_named_once() -> None:
    one = "We measure BrowseComp-ZH and BrowseComp."
    assert shared(one, "On BrowseComp and BrowseComp-ZH.") == ("BrowseComp",)


@pytest.mark.parametrize(
    "text",
    [
        "Results may significantly outperform existing methods.",
        "Code is available at https://github.com/sparse-attention/robust-robots now.",
        "We gain 7x speedup in 12 of 30 cases.",
        "A novel approach achieves state of the art.",
        "Proprietary models give correct answers. Their size and training costs.",
        "Critical components, average speedup, underlying data, et al.",
        "Results in the real world. Code on GitHub.",
        "LLM-generated and AI-driven, by orders of magnitude, visual input, millions.",
        "A paradigm shift for LMs: unified generation models and deep learning models.",
    ],
)
def test_general_english_numbers_and_links_are_no_phrases(text: str) -> None:
    assert phrases(text) == {}


def test_at_most_three_phrases_without_common_words_are_returned() -> None:
    text = (
        "Mixture of experts, sparse attention, speech synthesis, protein folding, "
        "hyperbolic sparse attention."
    )
    found = shared(text, text)
    assert len(found) == 3
    assert "hyperbolic sparse attention" in found
    assert "sparse attention" not in found


def test_frequent_phrases_are_left_out() -> None:
    text = "Language models and protein folding."
    others = ["Language models."] * 60 + ["Robots walk."] * 38
    assert PhraseTable([text, text, *others]).shared(0, 1, [text] * 2) == ("protein folding",)


def test_phrases_are_spelled_without_the_capitals_of_a_title() -> None:
    title, text = "Speech Synthesis with BERT Encoders", "We train BERT encoders. Speech synthesis."
    assert shared(title, text) == ("BERT encoders", "Speech synthesis")


def test_a_phrase_is_not_cut_from_a_longer_one() -> None:
    one = "Multilingual large language models. Agentic tasks of OmniDocBench v1.5."
    other = "Of multilingual large language pretraining. Long-horizon agentic work, version v1.5."
    assert shared(one, other) == ()
    assert shared(one, "A multilingual large language model.") == (
        "multilingual large language model",
    )


def test_a_cut_phrase_is_named_where_one_paper_has_it_alone() -> None:
    one = "Video diffusion transformers and video diffusion distillation."
    assert shared(one, "Faster video diffusion models.") == ()
    assert shared(one, "Faster video diffusion.") == ("video diffusion",)


def test_singular_and_plural_are_one_phrase_written_as_in_the_recommended_paper() -> None:
    assert shared("We train MLLMs. An MLLM sees.", "An MLLM and more MLLMs.") == ("MLLM",)
    assert shared("A reward model.", "Reward models hack.") == ("Reward models",)


def test_a_phrase_is_not_the_end_of_a_name() -> None:
    one = "Group Relative Policy Optimization of agents."
    other = "Supergroup Relative Policy Optimization."
    assert shared(one, other) == ()
    assert shared(one, f"{other} Relative policy optimization.") == (
        "Relative policy optimization",
    )


def test_two_capitals_are_named_where_a_paper_explains_them() -> None:
    assert shared("The product BA of two factors.", "Factors A, BA and B.") == ()
    assert shared("Answers to questions (QA) in Thai.", "QA is hard.") == ("QA",)


def test_models_that_anything_is_measured_with_are_no_subject() -> None:
    text = "We test GPT-4o, GPTs, Qwen3-235B-A22B, LLaMA-2, DeepSeek-R1 and o3-mini on GPQA."
    assert shared(text, text) == ("GPQA",)


def test_no_phrase_ends_with_a_count_or_says_only_how_large_or_able_something_is() -> None:
    text = "A complex two-stage one. Large-scale datasets, specialized models, reasoning abilities."
    assert shared(text, text) == ()
