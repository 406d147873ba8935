"""The public ids of digests."""

from __future__ import annotations

import time
import uuid

import pytest
from django.utils.timezone import now

from newsletter.digests import assembly
from newsletter.digests.public_ids import time_ordered_uuid
from tests.factories import a_paper, a_subscriber


def test_ids_that_are_made_later_sort_behind() -> None:
    made = []
    for _ in range(20):
        made.append(time_ordered_uuid())
        time.sleep(0.002)
    assert made == sorted(made)


def test_ids_made_at_once_differ_and_are_of_version_7() -> None:
    made = {time_ordered_uuid() for _ in range(1000)}
    assert len(made) == 1000
    assert {(one.version, one.variant) for one in made} == {(7, uuid.RFC_4122)}


def test_the_time_of_an_id_is_the_present_one() -> None:
    milliseconds = time_ordered_uuid().int >> 80
    assert abs(milliseconds / 1000 - time.time()) < 5


@pytest.mark.django_db
def test_assembled_digests_have_such_ids() -> None:
    a_paper()
    assert assembly.preview(a_subscriber(), now()).public_id.version == 7
