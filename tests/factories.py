"""Rows that tests start from, with everything left out filled in sensibly."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.utils.timezone import now

from newsletter.models import Digest, Subscriber
from papers.ingest.upsert import upsert
from papers.models import Edition, Paper
from papers.sources.record import PaperRecord
from papers.text import identifiers
from papers.trending.update import describe_news

# Numbers of one digit are no terms: papers that differ in them alone would be duplicates.
_number = itertools.count(10)


def a_subscriber(**fields: Any) -> Subscriber:
    """An active subscriber whose digest is due."""
    number = next(_number)
    email = fields.setdefault("email", f"reader{number}@example.org")
    fields.setdefault("email_key", email.lower())
    fields.setdefault("status", Subscriber.Status.ACTIVE)
    fields.setdefault("confirmed_at", now() - timedelta(days=1))
    fields.setdefault("next_digest_at", now() - timedelta(minutes=1))
    return Subscriber.objects.create(**fields)


def a_paper(**fields: Any) -> Paper:
    """A paper announced an hour ago."""
    number = next(_number)
    fields.setdefault("canonical_id", f"2611.{number:05}")
    title = fields.setdefault("title", f"Paper number {number} about sparse attention")
    fields.setdefault("title_key", f"key-{number}-{hash(title)}"[:64])
    fields.setdefault("abstract", f"We study problem {number}. It is solved by method {number}.")
    fields.setdefault("authors", ["Ada Lovelace", "Alan Turing"])
    fields.setdefault("categories", ["cs.CL"])
    fields.setdefault("primary_category", "cs.CL")
    fields.setdefault("announced_at", now() - timedelta(hours=1))
    fields.setdefault("url", f"https://arxiv.org/abs/{fields['canonical_id']}")
    return Paper.objects.create(**fields)


def rename(paper: Paper, arxiv_id: str) -> Paper:
    """Let a source name the arXiv id of a paper that was known by its title only."""
    Paper.objects.filter(pk=paper.pk).update(title_key=identifiers.title_key(paper.title))
    record = PaperRecord(
        title=paper.title, arxiv_id=arxiv_id, abstract=paper.abstract, authors=tuple(paper.authors)
    )
    counts = upsert([record], source="test")
    assert (counts.created, counts.updated) == (0, 1)
    paper.refresh_from_db()
    assert paper.canonical_id == arxiv_id
    return paper


def an_edition(*papers: Paper, day: date | None = None, reason: str = "new") -> Edition:
    """The edition of a day (today) with these papers in this order."""
    entries = [
        {"paper": paper.canonical_id, "score": 1.0, "parts": {}, "reason": reason}
        for paper in papers
    ]
    edition = Edition(day=day or datetime.now(UTC).date(), entries=entries, formula_version="1")
    describe_news(edition)
    edition.save()
    return edition


def a_digest(**fields: Any) -> Digest:
    """A queued digest of one paper."""
    fields.setdefault("subscriber", fields.pop("to", None) or a_subscriber())
    fields.setdefault("due_at", now())
    fields.setdefault("due_on", datetime.now(UTC).date())
    if "items" not in fields:
        paper = a_paper()
        fields["items"] = [
            {"paper": paper.canonical_id, "reason": "new", "slot": "trending", "score": 0.5}
        ]
    return Digest.objects.create(**fields)
