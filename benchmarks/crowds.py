"""Fill an empty database as an installation of ten days with a large list holds it.

``python -m benchmarks.crowds DIGESTS`` writes that many digests (ten a subscriber), an event of a
provider for each, a fifth as many papers with two measurements each, and the smaller tables.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
django.setup()

from django.contrib.admin.models import CHANGE, LogEntry  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.contenttypes.models import ContentType  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils.timezone import now  # noqa: E402

from benchmarks import bulk  # noqa: E402
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
INDEXED_AT_ONCE: Final = 5000
DOMAINS: Final = 997
ITEM_LISTS: Final = 10_000
REASON: Final = "like “Sparse attention for long documents”: sparse attention, long documents"


def fill(digests: int) -> None:
    """Write the rows of every table."""
    moment = now()
    operator = User.objects.create_superuser("operator", "operator@example.org")
    _papers(max(200, digests // DIGESTS_A_PAPER), moment)
    people = max(1, digests // DAYS)
    _people(people, moment)
    _digests(people, moment)
    done = LogEntry(
        user=operator,
        content_type=ContentType.objects.get_for_model(Subscriber),
        object_repr="one",
        action_flag=CHANGE,
    )
    bulk.write(done, people, lambda n: {"object_id": str(n + 1)})
    call_command("score", verbosity=0)
    daily.count_days(moment)
    with connection.cursor() as cursor:
        # As autovacuum leaves a table soon after.
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _papers(count: int, moment: datetime) -> None:
    call_command("ingest", file=SEED_LISTING, format="listing", verbosity=0)
    listed = [
        {"title": paper.title, "abstract": paper.abstract, "authors": paper.authors}
        for paper in Paper.objects.all()
    ]
    made = recombined(listed, count)

    def paper(number: int) -> dict[str, Any]:
        text, age = next(made), timedelta(days=number / PAPERS_A_DAY)
        return {
            "canonical_id": _id(number),
            "title_key": f"made-{number}",
            "title": text["title"][:1000],
            "abstract": text["abstract"],
            "authors": text["authors"],
            "categories": ["cs.CL", "cs.LG"][: 1 + number % 2],
            "announced_at": moment - age - timedelta(hours=1),
            "first_seen_at": moment - age,
            "url": f"https://arxiv.org/abs/{_id(number)}",
        }

    bulk.write(Paper(primary_category="cs.CL"), count, paper)
    while search_index.update_missing(INDEXED_AT_ONCE):
        pass
    keys = list(Paper.objects.order_by("pk").values_list("pk", flat=True))

    def signal(number: int) -> dict[str, Any]:
        key, hours = keys[number // 2], (1, 9)[number % 2]
        observed_at = moment - timedelta(hours=hours, seconds=key)
        return {"paper_id": key, "value": float(hours), "observed_at": observed_at}

    bulk.write(Signal(source="hf", name="upvotes"), 2 * len(keys), signal)


def _id(number: int) -> str:
    return f"{2601 + number // 50_000}.{number % 50_000:05}"


def _address(number: int) -> str:
    return f"reader{number}@domain{number % DOMAINS}.example.org"


def _people(count: int, moment: datetime) -> None:
    statuses = {48: Subscriber.Status.PAUSED, 49: Subscriber.Status.SUPPRESSED}

    def person(number: int) -> dict[str, Any]:
        status = statuses.get(number % 50, Subscriber.Status.ACTIVE)
        signed_up = moment - timedelta(days=DAYS, minutes=number)
        active = status == Subscriber.Status.ACTIVE
        return {
            "email": _address(number),
            "email_key": _address(number),
            "status": status,
            "created_at": signed_up,
            "confirmed_at": signed_up + timedelta(minutes=1),
            "next_digest_at": moment + timedelta(seconds=number) if active else None,
        }

    bulk.write(Subscriber(), count, person)
    first = Subscriber.objects.order_by("pk").values_list("pk", flat=True)[0]
    actions = (Consent.Action.SIGN_UP, Consent.Action.CONFIRM)
    kinds = (Interest.Kind.TOPIC, Interest.Kind.TEXT, Interest.Kind.LIKE)
    values = ("cs.CL", "sparse attention", _id(7))
    bulk.write(
        Consent(form="sign-up"),
        2 * count,
        lambda n: {
            "subscriber_id": first + n // 2,
            "action": actions[n % 2],
            "at": moment - timedelta(days=DAYS, minutes=n // 2),
        },
    )
    bulk.write(
        Interest(),
        3 * count,
        lambda n: {
            "subscriber_id": first + n // 3,
            "kind": kinds[n % 3],
            "value": values[n % 3],
        },
    )
    bulk.write(
        Notice(kind=Notice.Kind.CONFIRM, state=Notice.State.SENT),
        count,
        lambda n: {"subscriber_id": first + n},
    )
    bulk.write(
        Suppression(detail="550 5.1.1 no such user"),
        count // 10,
        lambda n: _suppression(50 * n + 49),
    )


def _suppression(number: int) -> dict[str, Any]:
    return {
        "address_hash": email_addresses.hash_of(_address(number)),
        "email_key": _address(number),
        "reason": list(Suppression.Reason)[number % 3],
    }


@lru_cache(maxsize=ITEM_LISTS)
def _items(number: int) -> list[dict[str, Any]]:
    return [
        {
            "paper": _id((number + place) % ITEM_LISTS),
            "reason": REASON,
            "slot": "personal",
            "score": 0.5,
            "part": "new",
        }
        for place in range(10)
    ]


def _digests(people: int, moment: datetime) -> None:
    first = Subscriber.objects.order_by("pk").values_list("pk", flat=True)[0]
    states = {97: Digest.State.SKIPPED, 98: Digest.State.FAILED, 99: Digest.State.UNCERTAIN}

    def digest(number: int) -> dict[str, Any]:
        day, person = divmod(number, people)
        due_at = moment - timedelta(days=DAYS - day, seconds=person % 86_400)
        state = states.get(number % 997, Digest.State.SENT)
        return {
            "subscriber_id": first + person,
            "due_on": due_at.date(),
            "due_at": due_at,
            "created_at": due_at,
            "next_attempt_at": due_at,
            "state": state,
            "items": _items(number % ITEM_LISTS),
            "message_id": f"<{number}.digest@papers.example.org>",
            "provider_id": f"provider-{number}",
            "sending_at": due_at,
            "sent_at": due_at if state == Digest.State.SENT else None,
        }

    subject = "Sparse attention for long documents and 9 more papers"
    bulk.write(Digest(subject=subject, attempts=1), DAYS * people, digest)
    oldest = Digest.objects.order_by("pk").values_list("pk", flat=True)[0]

    def event(number: int) -> dict[str, Any]:
        received_at = moment - timedelta(seconds=number)
        return {
            "event_key": f"event-{number}",
            "type": "bounced" if number % 200 == 0 else "delivered",
            "recipient": _address(number % people),
            "email_key": _address(number % people),
            "provider_id": f"provider-{number}",
            "digest_id": oldest + number,
            "occurred_at": received_at,
            "received_at": received_at,
            "processed_at": received_at + timedelta(seconds=1),
        }

    bulk.write(DeliveryEvent(provider="postmark"), DAYS * people, event)


if __name__ == "__main__":
    fill(int(sys.argv[1]))
