"""The full-text index of the papers: FTS5 on SQLite, a ``tsvector`` with GIN on PostgreSQL.

Both databases hold the same tokens, made by :func:`tokens_of`: accents folded, words stemmed. The
index is one table beside ``papers_paper``, keyed by the paper's primary key; it is no Django model
because its column types exist in one database each. :func:`update` is called wherever texts change.

References: SQLite FTS5 (https://www.sqlite.org/fts5.html), PostgreSQL full-text search, chapter 12.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final
from zlib import crc32

from django.db import connection, transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from Stemmer import Stemmer

from papers.models import Paper

log = logging.getLogger(__name__)

TABLE: Final = "papers_search"
COLUMNS: Final = ("title", "people", "terms", "abstract", "words", "fields")
WEIGHTS: Final = (8.0, 6.0, 3.0, 1.0, 0.0, 0.0)
"""Of the columns, for bm25."""
LABELS: Final = {"title": "A", "people": "B", "terms": "C", "abstract": "D"}
VERSION: Final = 2
"""Of the rows on PostgreSQL: 1 has pairs of words, 2 names too. FTS5 does without them."""
HAS_OUTDATED_ROWS: Final = f"EXISTS (SELECT 1 FROM {TABLE} WHERE version < {VERSION})"
RANK_WEIGHTS: Final = "{0.1, 0.3, 0.7, 1.0}"
"""Of the labels D, C, B, A, for ts_rank_cd."""
MAX_TOKENS: Final = 16_000
"""Positions beyond 16,383 are the same to PostgreSQL."""
BATCH: Final = 500
WORD_LENGTH: Final = 100
"""Characters of a word that count; PostgreSQL takes at most 2,046 bytes."""
SHORTEST_STEMMED: Final = 4
WORD: Final = re.compile(r"[^\W_]+(?:\+\+|#)?")
_stemmer = Stemmer("english")
# Letters that compatibility decomposition leaves as they are.
LETTERS: Final = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ħ": "h"}
)


def fold(text: str) -> str:
    """Return the text in lower case, without accents and with plain Latin letters."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return plain.translate(LETTERS)


