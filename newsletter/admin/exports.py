"""Selected subscribers or suppressions as CSV files, with the columns of the commands."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from itertools import chain

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.timezone import now

from newsletter.models import Subscriber, Suppression
from newsletter.subscriptions import csv_export, csv_rows, suppression_lists
from papers.admin.base import counted


class Echo:
    """A file that returns each line written to it, for ``csv.writer``."""

    def write(self, line: str) -> str:
        """Return the line unchanged."""
        return line


def download(request: HttpRequest, people: QuerySet[Subscriber]) -> StreamingHttpResponse:
    """Stream the subscribers who get mail or may, and record their number in the audit log."""
    chosen = Subscriber.objects.filter(pk__in=people.order_by().values("pk")).exclude(
        status__in=(Subscriber.Status.UNSUBSCRIBED, Subscriber.Status.SUPPRESSED)
    )
    _record(request, Subscriber, chosen.count())
    return _file("subscribers", csv_rows.COLUMNS, csv_export.export_rows(chosen))


def download_suppressions(
    request: HttpRequest, found: QuerySet[Suppression]
) -> StreamingHttpResponse:
    """Stream suppressions, and record their number in the audit log."""
    _record(request, Suppression, found.count())
    rows = suppression_lists.export_rows(found.order_by("pk"))
    return _file("suppressions", suppression_lists.COLUMNS, rows)


def _record(request: HttpRequest, model: type[Model], count: int) -> None:
    LogEntry.objects.create(
        user_id=str(request.user.pk),
        content_type=ContentType.objects.get_for_model(model),
        object_repr=counted(model, count),
        action_flag=CHANGE,
        change_message="exported",
    )


def _file(
    name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        map(csv.writer(Echo()).writerow, chain([columns], rows)),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}-{now():%Y-%m-%d}.csv"',
            "Cache-Control": "no-store",
        },
    )
