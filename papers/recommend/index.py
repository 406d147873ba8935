"""Index of the papers of one run: the candidates, and other papers that readers liked.

Free of Django and of I/O.
"""

from __future__ import annotations

import copy
import re
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from papers.recommend.phrase_index import PhraseIndex
from papers.recommend.profile import Profile
from papers.recommend.queries import CACHED_SEARCHES, QueryIndex, SearchResult
from papers.recommend.sentence_match import BROAD_SHARE, SentenceMatch
from papers.recommend.shared_phrases import COMMON_SHARE, LEAST_PAPERS
from papers.recommend.similarity import DISLIKE_WEIGHT, ColumnFilter, Scores
from papers.recommend.text_model import TextModel, Vectors
from papers.recommend.tokenize import words
from papers.text.author_names import name_parts, same_person
from papers.text.identifiers import title_key

PENALISED_FROM: Final = 0.8
"""The percentile of similarity to the disliked papers from which candidates lose score."""
EXCEPTIONAL_LEAD: Final = 3.0
"""How many times as much as the second best a paper trends that is exceptional."""
EDITION: Final = re.compile(
    r"[\s:([–—-]*\b(?:(?:extended|full|long|journal|revised|updated|short|preprint) (?:version|"
    r"abstract|paper)|technical report|supplementa\w+(?: materials?)?|v\d)\W*$",
    re.IGNORECASE,
)
"""The edition at the end of a title; two editions are one paper."""
HOURS_A_DAY: Final = 24
BACKLOG_HALF_LIFE_DAYS: Final = 4.0
"""Days in which the strength of a paper that is not new halves."""
NAME_LENGTH: Final = 60
"""The most characters of a paper's name in a reason."""


@dataclass(frozen=True, slots=True)
class Document:
    """One paper, as the ranking reads it.

    Attributes:
        id: Its canonical id.
        title: The title.
        abstract: The abstract; empty where there is none.
        authors: Names in the order of the paper.
        categories: arXiv categories, the primary one first.
        trending: The trending score.
        why: The reason why it trends, in words.
        evidence: What it gained lately, in words; empty for nothing.
        grown: Whether it gained votes lately.
        picked: The time of the editor's pick, in hours of the epoch; 0 without one.
        announced: The time of the announcement, in hours of the epoch.
    """

    id: str
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    trending: float = 0.0
    why: str = ""
    evidence: str = ""
    grown: bool = True
    picked: float = 0.0
    announced: float = 0.0

    @property
    def text(self) -> str:
        """The title and the abstract."""
        return f"{self.title}. {self.abstract}"

    @property
    def field(self) -> str:
        """The primary category; empty without one."""
        return self.categories[0] if self.categories else ""

    @property
    def name(self) -> str:
        """A short name: the part of the title before a colon, or the title, truncated."""
        head, colon, _ = self.title.partition(":")
        short = head if colon and len(head) <= NAME_LENGTH // 2 else self.title
        return short if len(short) <= NAME_LENGTH else short[: NAME_LENGTH - 1].rstrip() + "…"


