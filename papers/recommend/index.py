"""The papers of a run, ready to compare: the candidates, and what readers liked besides.

Free of Django and of I/O.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from papers.recommend.phrase_index import Wording
from papers.recommend.profile import Profile
from papers.recommend.queries import QueryIndex
from papers.recommend.shared_phrases import held_part, shared_phrases
from papers.recommend.similarity import DISLIKE_WEIGHT, Scores, SimilarityModel
from papers.recommend.tfidf import Vocabulary
from papers.recommend.tokenize import stem, words
from papers.text.author_names import name_parts, same_person
from papers.text.identifiers import title_key

PENALISED_FROM: Final = 0.8
"""The share of the candidates that are too unlike the disliked papers to lose by them."""
EDITION: Final = re.compile(
    r"[\s:([–—-]*\b(?:(?:extended|full|long|journal|revised|updated|short|preprint) (?:version|"
    r"abstract|paper)|technical report|supplementa\w+(?: materials?)?|v\d)\W*$",
    re.IGNORECASE,
)
"""What the end of a title says of its edition: two editions are one paper."""
NAME_LENGTH: Final = 60


@dataclass(frozen=True, slots=True)
class Document:
    """What the ranking knows of one paper.

    Attributes:
        why: Why it trends, in words.
        grown: Whether anybody voted for it lately.
        picked: When the editor picked it, in hours of the epoch; 0 where nobody did.
        announced: When it was announced, in hours of the epoch.
    """

    id: str
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    trending: float = 0.0
    why: str = ""
    grown: bool = True
    picked: float = 0.0
    announced: float = 0.0

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


class Index:
    """The candidates of a run and the liked papers that are no candidates, ready to compare.

    ``vectors`` maps ids to sentence vectors; without them the terms alone decide.
    """

    def __init__(
        self,
        candidates: Sequence[Document],
        others: Sequence[Document] = (),
        vectors: Mapping[str, Scores] | None = None,
    ) -> None:
        self.candidates = list(candidates)
        self.place = {document.id: place for place, document in enumerate(self.candidates)}
        known = {document.id: document for document in others if document.id not in self.place}
        self.documents = self.candidates + list(known.values())
        self.rows = {document.id: row for row, document in enumerate(self.documents)}
        texts = [document.text for document in self.documents]
        self.vocabulary = Vocabulary(texts)
        self.similarity = SimilarityModel(
            self.vocabulary.matrix,
            len(self.candidates),
            self._stacked(vectors or {}),
            sum(text.count(" ") for text in texts) / max(1, len(texts)),
            self.vocabulary.named,
        )
        trending = np.array([document.trending for document in self.candidates], np.float32)
        self.trending = percentiles(trending)
        self.dislike_penalty = lru_cache(maxsize=8)(self._dislike_penalty)
        self._fields: dict[str, NDArray[np.intp]] = {}
        self.order: NDArray[np.intp] = np.argsort(-trending, kind="stable")
        self.shared_phrases = lru_cache(maxsize=100_000)(self._shared_phrases)
        self.stems = lru_cache(maxsize=None)(self._stems)

    def __len__(self) -> int:
        return len(self.candidates)

    def neighbours(self) -> list[list[str]]:
        """Return for each candidate the ids of the candidates nearest to it, nearest first."""
        expansion = self.similarity.expansion
        nearest = expansion.places[: len(self)], expansion.weights[: len(self)]
        return [
            [
                self.candidates[place].id
                for weight, place in sorted(zip(weights, places, strict=True), reverse=True)
                if weight > 0 and place != row
            ]
            for row, (places, weights) in enumerate(zip(*nearest, strict=True))
        ]

    def can_answer(self, profile: Profile) -> bool:
        """Whether the reader asked for anything but papers whose text is still to be fetched."""
        known = any(paper in self.rows for paper in profile.likes)
        return known or replace(profile, likes=()).asks

    def prepare(self, profiles: Iterable[Profile]) -> None:
        """Compare the likes of many readers with the candidates at once."""
        profiles = list(profiles)
        judged = {paper for p in profiles for paper in (*p.likes, *p.dislikes)}
        self.similarity.prepare([self.rows[paper] for paper in judged & self.rows.keys()])

    @cached_property
    def searches(self) -> QueryIndex:
        """The candidates as searches see them."""
        return QueryIndex(
            [document.title for document in self.candidates],
            [document.abstract for document in self.candidates],
        )

    @cached_property
    def picked(self) -> list[int]:
        """The places of the editor's picks, the newest first."""
        found = [place for place, document in enumerate(self.candidates) if document.picked]
        return sorted(found, key=lambda place: -self.candidates[place].picked)

    @cached_property
    def announced(self) -> NDArray[np.float64]:
        """When each candidate was announced, in hours of the epoch."""
        return np.array([document.announced for document in self.candidates], np.float64)

    @cached_property
    def age_hours(self) -> NDArray[np.float64]:
        """How long before the newest candidate each was announced."""
        return np.asarray(self.announced.max() - self.announced, np.float64)

    def title_of(self, row: int) -> str:
        """Return a title as it compares: without case, accents, marks, spaces and edition."""
        return self._titles[row]

    @cached_property
    def _titles(self) -> list[str]:
        titles = [document.title for document in self.documents]
        return [title_key(EDITION.sub("", title)) or title_key(title) for title in titles]

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

    def trend(self, dislikes: tuple[int, ...]) -> Scores:
        """Return the share of the others that each candidate out-trends, less its penalty."""
        return self.trending - self.dislike_penalty(dislikes) if dislikes else self.trending

    def _dislike_penalty(self, dislikes: tuple[int, ...]) -> Scores:
        """Return what each candidate loses by its similarity to disliked documents.

        It is zero up to the percentile ``PENALISED_FROM`` of the similarities and rises linearly
        to ``DISLIKE_WEIGHT`` at the most similar candidate.
        """
        fit = self.similarity.fit(dislikes, np.ones(len(dislikes), np.float32))
        near = percentiles(np.where(fit.above, fit.scores, fit.scores.min()))
        return np.asarray(
            DISLIKE_WEIGHT * np.maximum(0, near - PENALISED_FROM) / (1 - PENALISED_FROM), np.float32
        )

    def order_for(self, dislikes: tuple[int, ...]) -> NDArray[np.intp]:
        """Return the places of the candidates, what trends most for such a reader first."""
        return np.argsort(-self.trend(dislikes), kind="stable") if dislikes else self.order

    @cached_property
    def fields(self) -> frozenset[str]:
        """The primary categories of the candidates."""
        return frozenset(document.field for document in self.candidates) - {""}

    @cached_property
    def grown(self) -> NDArray[np.bool_]:
        """Which candidates anybody voted for lately."""
        return np.array([document.grown for document in self.candidates], bool)

    def rows_of(self, papers: Iterable[str]) -> tuple[int, ...]:
        """The rows of the papers that the index holds."""
        return tuple(self.rows[paper] for paper in papers if paper in self.rows)

    def _shared_phrases(self, row: int, place: int) -> tuple[str, ...]:
        """Return the phrases that a document and a candidate share, the most telling first."""
        texts = self.documents[row].text, self.candidates[place].text
        return shared_phrases(*texts, self.wording.frequency, len(self.candidates))

    def held_part(self, text: str, place: int) -> str:
        """Return the words of a search that a candidate holds; all of it where it holds all."""
        return held_part(text, self.stems(place))

    def _stems(self, place: int) -> frozenset[str]:
        return frozenset(map(stem, words(self.candidates[place].text)))

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


def in_field(topic: str, document: Document) -> bool:
    """Whether the paper stands in a category (``cs.CL``) or in an archive (``cs``)."""
    return any(c == topic or c.startswith(topic + ".") for c in document.categories)


def percentiles(values: Scores) -> Scores:
    """For each value the share of the others below it; equal values share their rank."""
    if len(values) < 2:
        return np.ones_like(values)
    ordered = np.sort(values)
    below = np.searchsorted(ordered, values, "left")
    upto = np.searchsorted(ordered, values, "right")
    return ((below + upto - 1) / 2 / (len(values) - 1)).astype(np.float32)
