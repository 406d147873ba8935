"""Search for papers: read what a visitor typed, match it in the index, highlight the matches.

The query language: words (whole ones and their stems), ``"quoted phrases"``, ``word*`` for a
beginning, ``-word``, ``author:name``, ``field:cs.CL``. All parts must match; of several fields one
is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

from django.db import connection, transaction

from papers import search_index
from papers.models import Paper
from papers.search_index import TABLE, field_token, name_token, pair_tokens, stem, words_of
from papers.text import taxonomy
from papers.text.identifiers import arxiv_id

MAX_LENGTH: Final = 200
MAX_TERMS: Final = 8
SHORTEST_PREFIX: Final = 2
"""Letters of a beginning; one letter begins the words of all papers."""
MAX_MATCHES: Final = 1000
"""Of more matches than this only the newest are ranked."""
STATEMENT_TIMEOUT_MS: Final = 2000
PLANNER_SETTINGS: Final = {
    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "work_mem": "16MB",
}
"""For PostgreSQL, which does not know what reading a stored vector costs, nor on a fresh table how
many papers match: matches come from the index, and papers one by one until there are enough."""
PART: Final = re.compile(
    r"(?P<minus>-?)(?:(?P<key>author|field):\s*)?"
    r'(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))',
    re.IGNORECASE,
)
UNFINISHED: Final = re.compile(r"(?:^|\s)-?(?:author|field):\s*$", re.IGNORECASE)
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

    ``terms`` are at most MAX_TERMS; ``fields`` are arXiv categories and archives, any of which must
    be there, ``fields_left_out`` those of which none may; ``identifier`` is the arXiv id that the
    text is, without its version; ``shortened`` tells that a part was left out.
    """

    text: str
    terms: tuple[Term, ...] = ()
    fields: tuple[str, ...] = ()
    fields_left_out: tuple[str, ...] = ()
    identifier: str = ""
    shortened: bool = False

    def __bool__(self) -> bool:
        return bool(self.fields) or any(not term.negated for term in self.terms)

    @property
    def leaves_out_only(self) -> bool:
        """Return whether it says only what must not be there, which is nothing to look for."""
        return not self and bool(self.terms or self.fields_left_out)

    @property
    def highlighted(self) -> frozenset[str]:
        """Return the stems to highlight."""
        found = (term.tokens for term in self.terms if not (term.negated or term.prefix))
        return frozenset(token for tokens in found for token in tokens)

    def without(self, left_out: Term) -> str:
        """Return the query's text without one of its terms."""
        return self.with_terms(term.typed for term in self.terms if term is not left_out)

    def with_terms(self, typed: Iterable[str]) -> str:
        """Return the text of a query with these terms and the same fields."""
        wanted = (f"field:{field}" for field in self.fields)
        unwanted = (f"-field:{field}" for field in self.fields_left_out)
        return " ".join([*typed, *wanted, *unwanted])


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
    fields: dict[bool, list[str]] = {False: [], True: []}
    for part in PART.finditer(UNFINISHED.sub("", kept)):
        if (part["key"] or "").lower() == "field":
            typed_field = (part["phrase"] or part["word"] or "").strip()
            fields[bool(part["minus"])].append(taxonomy.category(typed_field) or typed_field)
        elif term := _term(part):
            terms.append(term)
    distinct = list(dict.fromkeys(terms))
    return Query(
        text=kept,
        terms=tuple(distinct[:MAX_TERMS]),
        fields=tuple(filter(None, fields[False])),
        fields_left_out=tuple(filter(None, fields[True])),
        identifier=identifier.id if identifier else "",
        shortened=len(text) > MAX_LENGTH or len(distinct) > MAX_TERMS,
    )


