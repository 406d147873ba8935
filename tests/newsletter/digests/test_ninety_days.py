"""Ninety days of papers, versions and cross-lists for fifty readers: nobody sees a paper twice."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from newsletter.digests import assembly
from newsletter.models import Digest, Interest, Subscriber
from papers.ingest.upsert import upsert
from papers.models import Paper
from papers.sources.record import PaperRecord
from papers.text import identifiers
from papers.trending.update import score
from tests.factories import a_subscriber

BEGIN = datetime(2026, 3, 2, 7, tzinfo=UTC)
DAYS, READERS = 90, 50
SUBJECTS = ("quantization of weights", "coral reefs", "robot hands", "protein folding")


def new_papers(day: int, at: datetime, chance: random.Random) -> Iterator[PaperRecord]:
    """Three papers of a day; every third is first told by a listing that knows no arXiv id."""
    for number in range(3):
        subject = SUBJECTS[chance.randrange(len(SUBJECTS))]
        title = f"Study {day} {number} on {subject}"
        yield PaperRecord(
            title,
            f"We look into {subject} with apparatus {day}x{number} and report what we saw there.",
            arxiv_id="" if number == 2 else f"2603.{day * 3 + number:05}",
            version=1,
            categories=("cs.LG",),
            primary_category="cs.LG",
            announced_at=at,
        )


def told_again(old: PaperRecord, at: datetime, chance: random.Random) -> PaperRecord:
    """An earlier paper as a new version, as a cross-list, or with the arXiv id it lacked."""
    known = old.arxiv_id or f"2604.{int(old.title.split()[1]):05}"
    version = chance.choice([1, 2, 3])
    return PaperRecord(
        old.title,
        f"{old.abstract} Revised." if version > 1 else old.abstract,
        arxiv_id=known,
        version=version,
        categories=("cs.LG", "stat.ML"),
        primary_category="cs.LG",
        announced_at=at,
    )


def readers() -> None:
    for number in range(READERS):
        person = a_subscriber(hour=8, next_digest_at=BEGIN + timedelta(hours=1), size=4)
        Interest.objects.create(
            subscriber=person, kind=Interest.Kind.TEXT, value=SUBJECTS[number % len(SUBJECTS)]
        )


def key_of(paper: str) -> str:
    """One key for a paper, whatever its id."""
    return identifiers.title_key(Paper.objects.get(canonical_id=paper).title)


@pytest.mark.django_db
def test_ninety_days_bring_no_reader_a_paper_twice() -> None:
    chance = random.Random(90)
    told: dict[str, PaperRecord] = {}
    readers()
    for day in range(DAYS):
        at = BEGIN + timedelta(days=day)
        with time_machine.travel(at + timedelta(hours=1, minutes=1), tick=False):
            again = [told_again(chance.choice([*told.values()]), at, chance) for _ in told][:2]
            fresh = [*new_papers(day, at, chance)]
            upsert([*fresh, *again], source="arxiv-rss")
            told |= {paper.title: paper for paper in (*fresh, *again)}
            moment = at + timedelta(hours=1, minutes=1)
            score(moment)
            assembly.assemble(moment)
    keys = {
        paper: key_of(paper)
        for paper in {i["paper"] for d in Digest.objects.all() for i in d.items}
    }
    for person in Subscriber.objects.all():
        rows = Digest.objects.filter(subscriber=person)
        seen = Counter(keys[item["paper"]] for row in rows for item in row.items)
        assert rows.count() == DAYS
        assert max(seen.values()) == 1
        assert all(row.items or row.reason for row in rows)
    assert len(set(keys.values())) > DAYS * 2
