"""What keeps the lists of the admin fast when a table has millions of rows.

Django counts all rows of a list and looks for each year, month and day in every row. Above
MOST_COUNTED rows the number is the planner's estimate on PostgreSQL, and the periods are all those
between the first row and the last.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.contrib.admin import AllValuesFieldListFilter
from django.core.paginator import Paginator
from django.db import connections
from django.db.models import Max, Min, Model, QuerySet
from django.utils.functional import cached_property
from django.utils.timezone import localtime

MOST_COUNTED: Final = 5000
RECENT_ROWS: Final = 2000
LONGEST_MONTH: Final = timedelta(days=31)
LONGEST_YEAR: Final = timedelta(days=366)
ModelT = TypeVar("ModelT", bound=Model)


def is_large(rows: QuerySet[Any]) -> bool:
    """Return whether there are more than MOST_COUNTED rows, without counting further."""
    return rows.order_by()[: MOST_COUNTED + 1].count() > MOST_COUNTED


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]  # None at run time.
    """Pages of a list whose length is estimated when it is large."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows: exact up to MOST_COUNTED, and on SQLite."""
        rows: Any = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        if connections[rows.db].vendor != "postgresql" or not is_large(rows):
            return rows.order_by().count()
        [plan] = json.loads(rows.order_by().explain(format="json"))
        return max(MOST_COUNTED + 1, int(plan["Plan"]["Plan Rows"]))


class PeriodQuerySet(QuerySet[ModelT]):
    """Rows whose years, months and days are told from the first and the last one."""

    def datetimes(self, *args: Any, **kwargs: Any) -> Any:
        """Return the periods of ``field_name`` as Django does, or all in between."""
        if not is_large(self):
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
