"""Celery tasks of the library: each takes ids and calls one service."""

from __future__ import annotations

import threading
from typing import Any, Final

from celery import shared_task
from celery.signals import worker_shutting_down
from django.conf import settings
from django.utils.timezone import now

from papers import search_index
from papers.ingest import recleaning, retention, runs, summaries
from papers.ingest import service as ingest
from papers.models import Source
from papers.recommend import embeddings, related
from papers.trending import update

SEARCH_PORTION: Final = 2000
"""Papers indexed a minute: a database made by an older version is searchable within minutes."""

RECLEANED_PORTION: Final = 2000
"""Papers cleaned again a minute after the cleaning has changed."""

SUMMARIES_PORTION: Final = 500
"""Papers summarized a minute after an upgrade; they take about half a second."""

# Set when the worker begins to stop: a long visit asks it between two pages.
stopping = threading.Event()


@worker_shutting_down.connect
def note_shutdown(**_: Any) -> None:
    """Signal to a long run of a source that the worker is stopping."""
    stopping.set()


@shared_task
def ingest_due() -> None:
    """Enqueue every source that is due. Runs each minute."""
    # Before anything is read: papers without an arXiv id are found by their cleaned title.
    recleaning.clean_again(RECLEANED_PORTION)
    if settings.OFFLINE:
        return
    if not Source.objects.exists():
        ingest.ensure_sources()
    for source_id in runs.claim_due():
        ingest_source.delay(source_id)


@shared_task
def ingest_source(source_id: int) -> None:
    """Run one source."""
    source = Source.objects.filter(pk=source_id).first()
    if source is not None:
        outcome = runs.run_unwatched(source, until=stopping.is_set)
        embeddings.embed(now())
        if outcome.counts.created or outcome.counts.observations:
            update.score(now())  # What came is shown at once, not at the next scoring.


@shared_task
def index_papers() -> None:
    """Index a portion of the papers that the search does not know yet. Called each minute."""
    search_index.update_missing(SEARCH_PORTION)


@shared_task
def relate_papers() -> None:
    """Store the papers most like the recent ones. Called each hour."""
    related.update(now())


@shared_task
def embed_papers() -> None:
    """Embed a portion of the papers without a sentence vector. Called each minute."""
    embeddings.embed_missing(now())


@shared_task
def summarize_papers() -> None:
    """Make a portion of the summaries that older rules made. Called each minute."""
    summaries.summarize_outdated(SUMMARIES_PORTION)


@shared_task
def delete_unmet_papers() -> None:
    """Delete a portion of the old papers that nobody met. Called each hour."""
    retention.delete_unmet_papers(now())


@shared_task
def score() -> None:
    """Recompute what is trending."""
    update.score(now())
