"""The claim sentence: one sentence of the abstract, as it stands, that says what the paper does."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from benchmarks.summary_training import DATA
from papers.text import clean
from papers.text.sentences import lead_in, split
from papers.text.summary import SENTENCE_LENGTH, claim_among, claim_sentence

TITLE = "Attention with linear memory"
ABSTRACT = (
    "Transformers are the workhorse of language modelling. However, their memory grows with the "
    "square of the length of the text. In this paper, we propose LinAttn, an attention with "
    "linear memory that keeps the accuracy of transformers. Experiments on three benchmarks show "
    "that it is twice as fast. Code is available at https://example.org/linattn."
)
CLAIM = (
    "We propose LinAttn, an attention with linear memory that keeps the accuracy of transformers."
)


def test_what_the_paper_proposes_is_chosen_over_background_and_results() -> None:
    assert claim_sentence(TITLE, ABSTRACT) == CLAIM


def test_the_sentence_stands_in_the_abstract_but_for_its_first_letter() -> None:
    chosen = claim_sentence(TITLE, ABSTRACT)
    assert chosen[0].lower() + chosen[1:] in ABSTRACT
    assert not chosen.startswith("In this paper")


@pytest.mark.parametrize(
    ("title", "abstract", "said"),
    [
        (
            "On sums of two squares",
            "A classical problem of Fermat asks which integers are sums of two squares. We prove "
            "that almost all short intervals contain sums of two squares. The proof uses a sieve.",
            "We prove that almost all short intervals contain sums of two squares.",
        ),
        (
            "A young pulsar in the supernova remnant G11.2",
            "Supernova remnants often hide compact objects. We report the discovery of a pulsar "
            "with a period of 65 ms in G11.2. Its age agrees with the remnant of A.D. 386.",
            "We report the discovery of a pulsar with a period of 65 ms in G11.2.",
        ),
        (
            "Minimum wages and employment in border counties",
            "The effect of minimum wages on employment is disputed. Using pairs of neighbouring "
            "counties, we estimate the effect of 64 changes on restaurants. The literature is "
            "large.",
            "Using pairs of neighbouring counties, we estimate the effect of 64 changes on "
            "restaurants.",
        ),
    ],
)
def test_other_fields_than_machine_learning(title: str, abstract: str, said: str) -> None:
    assert claim_sentence(title, abstract) == said


@pytest.mark.parametrize(
    "abstract",
    [
        "",
        "N/A",
        "Siehe Titel.",
        "Nous proposons une nouvelle méthode pour la segmentation des images médicales. Elle "
        "repose sur un réseau de neurones et donne de meilleurs résultats que les autres.",
        "Wij stellen een methode voor die is gebaseerd op een netwerk van neuronen. De methode is "
        "sneller of beter dan andere methoden en is getest op een grote verzameling beelden.",
        "Предложен новый метод решения обратных задач. Показано, что он сходится быстрее.",
        "本文提出了一种新的图像分割方法。实验结果表明该方法优于现有方法。",
        "We " + "very " * 200 + "long.",
    ],
)
def test_where_no_sentence_can_be_chosen_there_is_none(abstract: str) -> None:
    assert claim_sentence("Title", abstract) == ""


def test_an_abstract_of_one_sentence_is_that_sentence() -> None:
    assert claim_sentence("Primes", "We count primes in short intervals.") == (
        "We count primes in short intervals."
    )


def test_the_english_half_of_an_abstract_in_two_languages_is_read() -> None:
    french = "Nous proposons une nouvelle méthode pour la segmentation des images médicales."
    english = "We propose a new method for the segmentation of medical images with few labels."
    assert claim_sentence("Segmentation", f"{english} {french}") == english
    assert claim_sentence("Segmentation", f"{french} {english} It is fast.") == english


def test_a_translation_behind_a_dash_is_read_by_itself() -> None:
    french = "Nous étudions les graphes planaires. Les résultats sont nouveaux."
    english = "We study planar graphs and their colourings."
    assert claim_sentence("Graphs", f"{french} -- {english} The results are new.") == english


@pytest.mark.parametrize(
    "notice",
    [
        "This paper has been withdrawn by the author due to a crucial error in Lemma 2.",
        "This article was temporarily withdrawn.",
        "Withdrawn due to an error in Section 3.",
        "This paper has been withdrawn from arXiv.",
    ],
)
def test_a_notice_of_withdrawal_is_said_instead_of_the_claim(notice: str) -> None:
    assert claim_sentence("Title", f"{notice} We prove the conjecture for all primes.") == notice


def test_a_paper_about_withdrawals_is_no_notice() -> None:
    abstract = (
        "Mice were withdrawn from morphine. We show that their sleep recovers within three days."
    )
    assert claim_sentence("Sleep", abstract).startswith("We show")


@pytest.mark.parametrize(
    ("sentence", "left"),
    [
        ("In this paper, we propose a method.", "we propose a method."),
        ("In this work we propose a method.", "we propose a method."),
        ("In this short note we count.", "we count."),
        ("However, in this paper, we count.", "we count."),
        ("To address this issue, we propose a method.", "we propose a method."),
        ("Here we report a pulsar.", "we report a pulsar."),
        ("To this end, in this work, we propose a method.", "we propose a method."),
        ("Guided by these findings, we propose a method.", "we propose a method."),
        ("(2) We release the data.", "We release the data."),
        ("Finally, our method is fast.", "our method is fast."),
        ("Methods: We observe the star.", "We observe the star."),
        ("Abstract: We observe the star.", "We observe the star."),
        ("(2) Approach: We observe the star.", "We observe the star."),
        # A condition is part of what is claimed.
        ("If the field is finite, we prove it.", "If the field is finite, we prove it."),
        ("Assuming GRH, we prove it.", "Assuming GRH, we prove it."),
        ("For n > 3, we prove it.", "For n > 3, we prove it."),
        ("Under mild conditions, we prove it.", "Under mild conditions, we prove it."),
        ("In this paper.", "In this paper."),
        ("To be, or not to be, is asked.", "To be, or not to be, is asked."),
    ],
)
def test_a_lead_in_is_cut_only_where_a_sentence_is_left(sentence: str, left: str) -> None:
    assert sentence[lead_in(sentence) :] == left


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two.", ["One.", "Two."]),
        ("See Fig. 3 and Smith et al. (2004), i.e. this. Next.", None),
        ("It holds by H.-T. Yau and L. Erdos. We extend it.", None),
        ("It grows by 3.5 per cent. iVideoGPT is new.", None),
        ("It is hard to follow.Yet we do.", ["It is hard to follow.", "Yet we do."]),
        ("It melts at 1850 K. In this range it flows.", None),
        ("Is it so? (Yes, it is.) We prove it!", ["Is it so?", "(Yes, it is.)", "We prove it!"]),
        ("As in [J. Phys. A: Math. Gen. 40 (2007)]. We go on.", None),
        ("One ends. – Two begins. -- Three.", ["One ends.", "Two begins.", "Three."]),
        ("One ends. * Two begins.", ["One ends.", "Two begins."]),
        ("“One ends.” Two – with a dash – ends.", ["“One ends.”", "Two – with a dash – ends."]),
        ("• One is made • two is read", ["One is made", "two is read"]),
        ("First part\n\nsecond part. Third.", ["First part", "second part.", "Third."]),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, sentences: list[str] | None) -> None:
    if sentences is None:  # Two sentences, and the second is short.
        before, _, last = text.rpartition(". ")
        sentences = [f"{before}.", last]
    assert split(text) == sentences


@pytest.mark.parametrize(
    "hostile",
    [
        "a" * 1_000_000,
        "We propose " * 90_000,
        "(" * 1_000_000,
        ". " * 500_000,
        "We show a. " * 90_000,
        "To " + "a " * 500_000,
        "In this " * 120_000,
        "e.g. A. " * 125_000,
        "The the the is is. " * 50_000,
        "\ud7ff" * 1_000_000,
    ],
)
def test_a_hostile_abstract_gives_a_sentence_of_sane_length(hostile: str) -> None:
    assert len(claim_sentence("Title", hostile)) <= SENTENCE_LENGTH


def test_shipped_weights_choose_well_on_the_abstracts_that_they_were_trained_on() -> None:
    """The cross-validated figures are measured by ``python -m benchmarks.summaries``; here a
    damaged or stale file of weights shows."""
    with gzip.open(DATA / "dev.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][:200]
    chosen = [claim_among(row["title"], row["source"]) for row in rows]
    assert all(chosen)
    assert np.mean([len(text.split()) for text in chosen]) <= 25
    announced = [any(word in text for word in ("We ", "we ", "his paper")) for text in chosen]
    assert np.mean(announced) > 0.8


def test_cleaned_abstracts_hold_every_chosen_sentence() -> None:
    with gzip.open(DATA / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][:200]
    for row in rows:
        abstract = clean.paragraphs(" ".join(row["source"]))
        chosen = claim_sentence(row["title"], abstract)
        assert chosen[1:] in abstract
