"""Selected subscribers as a CSV file with the columns of ``export_subscribers``."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.timezone import now

from newsletter.models import Subscriber
from newsletter.subscriptions import csv_export, csv_rows
from papers.admin.base import counted


class Echo:
    """A file that returns each line written to it, for ``csv.writer``."""

    def write(self, line: str) -> str:
        """Return the line unchanged."""
        return line


def download(request: HttpRequest, people: QuerySet[Subscriber]) -> StreamingHttpResponse:
    """Stream the file, and record its number of rows in the audit log."""
    chosen = Subscriber.objects.filter(pk__in=people.order_by().values("pk")).exclude(
        status__in=(Subscriber.Status.UNSUBSCRIBED, Subscriber.Status.SUPPRESSED)
    )
    LogEntry.objects.create(
        user_id=str(request.user.pk),
        content_type=ContentType.objects.get_for_model(Subscriber),
        object_repr=counted(Subscriber, chosen.count()),
        action_flag=CHANGE,
        change_message="exported",
    )
    return StreamingHttpResponse(
        _lines(chosen),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="subscribers-{now():%Y-%m-%d}.csv"',
            "Cache-Control": "no-store",
        },
    )


def _lines(people: QuerySet[Subscriber]) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield writer.writerow(csv_rows.COLUMNS)
    for row in csv_export.export_rows(people):
        yield writer.writerow(row)
