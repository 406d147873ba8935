"""Why a paper is, or is not, in what a subscriber would get now."""

from __future__ import annotations

from datetime import datetime

from newsletter.digests.assembly import asked_of
from newsletter.digests.run_papers import RunPapers
from newsletter.models import Subscriber
from papers.models import Paper
from papers.recommend.explanation import Explanation, explain


class UnknownPaperError(Exception):
    """No paper has this id."""


def explain_paper(person: Subscriber, paper: str, at: datetime) -> Explanation:
    """Explain why a paper is, or is not, in the digest that a subscriber would get at a moment.

    Raises:
        UnknownPaperError: No paper has this id, now or formerly.
    """
    found = _paper(paper)
    library = RunPapers(at, Subscriber.objects.filter(pk=person.pk))
    if found.withdrawn or found.hidden:
        rule = "withdrawn" if found.withdrawn else "hidden"
        return Explanation(found.canonical_id, False, None, rule)
    asked = asked_of(person, library)
    if found.canonical_id in asked.exclude:
        return Explanation(found.canonical_id, False, None, "sent")
    if found.canonical_id not in library.index.place:
        return Explanation(found.canonical_id, False, None, "too old")
    return explain(library.index, asked, found.canonical_id)


def _paper(text: str) -> Paper:
    named = Paper.objects.filter(canonical_id=text) | Paper.objects.filter(former_id=text)
    found = named.first()
    if found is None:
        raise UnknownPaperError(f"No paper has the id {text!r}.")
    return found
