"""A reader's interests against the recent papers: which to send, and why.

Every interest (the words of one search, the liked papers together) is a small model of its own.
Its scores are turned into percentiles among the candidates, so that interests compare and one
threshold means the same for everybody. Papers are then taken from the interests in turn, each as
unlike the ones already taken as possible, and one or two trending papers join them from outside.
Free of Django and of I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.names import same_person
from papers.terms import Vocabulary, stems, unit

Slot = Literal["personal", "trending", "pick"]
Scores = NDArray[np.float32]

THRESHOLD: Final = 0.8
"""A personal pick is better than this share of the recent papers for its interest."""
LIKENESS_LIMIT: Final = 0.6
"""Two papers closer than this cosine are one story; a digest tells it once."""
HALF_LIFE_DAYS: Final = 90.0
"""After so many days a like weighs half as much as a new one."""
TRENDING_SHARE: Final = 5
"""One slot in so many goes to a trending paper outside the interests, two at most."""


@dataclass(frozen=True, slots=True)
class Document:
    """What the ranking knows of one paper. ``why`` says in words why it trends."""

    id: str
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    trending: float = 0.0
    why: str = ""
    picked: bool = False

    @property
    def text(self) -> str:
        return f"{self.title}. {self.abstract}"

    @property
    def field(self) -> str:
        return self.categories[0] if self.categories else ""


@dataclass(frozen=True, slots=True)
class Profile:
    """What one reader asked for. Papers are named by their ids.

    ``ages`` holds, for liked papers, the days since the like; a like without an age is new.
    ``names`` are the names that the reader publishes under.
    """

    topics: Sequence[str] = ()
    texts: Sequence[str] = ()
    likes: Sequence[str] = ()
    dislikes: Sequence[str] = ()
    authors: Sequence[str] = ()
    muted: Sequence[str] = ()
    ages: Mapping[str, float] = field(default_factory=dict)
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Pick:
    """One chosen paper. ``score`` is between 0 and 1: the share of recent papers it beats."""

    paper: str
    score: float
    slot: Slot
    reason: str


class Index:
    """The candidates of a run and the liked papers that are no candidates, as weighted terms."""

    def __init__(self, candidates: Sequence[Document], others: Sequence[Document] = ()) -> None:
        self.candidates = list(candidates)
        self.place = {document.id: place for place, document in enumerate(self.candidates)}
        known = {document.id: document for document in others if document.id not in self.place}
        self.documents = self.candidates + list(known.values())
        self.rows = {document.id: row for row, document in enumerate(self.documents)}
        self.vocabulary = Vocabulary([document.text for document in self.documents])
        self.matrix = self.vocabulary.matrix[: len(self.candidates)]
        trending = np.array([document.trending for document in self.candidates], np.float32)
        self.trending = percentiles(trending)
        self.order = np.argsort(-trending, kind="stable")

    def __len__(self) -> int:
        return len(self.candidates)


@dataclass(frozen=True, slots=True)
class Interest:
    """One model of one reader: its direction in term space and its percentile per candidate."""

    kind: Literal["text", "likes", "topic", "author"]
    label: str
    direction: sparse.csr_matrix | None
    scores: Scores

    @property
    def threshold(self) -> float:
        return 1e-9 if self.direction is None else THRESHOLD


def percentiles(values: Scores) -> Scores:
    """For each value the share of the others below it; equal values share their rank."""
    if len(values) < 2:
        return np.ones_like(values)
    ordered = np.sort(values)
    below = np.searchsorted(ordered, values, "left")
    upto = np.searchsorted(ordered, values, "right")
    return ((below + upto - 1) / 2 / (len(values) - 1)).astype(np.float32)


def compose(index: Index, profile: Profile, size: int, exclude: Collection[str] = ()) -> list[Pick]:
    """The papers of one digest, best first, at most ``size`` of them.

    ``exclude`` holds the ids that this reader already got. Never chosen: those, the papers in
    the profile itself, the reader's own, and whatever the reader muted.
    """
    allowed = _allowed(index, profile, exclude)
    if not allowed.any() or size < 1:
        return []
    interests = list(_interests(index, profile))
    basket = _Basket(index, allowed)
    for place in _picked(index):
        if not basket.picks and basket.may_take(place):
            basket.take(place, float(index.trending[place]), "pick", "the editor's pick")
    guests = min(2, size // TRENDING_SHARE, size - 1) if interests else size
    _take_in_turn(basket, interests, size - guests)
    _take_trending(basket, size, spread=not interests)
    return basket.picks


def rank(index: Index, profile: Profile, candidates: Collection[str], top: int) -> list[str]:
    """The ``top`` of these candidates, best first, by the best of the reader's interests.

    The scores are those that ``compose`` uses, without its rules for a whole digest; a reader
    without interests gets what trends. Ids that the index does not hold are left out.
    """
    places = [index.place[paper] for paper in candidates if paper in index.place]
    interests = list(_interests(index, profile))
    if interests:
        scores = np.max([interest.scores[places] for interest in interests], axis=0)
    else:
        scores = index.trending[places]
    order = np.argsort(-scores, kind="stable")[:top]
    return [index.candidates[places[row]].id for row in order]


def _picked(index: Index) -> list[int]:
    return [place for place, document in enumerate(index.candidates) if document.picked]


class _Basket:
    """The picks so far, and what may still join them."""

    def __init__(self, index: Index, allowed: NDArray[np.bool_]) -> None:
        self.index = index
        self.allowed = allowed
        self.places: list[int] = []
        self.picks: list[Pick] = []

    def may_take(self, place: int) -> bool:
        """Whether the paper is allowed and tells no story that is already in."""
        if not self.allowed[place]:
            return False
        if not self.places:
            return True
        near = self.index.matrix[self.places] @ self.index.matrix[place].T
        return bool(near.max() < LIKENESS_LIMIT)

    def take(self, place: int, score: float, slot: Slot, reason: str) -> None:
        self.allowed[place] = False
        self.places.append(place)
        paper = self.index.candidates[place].id
        self.picks.append(Pick(paper, round(score, 4), slot, reason))


def _allowed(index: Index, profile: Profile, exclude: Collection[str]) -> NDArray[np.bool_]:
    allowed = np.ones(len(index), bool)
    for paper in {*exclude, *profile.likes, *profile.dislikes} & index.place.keys():
        allowed[index.place[paper]] = False
    unwanted = [*profile.muted, *profile.names]
    if unwanted:
        for place, document in enumerate(index.candidates):
            if any(same_person(name, author) for name in unwanted for author in document.authors):
                allowed[place] = False
    for muted in profile.muted:
        allowed[_places_with(index, stems(muted))] = False
    return allowed


def _places_with(index: Index, phrase: list[str]) -> NDArray[np.intp]:
    """The candidates that hold these stems next to each other."""
    terms = [f"{a} {b}" for a, b in pairwise(phrase)] or phrase
    columns = [index.vocabulary.column(term) for term in terms]
    found = [column for column in columns if column is not None]
    if not found or len(found) < len(columns):
        return np.array([], np.intp)
    counts = (index.matrix[:, found] > 0).sum(axis=1)
    return np.flatnonzero(np.asarray(counts).ravel() == len(found))


def _interests(index: Index, profile: Profile) -> Iterator[Interest]:
    for author in profile.authors:
        holds = [any(same_person(author, a) for a in d.authors) for d in index.candidates]
        yield Interest("author", author, None, np.array(holds, np.float32))
    if likes := _likes(index, profile):
        yield likes
    for text in profile.texts:
        direction = index.vocabulary.rows([text])
        if direction.nnz:
            yield _modelled(index, "text", text, direction)
    for topic in profile.topics:
        inside = np.array([in_field(topic, document) for document in index.candidates])
        scores = np.where(inside, index.trending, 0).astype(np.float32)
        yield Interest("topic", topic, None, scores)


def in_field(topic: str, document: Document) -> bool:
    """Whether the paper stands in a category (``cs.CL``) or in an archive (``cs``)."""
    return any(c == topic or c.startswith(topic + ".") for c in document.categories)


def _likes(index: Index, profile: Profile) -> Interest | None:
    liked = [paper for paper in profile.likes if paper in index.rows]
    if not liked:
        return None
    weights = np.array([0.5 ** (profile.ages.get(p, 0.0) / HALF_LIFE_DAYS) for p in liked])
    rows = index.vocabulary.matrix[[index.rows[paper] for paper in liked]]
    direction = sparse.csr_matrix((weights / weights.sum()) @ rows)
    disliked = [index.rows[paper] for paper in profile.dislikes if paper in index.rows]
    if disliked:
        away = sparse.csr_matrix(index.vocabulary.matrix[disliked].mean(axis=0))
        direction = direction - 0.5 * away
    return _modelled(index, "likes", "", unit(sparse.csr_matrix(direction)))


def _modelled(
    index: Index, kind: Literal["text", "likes"], label: str, direction: sparse.csr_matrix
) -> Interest:
    raw = (index.matrix @ direction.T).toarray().ravel()
    return Interest(kind, label, direction, np.where(raw > 0, percentiles(raw), 0))


def _take_in_turn(basket: _Basket, interests: Sequence[Interest], size: int) -> None:
    """One paper from each interest after the other, until all are full or dry."""
    queues = [
        (interest, iter(np.argsort(-interest.scores, kind="stable").tolist()))
        for interest in interests
    ]
    while queues and len(basket.picks) < size:
        queues = [pair for pair in queues if _take_next(basket, *pair, size)]


def _take_next(basket: _Basket, interest: Interest, queue: Iterator[int], size: int) -> bool:
    for place in queue:
        score = float(interest.scores[place])
        if score < interest.threshold or len(basket.picks) >= size:
            return False
        if basket.may_take(place):
            basket.take(place, score, "personal", _reason(basket.index, interest, place))
            return True
    return False


def _take_trending(basket: _Basket, size: int, *, spread: bool) -> None:
    """Trending papers until the basket is full; spread means the best of each field first."""
    index = basket.index
    for place in _field_by_field(index) if spread else index.order.tolist():
        if len(basket.picks) >= size:
            return
        if basket.may_take(place):
            why = index.candidates[place].why
            basket.take(place, float(index.trending[place]), "trending", why)


def _field_by_field(index: Index) -> list[int]:
    seen: dict[str, int] = {}
    turn: list[tuple[int, int]] = []
    for rank, place in enumerate(index.order):
        name = index.candidates[place].field
        turn.append((seen.get(name, 0) if name else 0, rank))
        seen[name] = seen.get(name, 0) + 1
    return [int(index.order[rank]) for _, rank in sorted(turn)]


def _reason(index: Index, interest: Interest, place: int) -> str:
    if interest.direction is None:
        what = "you follow" if interest.kind == "author" else "trending in your field"
        return f"{what} {interest.label}"
    shared = interest.direction.multiply(index.matrix[place]).tocoo()
    best = [shared.col[i] for i in np.argsort(-shared.data)[:6] if shared.data[i] > 0]
    words = ", ".join(_distinct([index.vocabulary.written(column) for column in best])[:3])
    if interest.kind == "text":
        return f"matches your search “{interest.label}”: {words}"
    return f"like the papers you liked: {words}"


def _distinct(found: Sequence[str]) -> list[str]:
    """Terms without those that a longer one among them already says."""
    return [a for a in found if not any(a != b and a in b.split() for b in found)]
