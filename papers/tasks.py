"""The library's doors for Celery: ids in, one service called."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.utils.timezone import now

from papers import ingest, scoring, visits
from papers.models import Source


@shared_task
def ingest_due() -> None:
    """Send a worker to every source that is due. Called each minute."""
    if settings.OFFLINE:
        return
    if not Source.objects.exists():
        ingest.ensure_sources()
    for source_id in visits.claim_due():
        ingest_source.delay(source_id)


@shared_task
def ingest_source(source_id: int) -> None:
    """Visit one source."""
    source = Source.objects.filter(pk=source_id).first()
    if source is not None:
        visits.run(source)


@shared_task
def score() -> None:
    """Work out anew what is trending."""
    scoring.score(now())