def _term(part: re.Match[str]) -> Term | None:
    """Return the term of one part, or None if it holds no letter or digit."""
    written = part["phrase"] if part["phrase"] is not None else part["word"]
    words = words_of(written)
    if not words:
        return None
    prefix = part["phrase"] is None and written.endswith("*") and len(words[-1]) >= SHORTEST_PREFIX
    return Term(
        tokens=(words[-1],) if prefix else tuple(map(stem, words)),
        column="people" if part["key"] else "",
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
    unwanted += [f'fields : "{field_token(field)}"' for field in query.fields_left_out]
    return f"({expression}) NOT ({' OR '.join(unwanted)})" if unwanted else expression


def _fts5_term(term: Term) -> str:
    text = " ".join(term.tokens)
    if term.prefix:
        beginning = f'(words : "{text}" *)'
        return f'({term.column} : "{stem(text)}" * AND {beginning})' if term.column else beginning
    columns = term.column or "title people terms abstract"
    return f'({{{columns}}} : "{text}")'


def _postgresql(query: Query, days: str, values: list[Any]) -> list[Row]:
    with transaction.atomic(), connection.cursor() as cursor:
        settings = [part for setting in PLANNER_SETTINGS.items() for part in setting]
        local = ", ".join(["set_config(%s, %s, true)"] * len(PLANNER_SETTINGS))
        cursor.execute(f"SELECT {search_index.HAS_OUTDATED_ROWS}, {local}", settings)
        is_current = not cursor.fetchone()[0]
        cursor.execute(*_statement(query, days, values, is_current=is_current))
        return list(cursor.fetchall())


def _statement(
    query: Query, days: str, values: list[Any], *, is_current: bool
) -> tuple[str, list[Any]]:
    """Return the statement that finds and ranks the newest matches, and its parameters.

    ``is_current`` tells that all rows have pairs of words and names.
    """
    exact = _joined(query, [_tsquery_term(term, is_current) for term in query.terms])
    coarse = _indexed_tsquery(query, is_current=is_current)
    # The index holds no positions, so a condition with them reads a stored vector for each match.
    # It is asked of the newest papers first, and of no more than it takes to fill the answer.
    checks = [exact] if exact != coarse else []
    check = f"JOIN {TABLE} s ON s.paper_id = m.id AND s.vector @@ %s::tsquery" if checks else ""
    # A sum, because in the order of the key itself the planner would read the vectors one by one.
    sql = (
        "WITH newest AS MATERIALIZED (SELECT p.id, p.trending, p.announced_at "
        f"FROM (SELECT paper_id + 0 AS id FROM {TABLE} WHERE vector @@ %s::tsquery "
        "ORDER BY id DESC OFFSET 0) m "
        f"{check} JOIN papers_paper p ON p.id = m.id WHERE NOT p.hidden {days} "
        f"ORDER BY m.id DESC LIMIT {MAX_MATCHES + 1}) "
        "SELECT id, ts_rank_cd(%s, s.vector, %s::tsquery), trending, announced_at "
        f"FROM newest JOIN {TABLE} s ON s.paper_id = newest.id"
    )
    return sql, [coarse, *checks, *values, search_index.RANK_WEIGHTS, _ranked_tsquery(query)]


def _ranked_tsquery(query: Query) -> str:
    """Return a tsquery literal of what has positions in the rows.

    ``ts_rank_cd`` is zero for a query with another lexeme: a field, or the beginning of a word.
    """
    wanted = [term for term in query.terms if not term.negated]
    ranked = [_placed_tsquery(term) for term in wanted if not term.prefix]
    return " & ".join(ranked or [_placed_tsquery(term) for term in wanted])


def _placed_tsquery(term: Term) -> str:
    """Return a tsquery literal of a term by its stems, whose positions and labels are known."""
    label = "B" if term.column == "people" else ""
    if term.prefix:
        return f"'{term.tokens[0]}':*{label}"
    stems = (f"'{token}'" + (f":{label}" if label else "") for token in term.tokens)
    return f"({' <-> '.join(stems)})"


def _indexed_tsquery(query: Query, *, is_current: bool) -> str:
    """Return a tsquery literal that the index answers alone: what matches the query, and more.

    Every lexeme is quoted.
    """
    parts = []
    for term in query.terms:
        phrase = len(term.tokens) > 1
        if not (phrase or term.column) or _is_name(term, is_current):
            parts.append(_tsquery_term(term, is_current))
        elif term.prefix and not term.negated:
            parts.append(f"'{term.tokens[0]}':*")
        elif not term.negated:
            tokens = pair_tokens(term.tokens) if phrase and is_current else term.tokens
            parts.append(" & ".join(f"'{token}'" for token in tokens))
    return _joined(query, parts)


def _is_name(term: Term, is_current: bool) -> bool:
    """Return whether a term is one word of a name and the rows have tokens of names."""
    return is_current and term.column == "people" and len(term.tokens) == 1


def _joined(query: Query, parts: Sequence[str]) -> str:
    any_of = " | ".join(f"'{field_token(field)}'" for field in query.fields)
    none_of = [f"!'{field_token(field)}'" for field in query.fields_left_out]
    return " & ".join([*parts, *([f"({any_of})"] if any_of else []), *none_of])


def _tsquery_term(term: Term, is_current: bool) -> str:
    first = term.tokens[0]
    if _is_name(term, is_current):
        text = f"'{name_token(first)}'" + (":*" if term.prefix else "")
    elif term.prefix and not term.column:
        text = f"'={first}':*"
    else:
        text = _placed_tsquery(term)
    return f"!{text}" if term.negated else text


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
