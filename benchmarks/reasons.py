"""Print the reasons of picks to be read, and measure whether what they name decides.

    python -m benchmarks.reasons [SEED] [FOLDER]

Of PAPERS random papers of ``hf-authors``, LIKED random ones are liked one by one, and each of
SEARCHES is searched for; of each the best PICKS papers are printed with their reasons. Then every
phrase that a reason of a like names, and the words of every search, are taken out of the paper;
printed is in how many cases its score falls. The text that was changed is a paper of the same
index, so that all weights are equal. FOLDER holds ``hf-authors``.
"""

from __future__ import annotations

import os
import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from benchmarks.ranking import DATA, documents
from papers.recommend import encoder
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.query_parsing import parse
from papers.recommend.ranking import interests, known_likes
from papers.recommend.similarity import Scores
from papers.recommend.tokenize import stem

PAPERS: Final = 3000
LIKED: Final = 25
PICKS: Final = 4
CHANGED: Final = "changed:"
"""Before the id of a paper, that of the same paper without what its reason names."""
SEARCHES: Final = (
    *("prompt injection attacks", "sparse autoencoders", "knowledge distillation of small models"),
    *("visual grounding in documents", "speech synthesis", "reward models for reasoning"),
    *("quantization of large language models", "protein design", "chart understanding"),
    *("synthetic data for pretraining", "graph neural networks", "human motion generation"),
    *("jailbreak defense", "optical character recognition", "long video understanding"),
    *("scientific discovery by agents", "time series forecasting", "retrieval of code"),
    *("low-rank adaptation", "depth estimation from one image", "emotion recognition"),
    *("tokenizers without training", "planning with world models", "object detection"),
    *("cultural bias of language models", "software vulnerability repair"),
)


class Pick(NamedTuple):
    """One paper with its reason."""

    chosen_for: str
    document: Document
    reason: str
    profile: Profile


def picks(index: Index, liked: Sequence[Document]) -> Iterator[Pick]:
    """Yield the best papers for each like and for each search."""
    profiles = {f"liked: {one.title}": Profile(likes=[one.id]) for one in liked}
    profiles |= {f"search: {text}": Profile(texts=[text]) for text in SEARCHES}
    for name, profile in profiles.items():
        for interest in interests(index, profile):
            places = (
                place for place in interest.best() if place not in index.rows_of(profile.likes)
            )
            for place, _ in zip(places, range(PICKS), strict=False):
                yield Pick(name, index.candidates[place], interest.explain(place), profile)


def named(pick: Pick) -> list[str]:
    """Return the patterns of what a reason says that the paper holds."""
    if pick.profile.texts:
        stems = {one for word in parse(pick.profile.texts[0]).words for one in word.stem.split()}
        words = {
            word for word in re.findall(r"\w+", pick.document.text) if stem(word.lower()) in stems
        }
        return [rf"\b(?:{'|'.join(map(re.escape, sorted(words)))})\b"] if words else []
    said = pick.reason.rpartition("you liked: ")[2] if "you liked: " in pick.reason else ""
    return [rf"\b{re.escape(one.removesuffix('s'))}s?\b" for one in said.split(", ") if one]


def without(document: Document, pattern: str, number: int) -> Document:
    """Return a paper without the words that match."""
    title, abstract = (
        re.sub(pattern, " ", text, flags=re.IGNORECASE)
        for text in (document.title, document.abstract)
    )
    return replace(document, id=f"{CHANGED}{number}", title=title, abstract=abstract)


def falls(found: Sequence[Pick], papers: Sequence[Document]) -> dict[str, list[bool]]:
    """Return by kind of profile for each thing named whether the score falls without it."""
    cases = [(pick, pattern) for pick in found for pattern in named(pick)]
    changed = [without(pick.document, pattern, at) for at, (pick, pattern) in enumerate(cases)]
    everything = [*papers, *changed]
    index = Index(everything, (), encoder.of(everything))
    fallen: dict[str, list[bool]] = {"likes": [], "searches": []}
    for (pick, _), one in zip(cases, changed, strict=True):
        scores = _scores(index, pick.profile)
        before, after = (scores[index.place[paper.id]] for paper in (pick.document, one))
        if before:
            fallen["searches" if pick.profile.texts else "likes"].append(bool(after < before))
    return fallen


def _scores(index: Index, profile: Profile) -> Scores:
    """Return the scores of all papers, also of those too low for a digest."""
    if likes := known_likes(index, profile):
        return index.similarity.fit(*likes).scores
    found = index.searches.search(profile.texts[0])
    scores = np.zeros(len(index), np.float32)
    scores[found.places] = found.scores
    return scores


def main(seed: int = 1, folder: Path = DATA) -> None:
    """Print the picks, then how often the score falls."""
    generator = random.Random(seed)
    papers = generator.sample(documents(folder / "hf-authors"), PAPERS)
    index = Index(papers, (), encoder.of(papers))
    found = list(picks(index, generator.sample(papers, LIKED)))
    chosen_for = ""
    for pick in found:
        if pick.chosen_for != chosen_for:
            print(f"\n{(chosen_for := pick.chosen_for)}")
        print(f"  {pick.document.title}\n      {pick.reason}")
    print()
    for kind, fallen in falls(found, papers).items():
        print(f"{kind}: {sum(fallen)} of {len(fallen)} scores fall without what the reason names")


if __name__ == "__main__":
    named_folder = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("RECSYS_DATA")
    main(int(sys.argv[1]) if sys.argv[1:] else 1, Path(named_folder) if named_folder else DATA)
