"""A list that is exported with --all and imported again is the same list."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.models import Consent, Interest, Subscriber, Suppression
from newsletter.subscriptions import consent_log, parsers, preferences, suppressions
from newsletter.subscriptions import service as subscriptions

pytestmark = pytest.mark.django_db
Status = Subscriber.Status
ORIGIN = consent_log.ActionOrigin("test")
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
FIELDS = (
    *("email", "email_key", "status", *preferences.SETTINGS),
    *("confirmed_at", "consent_source", "created_at", "paused_until"),
)

words = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters=";") | st.just(" "),
    min_size=1,
    max_size=40,
).map(lambda text: " ".join(text.split())).filter(bool)  # fmt: skip
word_lists = st.lists(words, max_size=3, unique_by=str.casefold)
paper_lists = st.lists(
    st.from_regex(r"(2[0-4](0[1-9]|1[0-2])\.\d{5})|(t-[0-9a-f]{20})", fullmatch=True),
    max_size=3,
    unique=True,
)
moments = st.integers(0, 10**8).map(lambda seconds: BEGIN + timedelta(seconds=seconds))
people = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[=+a-zA-Z][a-zA-Z0-9+=_-]{0,9}", fullmatch=True),
        "status": st.sampled_from(Status.values),
        "frequency": st.sampled_from(Subscriber.Frequency.values),
        "weekday": st.integers(0, 6),
        "hour": st.integers(0, 23),
        "timezone": st.sampled_from(sorted(parsers.timezones().values())),
        "size": st.integers(1, 30),
        "consent_source": words,
        "confirmed_at": moments,
        "created_at": moments,
        "pause": st.none() | moments,
        "left": st.sampled_from(["stayed", "paused", "unsubscribed"]),
        "reason": st.sampled_from(["hard_bounce", "soft_bounces", "complaint", "manual"]),
        "detail": words,
        "topic": st.lists(st.sampled_from(["cs.CL", "math.AG", "hep-th", "cs"]), unique=True),
        "text": word_lists,
        "author": word_lists,
        "mute": word_lists,
        "name_of": word_lists,
        "like": paper_lists,
        "dislike": paper_lists,
        "liked_at": moments,
    }
)


def store(person: dict[str, Any], number: int) -> None:
    """Store one person by the ways in which the service itself makes such rows."""
    email = f"{person['name']}{number}@example.org"
    subscriber = Subscriber.objects.create(
        email=email,
        email_key=email.lower(),
        status=Status.ACTIVE,
        next_digest_at=now(),
        **{name: person[name] for name in (*preferences.SETTINGS, "consent_source")},
        confirmed_at=person["confirmed_at"],
        created_at=person["created_at"],
    )
    for kind in ("topic", "text", "author", "mute", "like", "dislike"):
        for value in person[kind]:
            subscriber.interests.create(kind=kind, value=value, created_at=person["liked_at"])
    for value in person["name_of"]:
        subscriber.interests.create(kind="name", value=value)
    match person["status"]:
        case Status.PENDING:
            Subscriber.objects.filter(pk=subscriber.pk).update(
                status="pending", confirmed_at=None, consent_source="", next_digest_at=None
            )
        case Status.PAUSED:
            subscriptions.pause(subscriber, person["pause"], ORIGIN)
        case Status.UNSUBSCRIBED:
            subscriptions.unsubscribe(subscriber, ORIGIN)
        case Status.SUPPRESSED:
            if person["left"] == "paused":
                subscriptions.pause(subscriber, None, ORIGIN)
            elif person["left"] == "unsubscribed":
                subscriptions.unsubscribe(subscriber, ORIGIN)
            suppressions.suppress(email, person["reason"], person["detail"])


def everything() -> list[Any]:
    """Return all that a list holds, without the keys of its rows."""
    listed = Subscriber.objects.order_by("email_key")
    interests = Interest.objects.order_by("subscriber__email_key", "kind", "pk")
    liked = interests.filter(kind="like").values_list("value", "created_at")
    suppressed = Suppression.objects.order_by("email_key")
    return [
        list(listed.values_list(*FIELDS)),
        list(interests.values_list("subscriber__email_key", "kind", "value")),
        list(liked),
        list(suppressed.values_list("email_key", "address_hash", "reason", "detail", "created_at")),
    ]


def after_lifting() -> list[tuple[str, str]]:
    """Return the status that everybody has once all suppressions are lifted."""
    suppressions.lift(suppressions.find(), ORIGIN)
    return list(Subscriber.objects.order_by("email_key").values_list("email_key", "status"))


@given(st.lists(people, max_size=6))
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_list_comes_back_as_it_was(tmp_path: Path, listed: list[dict[str, Any]]) -> None:
    for model in (Subscriber, Suppression):
        model.objects.all().delete()
    for number, person in enumerate(listed):
        store(person, number)
    before, file, out = everything(), tmp_path / "list.csv", io.StringIO()
    call_command("export_subscribers", all=True, out=file, stdout=io.StringIO())
    call_command("import_subscribers", file, stdout=out)
    same = f"created=0 updated=0 unchanged={len(listed)} suppressed=0 refused=0"
    assert out.getvalue().splitlines()[-1] == same
    assert everything() == before
    statuses = after_lifting()
    for model in (Subscriber, Suppression):
        model.objects.all().delete()
    call_command("import_subscribers", file, stdout=io.StringIO())
    assert everything() == before
    assert not Consent.objects.filter(action="confirm").exists()
    assert after_lifting() == statuses
