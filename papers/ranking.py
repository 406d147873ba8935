"""A reader's interests against the recent papers: how well each paper fits, and why.

Every interest (the words of one search, the liked papers together, an author, a field) is a small
model of its own. Its scores become percentiles among the candidates, so that interests compare
and one threshold means the same for everybody. Free of Django and of I/O.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from itertools import repeat
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from papers.likeness import DISLIKE, Likeness, Scores
from papers.names import name_parts, same_person
from papers.searches import Encoder, Searches, named
from papers.taxonomy import NAMES
from papers.terms import Vocabulary
from papers.wording import Wording
from papers.words import Spelling

THRESHOLD: Final = 0.8
"""A personal pick is better than this share of the recent papers for its interest."""
HALF_LIFE_DAYS: Final = 90.0
"""After so many days a like weighs half as much as a new one, unless a profile says otherwise."""
HEAD: Final = 256
"""So many of the best candidates of an interest are put in order at first; most need no more."""
NAMED_TERMS: Final = 3
NAME_LENGTH: Final = 60


@dataclass(frozen=True, slots=True)
class Document:
    """What the ranking knows of one paper. ``why`` says in words why it trends, ``grown``
    whether anything was added to it lately, and ``picked`` in hours when the editor picked it; 0
    where nobody did."""

    id: str
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    trending: float = 0.0
    why: str = ""
    grown: bool = True
    picked: float = 0.0

    @property
    def text(self) -> str:
        return f"{self.title}. {self.abstract}"

    @property
    def field(self) -> str:
        return self.categories[0] if self.categories else ""

    @property
    def name(self) -> str:
        """How people call the paper: what stands before the colon of its title, or the title."""
        head, colon, _ = self.title.partition(":")
        short = head if colon and len(head) <= NAME_LENGTH // 2 else self.title
        return short if len(short) <= NAME_LENGTH else short[: NAME_LENGTH - 1].rstrip() + "…"


@dataclass(frozen=True, slots=True)
class Profile:
    """What one reader asked for. Papers are named by their ids.

    ``ages`` holds, for liked papers, the days since the like; a like without an age is new.
    ``half_life`` is in days. ``names`` are the names that the reader publishes under.
    """

    topics: Sequence[str] = ()
    texts: Sequence[str] = ()
    likes: Sequence[str] = ()
    dislikes: Sequence[str] = ()
    authors: Sequence[str] = ()
    muted: Sequence[str] = ()
    ages: Mapping[str, float] = field(default_factory=dict)
    half_life: float = HALF_LIFE_DAYS
    names: Sequence[str] = ()

    @property
    def asks(self) -> bool:
        """Whether the reader asked for anything."""
        return bool(self.texts or self.topics or self.likes or self.authors)


class Index:
    """The candidates of a run and the liked papers that are no candidates, ready to compare.

    ``vectors`` maps ids to sentence vectors and ``encode`` makes them for searches; without them
    the terms alone decide.
    """

    def __init__(
        self,
        candidates: Sequence[Document],
        others: Sequence[Document] = (),
        vectors: Mapping[str, Scores] | None = None,
        encode: Encoder | None = None,
    ) -> None:
        self.candidates = list(candidates)
        self.place = {document.id: place for place, document in enumerate(self.candidates)}
        known = {document.id: document for document in others if document.id not in self.place}
        self.documents = self.candidates + list(known.values())
        self.rows = {document.id: row for row, document in enumerate(self.documents)}
        texts = [document.text for document in self.documents]
        self.vocabulary = Vocabulary(texts)
        self.likeness = Likeness(
            self.vocabulary.matrix,
            len(self.candidates),
            self._stacked(vectors or {}),
            sum(text.count(" ") for text in texts) / max(1, len(texts)),
        )
        self.searches = Searches(self.vocabulary, self.likeness, encode)
        trending = np.array([document.trending for document in self.candidates], np.float32)
        self.trending = percentiles(trending)
        self._fields: dict[str, NDArray[np.intp]] = {}
        self.order: list[int] = np.argsort(-trending, kind="stable").tolist()
        self.shared_terms = lru_cache(maxsize=100_000)(self._shared_terms)
        self.spelling = lru_cache(maxsize=None)(self._spelling)

    def __len__(self) -> int:
        return len(self.candidates)

    def can_answer(self, profile: Profile) -> bool:
        """Whether the reader asked for anything but papers whose text is still to be fetched."""
        known = any(paper in self.rows for paper in profile.likes)
        return known or replace(profile, likes=()).asks

    def prepare(self, profiles: Iterable[Profile]) -> None:
        """Compare the likes and searches of many readers with the candidates at once."""
        profiles = list(profiles)
        judged = {paper for p in profiles for paper in (*p.likes, *p.dislikes)}
        self.likeness.prepare([self.rows[paper] for paper in judged & self.rows.keys()])
        self.searches.prepare(text for p in profiles for text in p.texts)

    @cached_property
    def picked(self) -> list[int]:
        """The places of the editor's picks, the newest first."""
        found = [place for place, document in enumerate(self.candidates) if document.picked]
        return sorted(found, key=lambda place: -self.candidates[place].picked)

    @cached_property
    def field_by_field(self) -> list[int]:
        """What trends, the best of each field first, then the second best of each.

        Papers of which no field is known are a field of their own.
        """
        seen: dict[str, int] = {}
        turns: list[tuple[int, int]] = []
        for rank, place in enumerate(self.order):
            name = self.candidates[place].field
            turns.append((seen.get(name, 0), rank))
            seen[name] = seen.get(name, 0) + 1
        return [self.order[rank] for _, rank in sorted(turns)]

    def inside(self, topic: str) -> NDArray[np.intp]:
        """The places of the candidates in a category or an archive."""
        if topic not in self._fields:
            found = [in_field(topic, document) for document in self.candidates]
            self._fields[topic] = np.flatnonzero(found)
        return self._fields[topic]

    def written_by(self, name: str) -> list[int]:
        """The places of the candidates with an author of this name."""
        parts = name_parts(name)
        written = self._authors.get(parts[-1], ()) if parts else ()
        return sorted({place for author, place in written if same_person(name, author)})

    @cached_property
    def wording(self) -> Wording:
        """The words of the candidates as they stand."""
        return Wording(document.text for document in self.candidates)

    def _shared_terms(self, row: int, place: int) -> tuple[str, ...]:
        """The words that make a document like a candidate, the weightiest first."""
        return self.terms_in_common(*self._named(row), place)

    def terms_in_common(
        self,
        columns: NDArray[np.int32],
        weights: Scores,
        place: int,
    ) -> tuple[str, ...]:
        """The same for any words, given by their columns and weights; written as the paper does."""
        theirs, their_weights = self._named(place)
        both, ours, other = np.intersect1d(columns, theirs, assume_unique=True, return_indices=True)
        shares = weights[ours] * their_weights[other]
        best = [self.vocabulary.stems_of(c) for c in both[np.argsort(-shares)[: 2 * NAMED_TERMS]]]
        spelling = self.spelling(place)
        return _distinct([spelling.of(stems) for stems in best])[:NAMED_TERMS]

    def _spelling(self, place: int) -> Spelling:
        return Spelling(self.candidates[place].text)

    def _named(self, row: int) -> tuple[NDArray[np.int32], Scores]:
        return named(self.vocabulary.matrix, row, self.vocabulary.named)

    @cached_property
    def _authors(self) -> dict[str, list[tuple[str, int]]]:
        """Authors and places by last name."""
        found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for place, document in enumerate(self.candidates):
            for author in document.authors:
                if parts := name_parts(author):
                    found[parts[-1]].append((author, place))
        return found

    def _stacked(self, vectors: Mapping[str, Scores]) -> Scores | None:
        if not vectors:
            return None
        nothing = np.zeros_like(next(iter(vectors.values())))
        return np.stack([vectors.get(document.id, nothing) for document in self.documents])


