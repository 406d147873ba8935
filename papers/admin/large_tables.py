"""What keeps the lists of the admin fast when a table has millions of rows.

Django counts all rows of a list and looks for each year, month and day in every row. Above
MOST_COUNTED rows the number is the planner's estimate on PostgreSQL, and the periods are all those
between the first row and the last. A database reads all rows before those of a page; a far page is
found by the index of its order, which is read in a tenth of the time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.contrib.admin import AllValuesFieldListFilter
from django.core.paginator import Page, Paginator
from django.db import connections
from django.db.models import Max, Min, Model, QuerySet
from django.utils.functional import cached_property
from django.utils.timezone import localtime

MOST_COUNTED: Final = 5000
RECENT_ROWS: Final = 2000
FAR: Final = 2000
"""From so many rows on a page is found by the index of the order."""
SAME: Final = 1000
"""Rows before a page among which its first value is looked for, as several may have it."""
LONGEST_MONTH: Final = timedelta(days=31)
LONGEST_YEAR: Final = timedelta(days=366)
ModelT = TypeVar("ModelT", bound=Model)


def bounded_count(rows: QuerySet[Any]) -> int:
    """Return the number of rows, counted up to one more than MOST_COUNTED."""
    return rows.order_by()[: MOST_COUNTED + 1].count()


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]  # None at run time.
    """Pages of a list whose length is estimated when it is large."""

    template_name = "admin/pages.html"
    estimated = False

    @cached_property
    def count(self) -> int:
        """Return the number of rows: exact up to MOST_COUNTED, and on SQLite."""
        rows: Any = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        if connections[rows.db].vendor != "postgresql":
            return rows.order_by().count()
        if (counted := bounded_count(rows)) <= MOST_COUNTED:
            return counted
        self.estimated = True
        [plan] = json.loads(rows.order_by().explain(format="json"))
        return max(MOST_COUNTED + 1, int(plan["Plan"]["Plan Rows"]))

    def page(self, number: int | str) -> Page[Any]:
        """Return a page; a far one begins at the value that the index has at its place."""
        place = self.validate_number(number)
        start = (place - 1) * self.per_page
        rows: Any = self.object_list
        name = ordering_column(rows) if start >= FAR and isinstance(rows, QuerySet) else None
        if name is None:
            return super().page(number)
        column = name.removeprefix("-")
        ordered = rows.order_by(name).values_list(column, flat=True)
        values = list(ordered[start - SAME : start + 1])
        if len(values) <= SAME or values[0] == values[-1]:
            keys = list(rows.values_list("pk", flat=True)[start : start + self.per_page])
            return Page(rows.filter(pk__in=keys), place, self)
        side = "lte" if name.startswith("-") else "gte"
        rest = rows.filter(**{f"{column}__{side}": values[-1]})
        skipped = SAME - values.index(values[-1])
        return Page(rest[skipped : skipped + self.per_page], place, self)


def ordering_column(rows: QuerySet[Any]) -> str | None:
    """Return the first ordering of rows, if it is a column of theirs that is never null."""
    names = rows.query.order_by or rows.model._meta.ordering
    first = names[0] if names else None
    if not isinstance(first, str):
        return None
    columns = {field.name: field for field in rows.model._meta.concrete_fields}
    columns["pk"] = rows.model._meta.pk
    found = columns.get(first.removeprefix("-"))
    return None if found is None or found.null else first


class PeriodQuerySet(QuerySet[ModelT]):
    """Rows whose years, months and days are told from the first and the last one."""

    def datetimes(self, *args: Any, **kwargs: Any) -> Any:
        """Return the periods of ``field_name`` as Django does, or all in between."""
        if bounded_count(self) <= MOST_COUNTED:
            return super().datetimes(*args, **kwargs)
        field_name, kind = args[:2]
        ends = self.order_by().aggregate(first=Min(field_name), last=Max(field_name))
        return list(periods(localtime(ends["first"]), localtime(ends["last"]), kind))


class RecentValuesFilter(AllValuesFieldListFilter):
    """A filter that offers the values of the newest rows, which the model's ordering tells."""

    def __init__(
        self, field: Any, request: Any, params: Any, model: Any, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(field, request, params, model, *args, **kwargs)
        newest = model._default_manager.values_list(field.name, flat=True)[:RECENT_ROWS]
        self.lookup_choices: Any = sorted(set(newest))


def periods(first: datetime, last: datetime, kind: str) -> Iterator[datetime]:
    """Yield the starts of the years, months or days (``kind``) from ``first`` to ``last``."""
    moment = first.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind == "year":
        moment = moment.replace(month=1, day=1)
    elif kind == "month":
        moment = moment.replace(day=1)
    while moment <= last:
        yield moment
        if kind == "year":
            moment = (moment + LONGEST_YEAR).replace(month=1, day=1)
        elif kind == "month":
            moment = (moment + LONGEST_MONTH).replace(day=1)
        else:
            moment += timedelta(days=1)


def with_periods(rows: QuerySet[ModelT]) -> PeriodQuerySet[ModelT]:
    """Return the same rows as a PeriodQuerySet."""
    return PeriodQuerySet(model=rows.model, query=rows.query.chain(), using=rows.db)
