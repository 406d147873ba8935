"""Does the claim sentence say what the authors' own summary says?

    python -m benchmarks.summaries [FOLDS]

SciTLDR-A, train and dev (see ``benchmarks/data/scitldr``), by cross-validation: the model that
chooses a sentence has seen no other sentence of its fold. ROUGE F1 with stemming, as rouge-score
computes it, against the reference that is best by ROUGE-1, mean over papers, times 100; ``words``
are the words of what was chosen. ``dev`` has several references a paper, as the published test set
has, ``train`` one. Last, the CPU time of 10,000 abstracts with the weights that are shipped.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from rouge_score.rouge_scorer import RougeScorer

from benchmarks.summary_training import Example, load, train
from papers.text.sentences import Claim
from papers.text.summary import claim_among

FOLDS: Final = 5
SEED: Final = 0
TIMED: Final = 10_000
KINDS: Final = ("rouge1", "rouge2", "rougeL")
OWN: Final = re.compile(r"\b(?:we|our|this paper)\b", re.IGNORECASE)
VERBS: Final = (
    re.compile(r"\b(?:propos|present|introduc|develop)", re.IGNORECASE),
    re.compile(
        r"\b(?:show|demonstrat|stud|investigat|explor|address|analy|prov|establish|deriv|examin|"
        r"design|consider)",
        re.IGNORECASE,
    ),
)
scorer = RougeScorer(KINDS, use_stemmer=True)

Chooser = Callable[[int, Example], str]


def rule(one: Example) -> str:
    """Return the first sentence with "we propose" and the like, else with another claim verb."""
    for verbs in VERBS:
        for sentence in one.abstract.sentences:
            if OWN.search(sentence) and verbs.search(sentence):
                return sentence
    return one.abstract.sentences[0]


def chosen(examples: Sequence[Example], folds: int) -> list[str]:
    """Return the model's sentence for each example, chosen by a model that has not seen it."""
    fold = np.random.default_rng(SEED).integers(folds, size=len(examples))
    found = [""] * len(examples)
    for number in range(folds):
        model = train([one for one, at in zip(examples, fold, strict=True) if at != number])
        for at in np.flatnonzero(fold == number).tolist():
            abstract = examples[at].abstract
            best: Claim = abstract.claims[int(np.argmax(model.scores(abstract)))]
            found[at] = best.text
    return found


def scores(text: str, targets: Sequence[str]) -> list[float]:
    """Return ROUGE-1, -2 and -L against the best reference, and the number of words."""
    results = [scorer.score(target, text) for target in targets]
    best = max(results, key=lambda result: result["rouge1"].fmeasure)
    return [*(100 * best[kind].fmeasure for kind in KINDS), len(text.split())]


def table(examples: Sequence[Example], folds: int) -> dict[str, list[list[float]]]:
    """Return what each way of choosing scores, a row for each example."""
    model = chosen(examples, folds)
    ways: dict[str, Chooser] = {
        "first sentence": lambda _, one: one.abstract.sentences[0],
        "first with a claim verb": lambda _, one: rule(one),
        "claim sentence": lambda at, _: model[at],
        "best possible": lambda _, one: one.abstract.claims[int(np.argmax(one.gains))].text,
    }
    return {
        name: [scores(way(at, one), one.targets) for at, one in enumerate(examples)]
        for name, way in ways.items()
    }


def cpu_seconds(examples: Sequence[Example]) -> float:
    """Return the CPU time in which ``TIMED`` abstracts get their sentence."""
    begin = time.process_time()
    for at in range(TIMED):
        one = examples[at % len(examples)]
        claim_among(one.title, one.abstract.sentences)
    return time.process_time() - begin


def main() -> None:
    """Print the ROUGE table by cross-validation."""
    folds = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else FOLDS
    parts = {name: load(name) for name in ("train", "dev")}
    examples = [one for part in parts.values() for one in part]
    found = table(examples, folds)
    first = len(parts["train"])
    for name, rows in (("dev", slice(first, None)), ("train", slice(first)), ("both", slice(None))):
        count = len(examples[rows])
        print(f"\n{name} ({count:,} papers)".ljust(28) + "    R1    R2    RL  words")
        for way, results in found.items():
            means = np.mean(results[rows], axis=0)
            print(f"{way:26}" + "".join(f"{value:6.1f}" for value in means))
    print(f"\n{TIMED:,} abstracts: {cpu_seconds(examples):.1f} s of one core")


if __name__ == "__main__":
    main()
