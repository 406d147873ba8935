"""Why a paper is, or is not, in what a subscriber would get now."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from newsletter.digests.assembly import asked_of
from newsletter.digests.run_papers import RunPapers
from newsletter.models import Subscriber
from papers.models import Paper
from papers.recommend.explanation import Change, Explanation, explain
from papers.text.identifiers import arxiv_id

RULES: Final = {
    "pick": "it is the editor’s pick",
    "personal": "it fits what they asked for (strength {value})",
    "trending": "it trends more than {share} of the recent papers",
    "sent": "it was sent to them already",
    "too old": "it is older than a digest goes back",
    "withdrawn": "it was withdrawn",
    "hidden": "an editor hid it",
    "liked": "they liked it already",
    "disliked": "they disliked it",
    "own": "it is by {value}, which is a name of theirs",
    "muted": "they muted {value}",
    "same story": "the digest holds one that says the same (likeness {value}, limit {threshold})",
    "no interest": "it fits none of their interests",
    "weak match": (
        "its words fit, but it is not near enough to what they ask for ({value}, at least "
        "{threshold})"
    ),
    "outranked": "others fit better (its strength is {value}, that of the last one {threshold})",
}


class UnknownPaperError(Exception):
    """No paper has this id."""


def explain_paper(
    person: Subscriber, paper: str, at: datetime, papers: RunPapers | None = None
) -> Explanation:
    """Explain why a paper is, or is not, in the digest that a subscriber would get at a moment.

    Args:
        person: The subscriber.
        paper: The id of the paper, or a text that is one, such as its address.
        at: The moment.
        papers: The candidates where they are known already.

    Raises:
        UnknownPaperError: No paper has this id, now or formerly.
    """
    found = _paper(paper)
    library = papers or RunPapers(at, Subscriber.objects.filter(pk=person.pk))
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
    pasted = arxiv_id(text)
    found = Paper.objects.known_as([text, pasted.id] if pasted else [text]).first()
    if found is None:
        raise UnknownPaperError(f"No paper has the id {text!r}.")
    return found


def sentences(email: str, found: Explanation) -> str:
    """Return an explanation in words."""
    verb = "would get" if found.included else "would not get"
    share = f"{found.value:.0%}" if isinstance(found.value, float) else ""
    rule = RULES[found.rule].format(value=found.value, share=share, threshold=found.threshold)
    said = f"{email} {verb} {found.paper}: {rule}."
    if found.rank is not None:
        where = "in the digest" if found.included else "in the interest it fits best"
        said += f" Its rank {where} is {found.rank}."
    return f"{said} {_advice(found.change)}" if found.change else said


def _advice(change: Change) -> str:
    """Return a change as a sentence."""
    added = [f"add {one}" for one in change.add]
    removed = [f"remove {one}" for one in change.remove]
    return f"It would come with this change to {change.field}: {', '.join(added + removed)}."
