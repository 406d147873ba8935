"""The database refuses states and settings that no code may store."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from newsletter.models import Digest, Notice, Subscriber
from tests.factories import a_digest, a_subscriber

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "asleep"),
        ("frequency", "monthly"),
        ("weekday", 7),
        ("hour", 24),
        ("size", 0),
        ("size", 31),
    ],
)
def test_a_subscriber_outside_the_choices_is_refused(field: str, value: object) -> None:
    subscriber = a_subscriber()
    with pytest.raises(IntegrityError, match=f"subscriber_{field}"), transaction.atomic():
        Subscriber.objects.filter(pk=subscriber.pk).update(**{field: value})


def test_a_digest_in_an_unknown_state_is_refused() -> None:
    digest = a_digest()
    with pytest.raises(IntegrityError, match="digest_state"), transaction.atomic():
        Digest.objects.filter(pk=digest.pk).update(state="lost")


def test_a_notice_in_an_unknown_state_is_refused() -> None:
    with pytest.raises(IntegrityError, match="notice_state"), transaction.atomic():
        Notice.objects.create(subscriber=a_subscriber(), kind="confirm", state="lost")


def test_every_state_of_the_models_can_be_stored() -> None:
    digest = a_digest()
    for state in Digest.State.values:
        Digest.objects.filter(pk=digest.pk).update(state=state)
    for status in Subscriber.Status.values:
        Subscriber.objects.update(status=status)
