"""Fill an empty database as an installation of ten days with a large list holds it.

``python -m benchmarks.crowds DIGESTS`` writes that many digests (ten a subscriber), an event of a
provider for each, a fifth as many papers with two measurements each, and the smaller tables.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, TypeVar

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
django.setup()

from django.contrib.admin.models import CHANGE, LogEntry  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.contenttypes.models import ContentType  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Model  # noqa: E402
from django.utils.timezone import now  # noqa: E402

from benchmarks.readers import recombined  # noqa: E402
from newsletter.models import (  # noqa: E402
    Consent,
    DeliveryEvent,
    Digest,
    Interest,
    Notice,
    Subscriber,
    Suppression,
)
from newsletter.process import daily  # noqa: E402
from newsletter.security import email_addresses  # noqa: E402
from papers import search_index  # noqa: E402
from papers.models import Paper, Signal  # noqa: E402
from tests.conftest import SEED_LISTING  # noqa: E402

DAYS: Final = 10
DIGESTS_A_PAPER: Final = 5
PAPERS_A_DAY: Final = 1000
PORTION: Final = 5000
DOMAINS: Final = 997
REASON: Final = "like “Sparse attention for long documents”: sparse attention, long documents"
Row = TypeVar("Row", bound=Model)


def fill(digests: int) -> None:
    """Write the rows of every table."""
    moment = now()
    operator = User.objects.create_superuser("operator", "operator@example.org")
    _papers(max(200, digests // DIGESTS_A_PAPER), moment)
    people = max(1, digests // DAYS)
    _people(people, moment)
    _digests(people, moment)
    kind = ContentType.objects.get_for_model(Subscriber)
    _write(
        LogEntry,
        people,
        lambda n: LogEntry(
            user=operator,
            content_type=kind,
            object_id=str(n + 1),
            object_repr="one",
            action_flag=CHANGE,
        ),
    )
    call_command("score", verbosity=0)
    daily.count_days(moment)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _write(model: type[Row], count: int, row: Callable[[int], Row]) -> None:
    for start in range(0, count, PORTION):
        rows = [row(number) for number in range(start, min(start + PORTION, count))]
        model._default_manager.bulk_create(rows)


def _papers(count: int, moment: datetime) -> None:
    call_command("ingest", file=SEED_LISTING, format="listing", verbosity=0)
    listed = [
        {"title": paper.title, "abstract": paper.abstract, "authors": paper.authors}
        for paper in Paper.objects.all()
    ]
    made = recombined(listed, count)
    for start in range(0, count, PORTION):
        papers = [_paper(start + n, paper, moment) for n, paper in enumerate(islice(made, PORTION))]
        search_index.update(Paper.objects.bulk_create(papers))
        Signal.objects.bulk_create(_signals(papers, moment))


def _paper(number: int, made: dict[str, Any], moment: datetime) -> Paper:
    age = timedelta(days=number / PAPERS_A_DAY)
    return Paper(
        canonical_id=_id(number),
        title_key=f"made-{number}",
        title=made["title"][:1000],
        abstract=made["abstract"],
        authors=made["authors"],
        categories=["cs.CL", "cs.LG"][: 1 + number % 2],
        primary_category="cs.CL",
        announced_at=moment - age - timedelta(hours=1),
        first_seen_at=moment - age,
        url=f"https://arxiv.org/abs/{_id(number)}",
    )


def _id(number: int) -> str:
    return f"{2601 + number // 50_000}.{number % 50_000:05}"


def _signals(papers: list[Paper], moment: datetime) -> Iterator[Signal]:
    for paper in papers:
        for hours in (1, 9):
            yield Signal(
                paper=paper,
                source="hf",
                name="upvotes",
                value=float(hours),
                observed_at=moment - timedelta(hours=hours, seconds=paper.pk),
            )


def _address(number: int) -> str:
    return f"reader{number}@domain{number % DOMAINS}.example.org"


def _people(count: int, moment: datetime) -> None:
    statuses = {48: Subscriber.Status.PAUSED, 49: Subscriber.Status.SUPPRESSED}

    def person(number: int) -> Subscriber:
        status = statuses.get(number % 50, Subscriber.Status.ACTIVE)
        signed_up = moment - timedelta(days=DAYS, minutes=number)
        active = status == Subscriber.Status.ACTIVE
        return Subscriber(
            email=_address(number),
            email_key=_address(number),
            status=status,
            created_at=signed_up,
            confirmed_at=signed_up + timedelta(minutes=1),
            next_digest_at=moment + timedelta(seconds=number) if active else None,
        )

    _write(Subscriber, count, person)
    first = Subscriber.objects.order_by("pk").values_list("pk", flat=True)[0]
    actions = (Consent.Action.SIGN_UP, Consent.Action.CONFIRM)
    kinds = (Interest.Kind.TOPIC, Interest.Kind.TEXT, Interest.Kind.LIKE)
    values = ("cs.CL", "sparse attention", _id(7))
    _write(
        Consent,
        2 * count,
        lambda n: Consent(
            subscriber_id=first + n // 2,
            action=actions[n % 2],
            form="sign-up",
            at=moment - timedelta(days=DAYS, minutes=n // 2),
        ),
    )
    _write(
        Interest,
        3 * count,
        lambda n: Interest(subscriber_id=first + n // 3, kind=kinds[n % 3], value=values[n % 3]),
    )
    _write(
        Notice,
        count,
        lambda n: Notice(kind=Notice.Kind.CONFIRM, subscriber_id=first + n, state="sent"),
    )
    _write(Suppression, count // 10, lambda n: _suppression(50 * n + 49))


def _suppression(number: int) -> Suppression:
    return Suppression(
        address_hash=email_addresses.hash_of(_address(number)),
        email_key=_address(number),
        reason=list(Suppression.Reason)[number % 3],
        detail="550 5.1.1 no such user",
    )


def _digests(people: int, moment: datetime) -> None:
    first = Subscriber.objects.order_by("pk").values_list("pk", flat=True)[0]
    states = {97: Digest.State.SKIPPED, 98: Digest.State.FAILED, 99: Digest.State.UNCERTAIN}

    def digest(number: int) -> Digest:
        day, person = divmod(number, people)
        due_at = moment - timedelta(days=DAYS - day, seconds=person % 86_400)
        state = states.get(number % 997, Digest.State.SENT)
        return Digest(
            subscriber_id=first + person,
            due_on=due_at.date(),
            due_at=due_at,
            created_at=due_at,
            state=state,
            subject="Sparse attention for long documents and 9 more papers",
            items=[
                {
                    "paper": _id((number + place) % 10_000),
                    "reason": REASON,
                    "slot": "personal",
                    "score": 0.5,
                    "part": "new",
                }
                for place in range(10)
            ],
            message_id=f"<{number}.digest@papers.example.org>",
            provider_id=f"provider-{number}",
            attempts=1,
            sending_at=due_at,
            sent_at=due_at if state == Digest.State.SENT else None,
        )

    _write(Digest, DAYS * people, digest)
    oldest = Digest.objects.order_by("pk").values_list("pk", flat=True)[0]
    _write(
        DeliveryEvent,
        DAYS * people,
        lambda n: DeliveryEvent(
            provider="postmark",
            event_key=f"event-{n}",
            type="bounced" if n % 200 == 0 else "delivered",
            recipient=_address(n % people),
            email_key=_address(n % people),
            provider_id=f"provider-{n}",
            digest_id=oldest + n,
            occurred_at=moment - timedelta(seconds=n),
            received_at=moment - timedelta(seconds=n),
            processed_at=moment,
        ),
    )


if __name__ == "__main__":
    fill(int(sys.argv[1]))
