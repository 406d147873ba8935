"""Search for papers: read what a visitor typed, match it in the index, highlight the matches.

The query language: words (whole ones and their stems), ``"quoted phrases"``, ``word*`` for a
beginning, ``-word``, ``author:name``, ``field:cs.CL``. All parts must match.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

from django.db import connection, transaction

from papers import search_index
from papers.models import Paper
from papers.search_index import TABLE, field_token, stem, words_of
from papers.text.identifiers import arxiv_id

MAX_LENGTH: Final = 200
MAX_TERMS: Final = 8
MAX_MATCHES: Final = 2000
"""Of more matches than this only the newest are ranked."""
STATEMENT_TIMEOUT_MS: Final = 2000
PART: Final = re.compile(
    r"(?P<minus>-?)(?:(?P<key>author|field):)?"
    r'(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))'
)
ORDERS: Final = ("relevance", "date")


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a query: a word or a phrase as stems, or the beginning of a word (``prefix``)."""

    tokens: tuple[str, ...]
    column: str = ""
    prefix: bool = False
    negated: bool = False
    typed: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What was searched for.

    ``terms`` are at most MAX_TERMS; ``fields`` are arXiv categories, any of which must be there;
    ``identifier`` is the arXiv id that the text is, without its version; ``shortened`` tells that
    a part was left out.
    """

    text: str
    terms: tuple[Term, ...] = ()
    fields: tuple[str, ...] = ()
    identifier: str = ""
    shortened: bool = False

    def __bool__(self) -> bool:
        return bool(self.fields) or any(not term.negated for term in self.terms)

    @property
    def highlighted(self) -> frozenset[str]:
        """Return the stems to highlight."""
        found = (term.tokens for term in self.terms if not (term.negated or term.prefix))
        return frozenset(token for tokens in found for token in tokens)

    def without(self, left_out: Term) -> str:
        """Return the query's text without one of its terms."""
        return " ".join(term.typed for term in self.terms if term is not left_out)


@dataclass(frozen=True, slots=True)
class Matches:
    """The primary keys of matching papers in order; ``capped`` if there were more."""

    ids: Sequence[int]
    capped: bool = False


def read(typed: str) -> Query:
    """Parse what a visitor typed: any length, any characters."""
    printable = "".join(character if character.isprintable() else " " for character in typed)
    text = " ".join(printable.split())
    kept = text[:MAX_LENGTH].strip()
    identifier = arxiv_id(kept)
    terms: list[Term] = []
    fields: list[str] = []
    for part in PART.finditer(kept):
        if part["key"] == "field":
            fields.append(part["phrase"] or part["word"] or "")
        elif term := _term(part):
            terms.append(term)
    distinct = list(dict.fromkeys(terms))
    return Query(
        text=kept,
        terms=tuple(distinct[:MAX_TERMS]),
        fields=tuple(filter(None, fields)),
        identifier=identifier.id if identifier else "",
        shortened=len(text) > MAX_LENGTH or len(distinct) > MAX_TERMS,
    )


def _term(part: re.Match[str]) -> Term | None:
    """Return the term of one part, or None if it holds no letter or digit."""
    written = part["phrase"] if part["phrase"] is not None else part["word"]
    words = words_of(written)
    if not words:
        return None
    prefix = part["phrase"] is None and written.endswith("*")
    return Term(
        tokens=(words[-1],) if prefix else tuple(map(stem, words)),
        column="people" if part["key"] == "author" else "",
        prefix=prefix,
        negated=bool(part["minus"]),
        typed=part.group(0),
    )


def find(
    query: Query,
    *,
    order: str = "relevance",
    since: date | None = None,
    until: date | None = None,
) -> Matches:
    """Return the papers that match every term of the query. Hidden papers never match.

    Args:
        query: What to look for; one without a positive term matches nothing.
        order: ``relevance`` or ``date`` (newest announcement first).
        since: First day of the announcement (UTC).
        until: Last day of the announcement (UTC).
    """
    if not query:
        return Matches([])
    search = _postgresql if connection.vendor == "postgresql" else _sqlite
    rows = search(query, *_days(since, until))
    capped = len(rows) > MAX_MATCHES
    rows = rows[:MAX_MATCHES]
    if order == "date":
        rows.sort(key=lambda row: (row[3], row[0]), reverse=True)
    else:
        # The trending score decides between equals.
        rows.sort(key=lambda row: (-round(row[1], 6), -row[2], -row[0]))
    named = _named(query.identifier)
    return Matches([*named, *(row[0] for row in rows if row[0] not in named)], capped)


