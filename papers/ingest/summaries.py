"""The one-sentence summary of a paper: which of the known sentences is shown, and whose it is.

The editor's own sentence comes first, then the one that Hugging Face publishes, then the claim
sentence of the abstract. A withdrawn paper claims nothing: it has the editor's sentence, the
notice of withdrawal in its abstract, or none.
"""

from __future__ import annotations

from typing import Final

from django.db import transaction

from papers.models import Paper, Turn
from papers.text.summary import claim_sentence, withdrawal_notice

VERSION: Final = 2
"""Of the rules here and of the model; a higher number makes every summary anew."""
BATCH: Final = 100
"""Papers that one transaction summarizes, in about a tenth of a second."""
SUMMARY_FIELDS: Final = ("summary", "summary_source", "summary_version")


def summarize(paper: Paper) -> None:
    """Set the summary of a paper from its texts. Saves nothing."""
    paper.summary, paper.summary_source = _choose(paper)
    paper.summary_version = VERSION


def summarize_outdated(limit: int) -> int:
    """Make up to ``limit`` summaries that older rules made, or none, and return how many.

    Each batch is a transaction of its own, which locks as an ingest does.
    """
    done = 0
    while done < limit and (count := _summarize_batch(min(BATCH, limit - done))):
        done += count
    return done


def _summarize_batch(size: int) -> int:
    outdated = Paper.objects.filter(summary_version__lt=VERSION)
    if not outdated.exists():
        return 0
    with transaction.atomic():
        Turn.objects.get_or_create(name="catalogue")
        Turn.objects.select_for_update().get(name="catalogue")
        papers = list(
            outdated.only(
                "title", "abstract", "withdrawn", "editor_summary", "source_summary"
            ).order_by("summary_version", "-pk")[:size]
        )
        for paper in papers:
            summarize(paper)
        Paper.objects.bulk_update(papers, SUMMARY_FIELDS)
    return len(papers)


def _choose(paper: Paper) -> tuple[str, str]:
    if paper.editor_summary:
        return paper.editor_summary, Paper.SummarySource.EDITOR
    if paper.withdrawn:
        found = withdrawal_notice(paper.abstract)
    elif paper.source_summary:
        return paper.source_summary, Paper.SummarySource.HUGGING_FACE
    else:
        found = claim_sentence(paper.title, paper.abstract)
    return found, Paper.SummarySource.ABSTRACT if found else ""