def words_of(text: str) -> list[str]:
    """Return the folded words of a text; ``c++`` and ``c#`` are words."""
    words = (word[:WORD_LENGTH] for word in WORD.findall(fold(text)))
    return [word.replace("++", "plusplus").replace("#", "sharp") for word in words]


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Return the stem of a folded word (Snowball's English stemmer)."""
    if len(word) < SHORTEST_STEMMED or not word.isascii() or not word.isalpha():
        return word
    return str(_stemmer.stemWord(word))


def tokens_of(text: str) -> list[str]:
    """Return the stems of a text, in order."""
    return [stem(word) for word in words_of(text)][:MAX_TOKENS]


def field_token(category: str) -> str:
    """Return the token of an arXiv category or archive; no word of a text is spelt like it."""
    return "field0" + re.sub(r"[^a-z0-9]+", "0", category.lower())


def pair_tokens(tokens: Sequence[str]) -> list[str]:
    """Return a token for each two that stand together, by which PostgreSQL looks for phrases.

    GIN holds no positions: without them it would read the stored vector of each paper that has
    both words. Now and then two pairs share a token, so a match is still to be checked.
    """
    return [f"~{crc32(f'{one} {two}'.encode()):x}" for one, two in pairwise(tokens)]


def name_token(word: str) -> str:
    """Return the token of a word of an author's name, which no word of a text is spelt like.

    By it PostgreSQL finds names without reading stored vectors, and the beginnings of names
    without those of all words.
    """
    return f"@{word}"


def update(papers: Iterable[Paper]) -> None:
    """Write the index rows of these papers, replacing older ones."""
    rows = []
    for paper in papers:
        try:
            rows.append((paper.pk, _texts(paper)))
        except (TypeError, ValueError, AttributeError) as error:
            log.warning("Paper %s cannot be searched for: %s", paper.pk, error)
    write = _write_postgresql if connection.vendor == "postgresql" else _write_sqlite
    for start in range(0, len(rows), BATCH):
        # FTS5 writes a segment of its index for each transaction, not for each row.
        with transaction.atomic():
            write(rows[start : start + BATCH])


def update_missing(limit: int) -> int:
    """Index up to ``limit`` papers without a row of this VERSION, newest first; return how many."""
    current = (
        f"s.paper_id = p.id AND s.version >= {VERSION}"
        if connection.vendor == "postgresql"
        else "s.rowid = p.id"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM papers_paper p WHERE NOT EXISTS (SELECT 1 FROM {TABLE} s "
            f"WHERE {current}) ORDER BY id DESC LIMIT %s",
            [limit],
        )
        missing = [row[0] for row in cursor.fetchall()]
    update(Paper.objects.filter(pk__in=missing))
    return len(missing)


def _texts(paper: Paper) -> dict[str, list[str]]:
    fields = {code for code in paper.categories for code in (code, code.partition(".")[0])}
    texts = {
        "title": paper.title,
        "people": " ".join(paper.authors),
        "terms": " ".join(paper.keywords),
        "abstract": paper.abstract,
    }
    tokens = {name: tokens_of(text) for name, text in texts.items()}
    words = {word for text in texts.values() for word in words_of(text)[:MAX_TOKENS]}
    names = {*tokens["people"], *words_of(texts["people"])[:MAX_TOKENS]}
    return tokens | {
        "words": sorted(words),
        "names": sorted(map(name_token, names)),
        "fields": sorted(map(field_token, fields)),
    }


def _write_sqlite(rows: Sequence[tuple[int, dict[str, list[str]]]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(f"DELETE FROM {TABLE} WHERE rowid = %s", [(key,) for key, _ in rows])
        cursor.executemany(
            f"INSERT INTO {TABLE} (rowid, {', '.join(COLUMNS)}) "
            f"VALUES (%s, {', '.join(['%s'] * len(COLUMNS))})",
            [(key, *(" ".join(texts[name]) for name in COLUMNS)) for key, texts in rows],
        )


def _write_postgresql(rows: Sequence[tuple[int, dict[str, list[str]]]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {TABLE} (paper_id, vector, version) "
            f"VALUES (%s, %s::tsvector, {VERSION}) ON CONFLICT (paper_id) "
            "DO UPDATE SET vector = excluded.vector, version = excluded.version",
            [(key, _vector(texts)) for key, texts in rows],
        )


def _vector(texts: dict[str, list[str]]) -> str:
    """Return a tsvector literal: stems with position and label, pairs, whole words and names.

    A whole word is ``=word``, one of a name ``@word``. A gap between the columns keeps a phrase
    from matching across two of them.
    """
    positions: dict[str, list[str]] = {}
    place = 0
    for name, label in LABELS.items():
        for token in texts[name]:
            place += 1
            found = positions.setdefault(token, [])
            if len(found) < 200 and place <= MAX_TOKENS:
                found.append(f"{place}{label}")
        place += 10
    stems = [f"'{token}':{','.join(found)}" for token, found in positions.items() if found]
    pairs = {pair for name in LABELS for pair in pair_tokens(texts[name])}
    words = (f"={word}" for word in texts["words"])
    return " ".join([*stems, *_quoted([*sorted(pairs), *words, *texts["names"], *texts["fields"]])])


def _quoted(tokens: Iterable[str]) -> list[str]:
    return [f"'{token}'" for token in tokens]


@receiver(post_save, sender=Paper)
def _on_save(instance: Paper, **_options: Any) -> None:
    """Keep the index in step with rows that are saved singly, as the admin does."""
    update([instance])


@receiver(post_delete, sender=Paper)
def _on_delete(instance: Paper, **_options: Any) -> None:
    """Drop the index row of a deleted paper."""
    key = "paper_id" if connection.vendor == "postgresql" else "rowid"
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {TABLE} WHERE {key} = %s", [instance.pk])