class Index:
    """The candidates and the other liked papers, with all that ranking needs of them.

    A place is the position of a candidate; a row is that of any document, candidates first.
    """

    def __init__(
        self,
        candidates: Sequence[Document],
        others: Sequence[Document] = (),
        vectors: Mapping[str, Vectors] | None = None,
        model: TextModel | None = None,
        sentences: SentenceMatch | None = None,
    ) -> None:
        """Index the papers.

        Args:
            candidates: The papers that may be chosen.
            others: Further papers that readers liked or disliked.
            vectors: Sentence vectors by id; without them papers are compared by terms alone.
            model: The model of these very texts, in this order; made here if there is none.
            sentences: The sentence vectors of the papers, in this order, as a floor for what a
                digest holds; without them words alone decide.
        """
        self.candidates = list(candidates)
        self.place = {document.id: place for place, document in enumerate(self.candidates)}
        known = {document.id: document for document in others if document.id not in self.place}
        self.documents = self.candidates + list(known.values())
        self.rows = {document.id: row for row, document in enumerate(self.documents)}
        self._model = model or TextModel(self.documents, len(self.candidates), vectors)
        self.vocabulary = self._model.vocabulary
        self.similarity = self._model.similarity
        self.sentences = sentences
        self._near: OrderedDict[str, SearchResult] = OrderedDict()
        self.trending = percentiles(self.trend_scores)
        self.forget_penalties()
        self._fields: dict[str, NDArray[np.intp]] = {}
        places = np.arange(len(self.candidates))
        self._order: NDArray[np.intp] = np.lexsort((places, -self.announced, -self.trend_scores))
        self._trending_rank = np.argsort(self._order)

    def with_liked(self, documents: Sequence[Document]) -> Index:
        """Return the index with further papers that a reader likes; it shares what is large."""
        new = [document for document in documents if document.id not in self.rows]
        if not new or not self.candidates:
            return self
        found = copy.copy(self)
        found.documents = self.documents + new
        first = len(self.documents)
        found.rows = self.rows | {one.id: row for row, one in enumerate(new, start=first)}
        rows = self.vocabulary.rows([document.text for document in new])
        found.similarity = self.similarity.with_added(rows)
        found.__dict__.pop("_titles", None)
        found.forget_penalties()
        return found

    def forget_penalties(self) -> None:
        """Compute the penalties for dislikes anew."""
        self.dislike_penalty = lru_cache(maxsize=8)(self._dislike_penalty)

    def __len__(self) -> int:
        return len(self.candidates)

    def neighbours(self) -> list[list[str]]:
        """Return for each candidate the ids of its nearest candidates, nearest first."""
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
        """Return whether a profile asks for more than papers whose text is still to be fetched."""
        known = any(paper in self.rows for paper in profile.likes)
        return known or replace(profile, likes=()).asks

    def prepare(self, profiles: Iterable[Profile]) -> None:
        """Compare the likes of many readers with the candidates in few products."""
        profiles = list(profiles)
        judged = {paper for p in profiles for paper in (*p.likes, *p.dislikes)}
        self.similarity.prepare([self.rows[paper] for paper in judged & self.rows.keys()])
        texts = [text for profile in profiles for text in profile.texts]
        self._compare([text for text in texts if text not in self._near])

    def search(self, text: str) -> SearchResult:
        """Return the papers that a search finds; a digest holds those near it by vectors only."""
        if self.sentences is None:
            return self.searches.search(text)
        return self._near.get(text) or self._compare([text])[text]

    def _compare(self, texts: Iterable[str]) -> dict[str, SearchResult]:
        """Return and cache what searches find, compared in one run of the model."""
        if self.sentences is None:
            return {}
        found = {text: self.searches.search(text) for text in texts}
        # Of a broad subject, many papers are on it, and few can stand out from the mean.
        broad = BROAD_SHARE * len(self)
        asked = [
            text
            for text, result in found.items()
            if (result.clear | result.titled).any() and result.clear.sum() <= broad
        ]
        for text, vector in zip(asked, self.sentences.encode(asked), strict=True):
            result = found[text]
            near = self.sentences.near_search(vector, result.places)
            found[text] = replace(result, clear=result.clear & near, titled=result.titled & near)
        self._near.update(found)
        while len(self._near) > max(CACHED_SEARCHES, len(found)):
            self._near.popitem(last=False)
        return found

    @property
    def searches(self) -> QueryIndex:
        """The inverted index for searches."""
        return self._model.searches

    @cached_property
    def picked(self) -> list[int]:
        """The places of the editor's picks, the newest first."""
        found = [place for place, document in enumerate(self.candidates) if document.picked]
        return sorted(found, key=lambda place: -self.candidates[place].picked)

    @cached_property
    def announced(self) -> NDArray[np.float64]:
        """For each candidate, the time of its announcement in hours of the epoch."""
        return np.array([document.announced for document in self.candidates], np.float64)

    @cached_property
    def age_hours(self) -> NDArray[np.float64]:
        """For each candidate, the hours from its announcement to the newest one."""
        return np.asarray(self.announced.max() - self.announced, np.float64)

    @cached_property
    def decay(self) -> Scores:
        """For each candidate, the factor by age of its strength while it is not new."""
        days = self.age_hours / HOURS_A_DAY
        return np.asarray(0.5 ** (days / BACKLOG_HALF_LIFE_DAYS), np.float32)

    def title_of(self, row: int) -> str:
        """Return a title without case, accents, punctuation, spaces and edition, to compare."""
        return self._titles[row]

    @cached_property
    def _titles(self) -> list[str]:
        titles = [document.title for document in self.documents]
        return [title_key(EDITION.sub("", title)) or title_key(title) for title in titles]

    def places_in_field(self, topic: str) -> NDArray[np.intp]:
        """Return the places of the candidates in a category or an archive."""
        if topic not in self._fields:
            found = [in_field(topic, document) for document in self.candidates]
            self._fields[topic] = np.flatnonzero(found)
        return self._fields[topic]

    def standing(self, topic: str, place: int) -> tuple[int, int]:
        """Return the rank of a candidate among those of a field that were listed on its day.

        Returns:
            The rank by trending, from one, no two alike; and how many they are.
        """
        places = self.places_in_field(topic)
        days = self.announced[places] // HOURS_A_DAY
        places = places[days == self.announced[place] // HOURS_A_DAY]
        above = self._trending_rank[places] < self._trending_rank[place]
        return int(above.sum()) + 1, len(places)

    def written_by(self, name: str) -> list[int]:
        """Return the places of the candidates with an author of this name."""
        parts = name_parts(name)
        written = self._authors.get(parts[-1], ()) if parts else ()
        return sorted({place for author, place in written if same_person(name, author)})

    @cached_property
    def phrases(self) -> PhraseIndex:
        """The index of unstemmed phrases."""
        return PhraseIndex(document.text for document in self.candidates)

    def trend(self, dislikes: tuple[int, ...]) -> Scores:
        """Return each candidate's percentile of trending, less its penalty for dislikes."""
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

    @cached_property
    def trend_scores(self) -> Scores:
        """The trending score of each candidate."""
        return np.array([document.trending for document in self.candidates], np.float32)

    @cached_property
    def is_exceptional(self) -> NDArray[np.bool_]:
        """Which candidate, if any, trends ``EXCEPTIONAL_LEAD`` times as much as the second best."""
        scores = self.trend_scores
        second = np.sort(scores)[-2:].min(initial=np.inf)
        return np.asarray((scores > 0) & (scores >= EXCEPTIONAL_LEAD * second), np.bool_)

    def trending_order(self, dislikes: tuple[int, ...]) -> NDArray[np.intp]:
        """Return the places of the candidates by trend, less the penalty for dislikes."""
        return np.argsort(-self.trend(dislikes), kind="stable") if dislikes else self._order

    @cached_property
    def fields(self) -> frozenset[str]:
        """The primary categories of the candidates."""
        return frozenset(document.field for document in self.candidates) - {""}

    @cached_property
    def grown(self) -> NDArray[np.bool_]:
        """Which candidates gained votes lately."""
        return np.array([document.grown for document in self.candidates], bool)

    def rows_of(self, papers: Iterable[str]) -> tuple[int, ...]:
        """Return the rows of those papers that the index holds."""
        return tuple(self.rows[paper] for paper in papers if paper in self.rows)

    def shared_phrases(self, row: int, place: int) -> tuple[str, ...]:
        """Return the phrases that a document and a candidate share, the best first."""
        texts = self.documents[row].text, self.candidates[place].text
        if row >= len(self._model.ids):
            return self._model.phrases.shared_with(texts[0], place, texts[1])
        return self._model.phrases.shared(row, place, texts)

    def terms_of(self, texts: Iterable[str]) -> ColumnFilter | None:
        """Return what tells of terms whether a word of the texts is in them; None without one."""
        named = [word for text in texts for word in words(text)]
        if not named:
            return None
        stems = [number for word in named if (number := self.vocabulary.stem_number(word)) >= 0]
        ngrams = np.concatenate([self.vocabulary.ngram_columns(word) for word in named])

        def chosen(columns: NDArray[np.integer]) -> NDArray[np.bool_]:
            found = np.isin(columns, ngrams)
            positions, numbers = self.vocabulary.stems_in(columns)
            found[positions[np.isin(numbers, stems)]] = True
            return found

        return chosen

    def is_common(self, stemmed: str) -> bool:
        """Return whether a stem is in so many papers that it names no subject by itself."""
        count = self.searches.positions.text_count(stemmed)
        return len(self) >= LEAST_PAPERS and count > COMMON_SHARE * len(self)

    @cached_property
    def _authors(self) -> dict[str, list[tuple[str, int]]]:
        """Authors and places by last name."""
        found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for place, document in enumerate(self.candidates):
            for author in document.authors:
                if parts := name_parts(author):
                    found[parts[-1]].append((author, place))
        return found


def in_field(topic: str, document: Document) -> bool:
    """Return whether a paper is in a category (``cs.CL``) or an archive (``cs``)."""
    return any(c == topic or c.startswith(topic + ".") for c in document.categories)


def percentiles(values: Scores) -> Scores:
    """Return for each value the share of the others below it; equal values share their rank."""
    if len(values) < 2:
        return np.ones_like(values)
    ordered = np.sort(values)
    below = np.searchsorted(ordered, values, "left")
    upto = np.searchsorted(ordered, values, "right")
    return ((below + upto - 1) / 2 / (len(values) - 1)).astype(np.float32)