@dataclass(frozen=True, slots=True)
class Interest:
    """One model of one reader: a score for each candidate, minus infinity for what is outside.

    ``explain`` says for the place of a paper why it fits.
    """

    kind: Literal["text", "likes", "topic", "author"]
    scores: Scores
    explain: Callable[[int], str]

    @property
    def threshold(self) -> float:
        """The least percentile of a personal pick; who follows an author wants all of it."""
        return THRESHOLD if self._compares else 0.0

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Which candidates are good enough for a personal pick."""
        if not self._compares:
            return self.scores > -np.inf
        least = int(THRESHOLD * (len(self.scores) - 1))
        good = self.scores >= np.partition(self.scores, least)[least]
        return np.asarray(good & (self.scores > -np.inf))

    @property
    def _compares(self) -> bool:
        """Whether every candidate is measured, not only those of a field or an author."""
        return self.kind in {"text", "likes"}

    def best(self) -> Iterator[tuple[int, float, float]]:
        """Places with their percentiles and scores, best first, as far as the interest goes."""
        order = _in_order(self.scores, HEAD)
        yield from self._stretch(order, 0)
        if len(order) < len(self.scores):
            rest = np.argsort(-self.scores, kind="stable")[len(order) :]
            yield from self._stretch(rest, len(order))

    def _stretch(self, order: NDArray[np.intp], start: int) -> Iterator[tuple[int, float, float]]:
        compared = len(self.scores) if self._compares else np.count_nonzero(self.inside)
        others = max(1, int(compared) - 1)
        scores = self.scores[order].tolist()
        for at, (place, score) in enumerate(zip(order.tolist(), scores, strict=True), start):
            if score == -np.inf:
                return
            yield place, 1 - at / others, score


def _in_order(scores: Scores, count: int) -> NDArray[np.intp]:
    """The places of the best, best first; equal scores in the order of their places.

    At least ``count``, where there are so many: all that are as good as the last of them.
    """
    negative = -scores
    if count >= len(scores):
        return np.argsort(negative, kind="stable")
    first = np.flatnonzero(negative <= np.partition(negative, count - 1)[count - 1])
    return first[np.argsort(negative[first], kind="stable")]


def percentiles(values: Scores) -> Scores:
    """For each value the share of the others below it; equal values share their rank."""
    if len(values) < 2:
        return np.ones_like(values)
    ordered = np.sort(values)
    below = np.searchsorted(ordered, values, "left")
    upto = np.searchsorted(ordered, values, "right")
    return ((below + upto - 1) / 2 / (len(values) - 1)).astype(np.float32)


def rank(index: Index, profile: Profile, candidates: Collection[str], top: int) -> list[str]:
    """The ``top`` of these candidates, best first, by the best of the reader's interests.

    The scores are those of a digest, without its rules for a whole mail; a reader without
    interests gets what trends. Ids that the index does not hold are left out.
    """
    found = map(index.place.get, candidates, repeat(-1))
    places = np.fromiter(found, np.intp, len(candidates))
    places = places[places >= 0]
    if not len(places):
        return []
    if not _has_others(profile) and (likes := _known_likes(index, profile)):
        few = places if len(places) < len(index) // 2 else None
        scores = index.likeness.fit(*likes, few).scores
        scores = scores[places] if few is None else scores
    else:
        scores = _best_of(index, profile)[places]
    return [index.candidates[place].id for place in places[_in_order(scores, top)[:top]]]


def _has_others(profile: Profile) -> bool:
    return bool(profile.texts or profile.topics or profile.authors)


def _best_of(index: Index, profile: Profile) -> Scores:
    """For each candidate the percentile in the interest that it fits best."""
    found = [interest.scores for interest in interests(index, profile)]
    if not found:
        return index.trending
    shares = [np.where(scores == -np.inf, 0, percentiles(scores)) for scores in found]
    return np.asarray(np.max(shares, axis=0), np.float32)


def interests(index: Index, profile: Profile) -> Iterator[Interest]:
    """The models of one reader; an interest that says nothing about any paper is left out."""
    if not len(index):
        return
    for author in profile.authors:
        if written := index.written_by(author):
            yield _trending(index, "author", written, partial(_followed, author))
    if likes := _liked(index, profile):
        yield likes
    dislikes = _known(index, profile.dislikes)
    for text in profile.texts:
        if search := _searched(index, text, dislikes):
            yield search
    dull = _dull(index, dislikes) if profile.topics else 0.0
    for topic in profile.topics:
        if len(inside := index.inside(topic)):
            yield _trending(index, "topic", inside, partial(_in_field, index, topic), dull)


def in_field(topic: str, document: Document) -> bool:
    """Whether the paper stands in a category (``cs.CL``) or in an archive (``cs``)."""
    return any(c == topic or c.startswith(topic + ".") for c in document.categories)


def _trending(
    index: Index,
    kind: Literal["author", "topic"],
    places: list[int] | NDArray[np.intp],
    explain: Callable[[int], str],
    dull: Scores | float = 0.0,
) -> Interest:
    """An interest in some papers, the most trending first, less what each is ``dull``."""
    scores = np.full(len(index), -np.inf, np.float32)
    scores[places] = (index.trending - dull)[places]
    return Interest(kind, scores, explain)


def _dull(index: Index, dislikes: list[int]) -> Scores | float:
    """What each candidate loses in a field: nothing, but for the fifth most like the dislikes.

    The nearest of them loses ``DISLIKE``, half of what lies between the first and the last.
    """
    if not dislikes:
        return 0.0
    fit = index.likeness.fit(dislikes, np.ones(len(dislikes), np.float32))
    near = percentiles(np.where(fit.above, fit.scores, fit.scores.min()))
    return np.asarray(DISLIKE * np.maximum(0, near - THRESHOLD) / (1 - THRESHOLD), np.float32)


def _followed(author: str, _place: int) -> str:
    return f"you follow {author}"


def _in_field(index: Index, topic: str, place: int) -> str:
    """The reason of a paper in a field: not every one of them has grown."""
    grown = index.candidates[place].grown
    return f"{'trending' if grown else 'new'} in your field: {NAMES.get(topic, topic)}"


def _known_likes(index: Index, profile: Profile) -> tuple[list[int], Scores, list[int]] | None:
    """The rows of the likes, their weights by age, and the rows of the dislikes."""
    liked = [paper for paper in profile.likes if paper in index.rows]
    if not liked:
        return None
    ages = np.array([profile.ages.get(paper, 0.0) for paper in liked], np.float32)
    # Beside the newest like: all may be so old that no number is small enough for their weights.
    weights = np.asarray(0.5 ** ((ages - ages.min()) / profile.half_life), np.float32)
    return _known(index, liked), weights, _known(index, profile.dislikes)


def _known(index: Index, papers: Iterable[str]) -> list[int]:
    """The rows of the papers that the index holds."""
    return [index.rows[paper] for paper in papers if paper in index.rows]


def _liked(index: Index, profile: Profile) -> Interest | None:
    known = _known_likes(index, profile)
    if known is None:
        return None
    rows, weights, _ = known
    shares = index.likeness.shares(rows, weights)
    fit = index.likeness.fit(*known)
    if not fit.above.any():
        return None
    scores = np.where(fit.above, fit.scores, -np.inf)

    def explain(place: int) -> str:
        alike = [float(index.likeness.to(row)[place]) for row in rows]
        nearest = rows[int(np.argmax(shares * alike))]
        words = ", ".join(index.shared_terms(nearest, place))
        return f"because you liked “{index.documents[nearest].name}”" + (words and f": {words}")

    return Interest("likes", scores, explain)


def _searched(index: Index, text: str, dislikes: list[int]) -> Interest | None:
    search = index.searches.of(text)
    if not search.known:
        return None

    def explain(place: int) -> str:
        found = index.terms_in_common(search.columns, search.weights, place)
        words = ", ".join(found)
        return f"matches your search “{text}”" + (words and f": {words}")

    return Interest("text", index.searches.scores(search, dislikes), explain)


def unwanted(index: Index, profile: Profile, exclude: Collection[str] = ()) -> set[int]:
    """What this reader never gets: the seen, the judged, the muted and their own papers."""
    known = {*exclude, *profile.likes, *profile.dislikes} & index.place.keys()
    places = {index.place[paper] for paper in known}
    for name in (*profile.muted, *profile.names):
        places.update(index.written_by(name))
    for muted in profile.muted:
        places.update(index.wording.holding(muted))
    return places


def _distinct(found: Sequence[str]) -> tuple[str, ...]:
    """Terms without those that a longer one among them already says."""
    parts = [re.split(r"\W+", term.lower()) for term in found]
    return tuple(
        term
        for at, term in enumerate(found)
        if not any(set(parts[at]) < set(other) for other in parts)
    )