def _named(identifier: str) -> list[int]:
    """Return the primary key of the paper with this id, as a list of one or none."""
    if not identifier:
        return []
    named = Paper.objects.filter(canonical_id=identifier, hidden=False)
    return list(named.values_list("pk", flat=True))


def _days(since: date | None, until: date | None) -> tuple[str, list[Any]]:
    """Return a condition on the day of the announcement, and its parameters."""
    conditions, values = [], []
    for day, sign, moment in ((since, ">=", time.min), (until, "<=", time.max)):
        if day:
            conditions.append(f"AND p.announced_at {sign} %s")
            bound = datetime.combine(day, moment, UTC)
            values.append(connection.ops.adapt_datetimefield_value(bound))
    return " ".join(conditions), values


Row = tuple[int, float, float, Any]
"""Primary key, relevance, trending score and announcement of a matching paper."""


def _sqlite(query: Query, days: str, values: list[Any]) -> list[Row]:
    weights = ", ".join(map(str, search_index.WEIGHTS))
    sql = (
        f"SELECT p.id, -bm25({TABLE}, {weights}), p.trending, p.announced_at "
        f"FROM {TABLE} JOIN papers_paper p ON p.id = {TABLE}.rowid "
        f"WHERE {TABLE} MATCH %s AND NOT p.hidden {days} "
        f"ORDER BY {TABLE}.rowid DESC LIMIT {MAX_MATCHES + 1}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [_fts5(query), *values])
        return list(cursor.fetchall())


def _fts5(query: Query) -> str:
    """Return the query as an FTS5 expression; every token is quoted."""
    wanted = [_fts5_term(term) for term in query.terms if not term.negated]
    if query.fields:
        named = " OR ".join(f'"{field_token(field)}"' for field in query.fields)
        wanted.append(f"fields : ({named})")
    expression = " AND ".join(wanted)
    unwanted = [_fts5_term(term) for term in query.terms if term.negated]
    return f"({expression}) NOT ({' OR '.join(unwanted)})" if unwanted else expression


def _fts5_term(term: Term) -> str:
    text = " ".join(term.tokens)
    if term.prefix:
        return f'(words : "{text}" *)'
    columns = term.column or "title people terms abstract"
    return f'({{{columns}}} : "{text}")'


def _postgresql(query: Query, days: str, values: list[Any]) -> list[Row]:
    expression = _tsquery(query)
    # In one statement the planner would read vectors in the order of their papers, or all of them:
    # it does not know what reading a stored vector costs.
    sql = (
        "WITH matching AS MATERIALIZED "
        f"(SELECT paper_id FROM {TABLE} WHERE vector @@ %s::tsquery), "
        "newest AS MATERIALIZED (SELECT p.id, p.trending, p.announced_at "
        "FROM matching JOIN papers_paper p ON p.id = matching.paper_id "
        f"WHERE NOT p.hidden {days} ORDER BY p.id DESC LIMIT {MAX_MATCHES + 1}) "
        "SELECT id, ts_rank_cd(%s, s.vector, %s::tsquery), trending, announced_at "
        f"FROM newest JOIN {TABLE} s ON s.paper_id = newest.id"
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}; SET LOCAL enable_seqscan = off"
        )
        cursor.execute(sql, [expression, *values, search_index.RANK_WEIGHTS, expression])
        return list(cursor.fetchall())


def _tsquery(query: Query) -> str:
    """Return the query as a tsquery literal; every lexeme is quoted."""
    parts = [("!" if term.negated else "") + _tsquery_term(term) for term in query.terms]
    if query.fields:
        parts.append("(" + " | ".join(f"'{field_token(field)}'" for field in query.fields) + ")")
    return " & ".join(parts)


def _tsquery_term(term: Term) -> str:
    if term.prefix:
        return f"'={term.tokens[0]}':*"
    label = ":B" if term.column == "people" else ""
    return "(" + " <-> ".join(f"'{token}'{label}" for token in term.tokens) + ")"


def parts_to_highlight(text: str, query: Query) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a text in order, each with whether it is a match of the query."""
    wanted = query.highlighted
    beginnings = tuple(term.tokens[0] for term in query.terms if term.prefix and not term.negated)
    end = 0
    for match in search_index.WORD.finditer(text):
        words = words_of(match.group(0))
        if any(stem(word) in wanted or word.startswith(beginnings) for word in words):
            yield text[end : match.start()], False
            yield match.group(0), True
            end = match.end()
    yield text[end:], False
