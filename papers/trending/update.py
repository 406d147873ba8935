"""Update of the trending scores: read the readings, write the scores and the day's edition.

Everything is read in columns: 50,000 papers with a million readings are scored in seconds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import chain
from typing import Any, Final

import numpy as np
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, FloatField, Func, Max, Q, When
from django.db.models.fields.json import KT
from django.db.models.sql.compiler import SQLCompiler
from django.utils.timezone import now

from papers.models import Edition, Paper, Signal, Source
from papers.trending import lists, reasons
from papers.trending import score as trending
from papers.trending.evidence import names_a_venue, with_known_authors
from papers.trending.explanation import FORMULA_VERSION
from papers.trending.growth import MEASURES, Readings

EDITION_SIZE: Final = 100
KNOWN_EDITIONS: Final = 30
KNOWN_PLACES: Final = 10
"""Authors are known for the first so many papers of the last so many editions."""
READ_ROWS: Final = 10_000
WRITTEN_ROWS: Final = 5000
EDITION_FIELDS: Final = ("entries", "formula_version", "news_day", "news", "news_count")
COLUMNS: Final = ("pk", "canonical_id", "trending", "trending_parts", "comment", "code_url")


class JSONLength(Func):
    """The number of items of a list in JSON, without reading the items."""

    function = "jsonb_array_length"
    output_field = FloatField()

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        """Return the SQL for SQLite."""
        sql, params = self.as_sql(compiler, connection, function="json_array_length", **context)
        return sql, tuple(params)


class Hours(Func):
    """A time as hours since the epoch, read far faster than a date object."""

    output_field = FloatField()

    template = "CAST(EXTRACT(EPOCH FROM %(expressions)s) AS double precision) / 3600"

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        """Return the SQL for SQLite."""
        template = "(julianday(%(expressions)s) - 2440587.5) * 24"
        sql, params = self.as_sql(compiler, connection, template=template, **context)
        return sql, tuple(params)


@dataclass(frozen=True, slots=True)
class _Row:
    """One ranked paper with its stored score."""

    pk: int
    canonical_id: str
    score: float
    parts: dict[str, Any]


def newest_announcement(at: datetime) -> datetime | None:
    """Return when the latest paper known at a moment was announced, if there is one."""
    newest: datetime | None
    newest = Paper.objects.filter(announced_at__lte=at).aggregate(at=Max("announced_at"))["at"]
    return newest


def score(at: datetime) -> dict[str, int]:
    """Recompute trending as of a moment, and the edition of its day (UTC).

    The edition of a day that is over is written only if there is none: what was shown stays.
    Returns the counts ``papers`` (ranked) and ``changed`` (rows written).
    """
    newest = newest_announcement(at)
    if newest is None:
        return {"papers": 0, "changed": 0}
    oldest = newest - timedelta(days=trending.AGE_LIMIT_DAYS)
    ranked = Q(announced_at__gt=oldest, announced_at__lte=at, withdrawn=False, hidden=False)
    rows, candidates = _candidates(ranked, at)
    scored = trending.score(candidates, _readings(rows, at))
    fresh = [
        _Row(row.pk, row.canonical_id, value, parts)
        for row, value, parts in zip(rows, scored.scores, scored.parts, strict=True)
    ]
    changed = [new for new, old in zip(fresh, rows, strict=True) if new != old]
    with transaction.atomic():
        _write(changed)
        dropped = (
            Paper.objects.exclude(ranked)
            .exclude(trending=0, trending_parts={})
            .update(trending=0, trending_parts={})
        )
        _write_edition(at, fresh)
        lists.update(at)
    return {"papers": len(rows), "changed": len(changed) + dropped}


def _candidates(ranked: Q, at: datetime) -> tuple[list[_Row], trending.Candidates]:
    """Return the papers to rank in the order of their ids, as rows and as columns."""
    numbers = (JSONLength("authors"), *map(Hours, ("announced_at", "published_at", "picked_at")))
    papers = Paper.objects.filter(ranked).order_by("pk").values_list(*COLUMNS, *numbers)
    columns = list(zip(*papers, strict=True)) or [()] * (len(COLUMNS) + len(numbers))
    pks, ids, scores, parts, comments, codes = columns[: len(COLUMNS)]
    authors, announced, published, picked = (
        np.array(column, np.float64) for column in columns[len(COLUMNS) :]
    )
    picked[picked > trending.hours(at)] = np.nan
    known = _by_known_authors(ranked, at)
    rows = [_Row(*row) for row in zip(pks, ids, scores, parts, strict=True)]
    return rows, trending.Candidates(
        announced=announced,
        picked=picked,
        authors=authors,
        waited=(announced - published) / 24,
        accepted=np.array([names_a_venue(comment) for comment in comments], bool),
        known_authors=np.array([name in known for name in ids], bool),
        code=np.array([bool(code) for code in codes], bool),
    )


def _by_known_authors(ranked: Q, at: datetime) -> set[str]:
    """Return the ids of ranked papers by authors of another paper that led an earlier day."""
    # Read as text: a JSON reading takes the id 2611.00010 for the number 2611.0001.
    places = [KT(f"entries__{place}__paper") for place in range(KNOWN_PLACES)]
    editions = Edition.objects.filter(day__lt=at.astimezone(UTC).date()).order_by("-day")
    leaders = set(chain.from_iterable(editions.values_list(*places)[:KNOWN_EDITIONS]))
    earlier = Paper.objects.filter(canonical_id__in=leaders - {None})
    columns = ("canonical_id", "authors")
    if not (led := list(earlier.values_list(*columns))):
        return set()
    papers = Paper.objects.filter(ranked).order_by().values_list(*columns)
    return with_known_authors(papers.iterator(chunk_size=READ_ROWS), led)


def _readings(rows: list[_Row], at: datetime) -> Readings:
    """Return the totals read of these papers until a moment.

    Only numbers are fetched, without model objects, which would take most of the time.
    """
    pks = np.array([row.pk for row in rows], np.int64)
    since = Signal.objects.filter(paper_id__gte=rows[0].pk if rows else 0).order_by()
    found = since.values_list("source", "name").distinct()
    # With more conditions PostgreSQL expects few rows and sorts all of a million.
    pairs = [(source, name) for source, name in found if name in MEASURES]
    wanted = since.filter(
        paper_id__lte=rows[-1].pk if rows else 0, observed_at__lte=at, name__in=MEASURES
    )
    series = [When(source=source, name=name, then=n) for n, (source, name) in enumerate(pairs)]
    columns = wanted.annotate(series=Case(*series), hour=Hours("observed_at"))
    query = columns.values_list("paper_id", "series", "value", "hour").query
    table = np.empty((0, 4))
    if pairs:
        with connection.chunked_cursor() as cursor:
            cursor.execute(*query.get_compiler(connection=connection).as_sql())
            chunks = iter(lambda: cursor.fetchmany(READ_ROWS), [])
            numbers = chain.from_iterable(chain.from_iterable(chunks))
            table = np.fromiter(numbers, np.float64).reshape(-1, 4)
    table = table[np.isin(table[:, 0], pks)]
    kinds = dict(Source.objects.values_list("name", "kind"))
    names = [(kinds.get(source, source), name) for source, name in pairs]
    known = list(dict.fromkeys(names))
    codes = np.array([known.index(name) for name in names], np.int64)
    paper, code, value, hour = table.T
    place = np.searchsorted(pks, paper)
    return Readings(place, codes[code.astype(np.int64)], value, hour, known)


def _write(rows: Sequence[_Row]) -> None:
    """Save scores, in the order of their ids, by statements that each change many rows.

    ``bulk_update`` takes minutes for so many.
    """
    table = connection.ops.quote_name(Paper._meta.db_table)
    parts = Paper._meta.get_field("trending_parts").db_type(connection)
    with connection.cursor() as cursor:
        for start in range(0, len(rows), WRITTEN_ROWS):
            chunk = rows[start : start + WRITTEN_ROWS]
            lines = ", ".join(["(%s, %s, %s)"] * len(chunk))
            cursor.execute(
                f"WITH given (id, score, parts) AS (VALUES {lines}) "  # noqa: S608
                f"UPDATE {table} SET trending = given.score, "
                f"trending_parts = CAST(given.parts AS {parts}) "
                f"FROM given WHERE {table}.id = given.id AND {table}.id BETWEEN %s AND %s",
                [
                    *(value for row in chunk for value in _stored(row)),
                    *(chunk[0].pk, chunk[-1].pk),
                ],
            )


def _stored(row: _Row) -> tuple[int, float, str]:
    return row.pk, row.score, json.dumps(row.parts)


def _write_edition(at: datetime, rows: list[_Row]) -> None:
    day = at.astimezone(UTC).date()
    known = Edition.objects.filter(day=day).first()
    if known and day < now().astimezone(UTC).date():
        return
    best = sorted(rows, key=lambda row: (-row.score, row.canonical_id))[:EDITION_SIZE]
    entries = [
        {
            "paper": row.canonical_id,
            "score": row.score,
            "parts": row.parts,
            "reason": reasons.reason(row.parts),
        }
        for row in best
    ]
    fresh = Edition(day=day, entries=entries, formula_version=FORMULA_VERSION)
    describe_news(fresh)
    if known and all(getattr(known, name) == getattr(fresh, name) for name in EDITION_FIELDS):
        return
    # One statement: two workers may score a new day at once.
    Edition.objects.bulk_create(
        [fresh], update_conflicts=True, unique_fields=["day"], update_fields=EDITION_FIELDS
    )


def describe_news(edition: Edition) -> None:
    """Set the fields of an edition that say what was new in it; nothing is saved."""
    ids = [entry["paper"] for entry in edition.entries]
    listed = Paper.objects.filter(canonical_id__in=ids, hidden=False)
    announced = {
        name: (pk, at.astimezone(UTC).date())
        for name, pk, at in listed.values_list("canonical_id", "pk", "announced_at")
    }
    edition.news_day = max((day for _, day in announced.values()), default=None)
    found = (announced.get(entry["paper"], (0, None)) for entry in edition.entries)
    edition.news = [pk for pk, day in found if day and day == edition.news_day]
    edition.news_count = 0
    if edition.news_day:
        start = datetime.combine(edition.news_day, time(), UTC)
        day_after = start + timedelta(days=1)
        that_day = Paper.objects.filter(announced_at__gte=start, announced_at__lt=day_after)
        edition.news_count = that_day.filter(hidden=False, withdrawn=False).count()
