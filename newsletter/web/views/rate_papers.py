"""The page that rates all papers of a digest, behind "Rate these papers" in its mail."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from newsletter.mail.messages import in_mail_order
from newsletter.models import Digest
from newsletter.security import tokens
from newsletter.security.tokens import Rating
from newsletter.subscriptions import feedback
from newsletter.web.views.subscription_status import SUBSCRIBED
from newsletter.web.views.token_page import token_page
from papers.models import Paper

RATINGS: Final[dict[str, Rating | None]] = {"up": "up", "down": "down", "none": None}
"""What a field of the form may hold."""


class RatedPaper(NamedTuple):
    """One row of the form: the name of its field, the paper and the stored rating."""

    field: str
    paper: Paper
    rating: Rating | None


@token_page
def rate_papers(request: HttpRequest, token: str) -> HttpResponse:
    """Show each paper of a digest with its rating; a POST stores what the form says of each."""
    digest = tokens.digest_of_rate_papers_token(token)
    papers = _papers_by_field(digest)
    saved = request.method == "POST"
    if saved:
        feedback.record_all(digest.subscriber, _sent_ratings(request.POST, papers))
    stored = feedback.ratings_of(
        digest.subscriber, [paper.canonical_id for paper in papers.values()]
    )
    context = {
        "rows": [
            RatedPaper(field, paper, stored.get(paper.canonical_id))
            for field, paper in papers.items()
        ],
        "saved": saved,
        "subscribed": digest.subscriber.status in SUBSCRIBED,
    }
    return render(request, "subscriber/rate_papers.html", context)


def _papers_by_field(digest: Digest) -> dict[str, Paper]:
    """Return the papers in the order of the mail, without those that were hidden or removed."""
    named = [item["paper"] for item in digest.items]
    shown = Paper.objects.filter(canonical_id__in=named, hidden=False)
    by_id = {
        paper.canonical_id: paper for paper in shown.only("canonical_id", "title", "raw_title")
    }
    return {
        f"rating-{position}": by_id[item["paper"]]
        for position, item in in_mail_order(digest)
        if item["paper"] in by_id
    }


def _sent_ratings(sent: QueryDict, papers: dict[str, Paper]) -> dict[str, Rating | None]:
    """Return the rating of each paper whose field was sent with a value of the form."""
    values = {field: sent.get(field) for field in papers}
    return {
        papers[field].canonical_id: RATINGS[value]
        for field, value in values.items()
        if isinstance(value, str) and value in RATINGS
    }
