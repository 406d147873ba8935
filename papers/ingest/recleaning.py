"""Cleaning of stored titles and abstracts again, after the cleaning has changed."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from papers import search_index
from papers.ingest.summaries import SUMMARY_FIELDS, summarize
from papers.models import Paper, Turn
from papers.sources.record import RecordError, clean_title
from papers.text import clean, identifiers

BATCH: Final = 200
"""Papers cleaned in one transaction."""
FIELDS: Final = ("title", "abstract", "title_key", "cleaned_with", *SUMMARY_FIELDS)


def clean_again(limit: int) -> int:
    """Clean up to ``limit`` papers whose texts an older version cleaned; return how many.

    Papers without an arXiv id come first, because sources find them by their cleaned title;
    their own ids stay. Rows from before the raw texts were stored are cleaned as they are.
    """
    outdated = Paper.objects.filter(cleaned_with__lt=clean.VERSION)
    by_title = outdated.filter(canonical_id__startswith=identifiers.TITLE_ID_PREFIX)
    done = 0
    for papers in (by_title, outdated):
        while done < limit and (found := _clean_batch(papers, min(BATCH, limit - done))):
            done += found
    return done


def _clean_batch(outdated: QuerySet[Paper], size: int) -> int:
    if not outdated.exists():
        return 0
    with transaction.atomic():
        # The lock of the catalogue, so that no record is merged into these rows meanwhile.
        Turn.objects.get_or_create(name="catalogue")
        Turn.objects.select_for_update().get(name="catalogue")
        papers = list(outdated.order_by("cleaned_with")[:size])
        changed = [paper for paper in papers if _clean(paper)]
        Paper.objects.bulk_update(papers, FIELDS)
        search_index.update(changed)
    return len(papers)


def _clean(paper: Paper) -> bool:
    """Clean one paper; return whether its title or abstract changed."""
    before = paper.title, paper.abstract
    try:
        paper.title = clean_title(paper.raw_title or paper.title)
    except RecordError:
        paper.title = before[0]
    paper.abstract = clean.paragraphs(paper.raw_abstract or paper.abstract)
    paper.title_key = identifiers.title_key(paper.title)
    paper.cleaned_with = clean.VERSION
    changed = (paper.title, paper.abstract) != before
    if changed:
        summarize(paper)
    return changed
