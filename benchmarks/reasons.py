"""Print the reasons of picks to be read, and measure whether what they name decides.

    python -m benchmarks.reasons [SEED] [FOLDER]

A day is drawn from those of ``hf-authors``. Of the papers of ``WINDOW`` days until then, the best
``PICKS`` for each of ``LIKED`` earlier papers, drawn and liked one by one, are printed with their
reasons, and the best for each of ``SEARCHES`` searches: keywords of earlier papers, every second
one with another of the same paper. Then every phrase that a reason of a like names, and the words
of every search, are taken out of the paper; printed is in how many cases its score falls. The text
that was changed is a paper of the same index, so that all weights are equal. FOLDER holds
``hf-authors``.
"""

from __future__ import annotations

import os
import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from benchmarks.ranking import DATA, documents, read
from papers.recommend import encoder
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.query_parsing import parse
from papers.recommend.ranking import interests, known_likes
from papers.recommend.similarity import Scores
from papers.recommend.tokenize import stem

WINDOW: Final = timedelta(days=60)
"""Age of the oldest paper of the catalogue,"""
EARLIER: Final = timedelta(days=450)
"""and days before the first day that is drawn."""
LIKED: Final = 25
SEARCHES: Final = 75
PICKS: Final = 4
CHANGED: Final = "changed:"
"""Before the id of a paper, that of the same paper without what its reason names."""


class Pick(NamedTuple):
    """One paper with its reason."""

    chosen_for: str
    document: Document
    reason: str
    profile: Profile


class Draw(NamedTuple):
    """What one reading is about: a day, its catalogue, and what readers like and search."""

    day: date
    candidates: list[Document]
    liked: list[Document]
    searches: list[str]


def draw(folder: Path, seed: int) -> Draw:
    """Return a day of a set that is drawn, with its papers, and earlier ones that are liked."""
    generator = random.Random(seed)
    items = read(folder / "items.jsonl.gz")
    dates = [date.fromisoformat(item["published"]) for item in items]
    day = generator.choice([one for one in dates if one >= min(dates) + EARLIER])
    papers = list(zip(documents(folder), dates, items, strict=True))
    earlier = [(paper, item) for paper, at, item in papers if at <= day - WINDOW]
    searches = []
    told = [item["keywords"] for _, item in earlier if len(item["keywords"]) > 1]
    for number, keywords in enumerate(generator.sample(told, SEARCHES)):
        searches.append(" for ".join(generator.sample(keywords, 1 + number % 2)))
    return Draw(
        day,
        [paper for paper, at, _ in papers if day - WINDOW < at <= day],
        [paper for paper, _ in generator.sample(earlier, LIKED)],
        searches,
    )


def picks(index: Index, liked: Sequence[Document], searches: Sequence[str]) -> Iterator[Pick]:
    """Yield the best papers for each like and for each search."""
    profiles = {f"liked: {one.title}": Profile(likes=[one.id]) for one in liked}
    profiles |= {f"search: {text}": Profile(texts=[text]) for text in searches}
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


def falls(
    found: Sequence[Pick], papers: Sequence[Document], liked: Sequence[Document] = ()
) -> dict[str, list[bool]]:
    """Return by kind of profile for each thing named whether the score falls without it."""
    cases = [(pick, pattern) for pick in found for pattern in named(pick)]
    changed = [without(pick.document, pattern, at) for at, (pick, pattern) in enumerate(cases)]
    everything = [*papers, *changed]
    index = Index(everything, liked, encoder.of([*everything, *liked]))
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
    drawn = draw(folder / "hf-authors", seed)
    print(f"{len(drawn.candidates)} papers until {drawn.day}")
    vectors = encoder.of([*drawn.candidates, *drawn.liked])
    index = Index(drawn.candidates, drawn.liked, vectors)
    found = list(picks(index, drawn.liked, drawn.searches))
    chosen_for = ""
    for pick in found:
        if pick.chosen_for != chosen_for:
            print(f"\n{(chosen_for := pick.chosen_for)}")
        print(f"  {pick.document.title}\n      {pick.reason}")
    print()
    for kind, fallen in falls(found, drawn.candidates, drawn.liked).items():
        print(f"{kind}: {sum(fallen)} of {len(fallen)} scores fall without what the reason names")


if __name__ == "__main__":
    named_folder = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("RECSYS_DATA")
    main(int(sys.argv[1]) if sys.argv[1:] else 1, Path(named_folder) if named_folder else DATA)
