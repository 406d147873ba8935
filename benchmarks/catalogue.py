"""A site of any size for the benchmark of its pages: papers, days, lists and readers.

The texts are recombined from the listing in ``seeds/`` (``benchmarks.readers``), with a word of its
own in each title, so that the full-text index holds rare words and common ones. The same numbers
give the same site. Import only after ``django.setup()``.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from django.db import connection
from django.utils.timezone import now

from benchmarks.readers import recombined
from newsletter.models import Digest, Interest, Subscriber
from papers import search_index
from papers.models import Edition, Paper, Signal, SimilarPapers
from papers.text import taxonomy
from papers.trending import update

DAYS: Final = 100
EDITIONS: Final = 40
EDITION_SIZE: Final = 100
READINGS: Final = 12
CHUNK: Final = 2000
SIMILAR: Final = 10
DIGEST_SIZE: Final = 10
DIGESTS: Final = 5
"""Of the one reader whose pages are asked for."""
CONSONANTS: Final = "bdfghjklmnprstvwz"
VOWELS: Final = "aeiou"
SYLLABLES: Final = [first + second for first in CONSONANTS for second in VOWELS]


def fill(papers: int, subscribers: int, listed: list[dict[str, Any]]) -> None:
    """Create the site: papers of DAYS days, scored, with editions, lists and readers."""
    dice = random.Random(23)
    newest = datetime.combine(now().date(), datetime.min.time(), UTC)
    _papers(papers, listed, newest, dice)
    update.score(now())
    _editions(newest, dice)
    _similar(dice)
    _readers(subscribers, dice)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _papers(
    count: int, listed: list[dict[str, Any]], newest: datetime, dice: random.Random
) -> None:
    fields = [code for code in taxonomy.NAMES if "." in code]
    rows = recombined(listed, count)
    for start in range(0, count, CHUNK):
        chunk = [
            _paper(
                start + place,
                row,
                newest - timedelta(days=DAYS * (start + place) / count),
                fields,
                dice,
            )
            for place, row in enumerate(islice(rows, CHUNK))
        ]
        Paper.objects.bulk_create(chunk)
        search_index.update(chunk)
        measured = [paper for paper in chunk if dice.random() < 0.2]
        Signal.objects.bulk_create(
            [one for paper in measured for one in _signals(paper, dice)], batch_size=CHUNK
        )


def _paper(
    number: int,
    row: dict[str, Any],
    announced: datetime,
    fields: Sequence[str],
    dice: random.Random,
) -> Paper:
    primary = fields[int(len(fields) * dice.random() ** 2)]
    identifier = f"26{number % 12 + 1:02}.{number // 12:05}"
    return Paper(
        canonical_id=identifier,
        title_key=str(number),
        title=f"{rare_word(number)}: {row['title']}"[:1000],
        abstract=row["abstract"],
        summary=re.split(r"(?<=\.) ", row["abstract"])[0][:500],
        summary_source="abstract",
        authors=[
            f"{dice.choice('ABCDEFGHIJ')}. {rare_word(dice.randrange(20_000))}" for _ in range(6)
        ],
        categories=[primary, dice.choice(fields)],
        primary_category=primary,
        keywords=dice.sample(SYLLABLES, 3),
        announced_at=announced,
        published_at=announced - timedelta(days=1),
        url=f"https://arxiv.org/abs/{identifier}",
        pdf_url=f"https://arxiv.org/pdf/{identifier}",
        code_url="https://github.com/a/b" if dice.random() < 0.4 else "",
        cleaned_with=1,
    )


def rare_word(number: int) -> str:
    """Return a word for each number, of at least four syllables."""
    word = ""
    for _ in range(4):
        number, place = divmod(number, len(SYLLABLES))
        word += SYLLABLES[place]
    return (word + str(number or "")).capitalize()


def _signals(paper: Paper, dice: random.Random) -> Iterator[Signal]:
    value = 0
    for reading in range(READINGS):
        value += dice.randrange(6)
        at = paper.announced_at + timedelta(hours=2 + 8 * reading)
        yield Signal(paper=paper, source="hf-daily", name="upvotes", value=value, observed_at=at)


def _editions(newest: datetime, dice: random.Random) -> None:
    """Write the editions of the days before, each with papers of its last days."""
    shown = Edition.objects.order_by("-day").first()
    if shown is None:
        return
    parts = [entry["parts"] for entry in shown.entries]
    days = []
    for age in range(1, EDITIONS):
        window = (newest - timedelta(days=age + 10), newest - timedelta(days=age - 1))
        recent = Paper.objects.filter(announced_at__range=window).order_by("pk")
        ids = list(recent.values_list("canonical_id", flat=True))
        entries = [
            {"paper": one, "score": 1.0, "parts": parts[place], "reason": "rising here"}
            for place, one in enumerate(dice.sample(ids, min(len(ids), len(parts), EDITION_SIZE)))
        ]
        day = newest.date() - timedelta(days=age)
        days.append(Edition(day=day, entries=entries, formula_version=shown.formula_version))
        update.describe_news(days[-1])
    Edition.objects.bulk_create(days, ignore_conflicts=True)


def _similar(dice: random.Random) -> None:
    keys = list(Paper.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), CHUNK):
        SimilarPapers.objects.bulk_create(
            SimilarPapers(paper_id=key, similar=dice.sample(keys, min(len(keys), SIMILAR)))
            for key in keys[start : start + CHUNK]
        )


def _readers(count: int, dice: random.Random) -> None:
    fields = list(taxonomy.NAMES)
    for start in range(0, count, CHUNK):
        people = Subscriber.objects.bulk_create(
            Subscriber(
                email=f"reader{number}@example.org",
                email_key=f"reader{number}@example.org",
                status=Subscriber.Status.ACTIVE,
                confirmed_at=now() - timedelta(days=30),
                next_digest_at=now() + timedelta(hours=12),
            )
            for number in range(start, min(start + CHUNK, count))
        )
        Interest.objects.bulk_create(
            Interest(subscriber=person, kind=kind, value=value)
            for person in people
            for kind, value in (
                ("topic", dice.choice(fields)),
                ("text", rare_word(dice.randrange(20_000))),
            )
        )
    _digests(dice)


def _digests(dice: random.Random) -> None:
    """Write the last digests of the first reader."""
    person = Subscriber.objects.order_by("pk")[0]
    ids = list(Paper.objects.order_by("-pk").values_list("canonical_id", flat=True)[:5000])
    for age in range(DIGESTS):
        items = [
            {"paper": one, "reason": "near what you like", "slot": "personal", "score": 0.5}
            for one in dice.sample(ids, DIGEST_SIZE)
        ]
        at = now() - timedelta(days=age)
        Digest.objects.create(
            subscriber=person, due_at=at, due_on=at.date(), items=items, state="sent", sent_at=at
        )
