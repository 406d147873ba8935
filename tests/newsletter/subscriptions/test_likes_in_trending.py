"""What readers like counts for trending: confirmed people only, each once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from newsletter.models import Interest, Subscriber
from newsletter.subscriptions import feedback
from newsletter.tasks import count_likes
from papers.models import Paper, Signal
from papers.trending.update import score
from tests.factories import a_paper, a_subscriber, rename

pytestmark = pytest.mark.django_db


def counted(paper: Paper) -> list[float]:
    """The likes of a paper as they were measured, oldest first."""
    likes = Signal.objects.filter(paper=paper, source="subscribers", name="likes")
    return list(likes.order_by("observed_at").values_list("value", flat=True))


def a_like(paper: Paper, **fields: object) -> Interest:
    return Interest.objects.create(
        subscriber=a_subscriber(**fields), kind="like", value=paper.canonical_id
    )


def test_the_first_like_is_growth_from_nothing() -> None:
    paper = a_paper()
    feedback.record(a_subscriber(), paper.canonical_id, "up")
    assert counted(paper) == [0, 1]


def test_saying_it_twice_counts_once() -> None:
    paper, reader = a_paper(), a_subscriber()
    feedback.record(reader, paper.canonical_id, "up")
    feedback.record(reader, paper.canonical_id, "up")
    assert counted(paper) == [0, 1]


def test_a_like_that_is_taken_back_is_measured_too() -> None:
    paper, reader = a_paper(), a_subscriber()
    feedback.record(reader, paper.canonical_id, "up")
    feedback.withdraw(reader, paper.canonical_id)
    assert counted(paper) == [0, 1, 0]


def test_a_dislike_is_no_like() -> None:
    paper = a_paper()
    feedback.record(a_subscriber(), paper.canonical_id, "down")
    assert counted(paper) == []


@pytest.mark.parametrize("status", ["pending", "paused", "unsubscribed", "suppressed"])
def test_only_active_subscribers_count(status: str) -> None:
    paper = a_paper()
    a_like(paper, status=status)
    count_likes()
    assert counted(paper) == []


def test_somebody_who_never_confirmed_does_not_count() -> None:
    paper = a_paper()
    a_like(paper, confirmed_at=None)
    count_likes()
    assert counted(paper) == []


def test_the_likes_of_the_preferences_are_counted_with_the_next_round() -> None:
    paper = a_paper()
    for _ in range(3):
        a_like(paper)
    count_likes()
    count_likes()
    assert counted(paper) == [0, 3]


def test_the_likes_of_somebody_who_left_are_gone() -> None:
    paper = a_paper()
    like = a_like(paper)
    count_likes()
    Subscriber.objects.filter(pk=like.subscriber_id).update(status="unsubscribed")
    feedback.count_likes(now() + timedelta(hours=1))
    assert counted(paper) == [0, 1, 0]


def test_a_like_of_a_paper_that_gets_a_new_id_still_counts() -> None:
    paper = a_paper(canonical_id="t-0123456789abcdef")
    Interest.objects.create(subscriber=a_subscriber(), kind="like", value="t-0123456789abcdef")
    count_likes()
    rename(paper, "2503.01234")
    assert counted(paper) == [0, 1]
    feedback.record(a_subscriber(), paper.canonical_id, "up")
    assert counted(paper) == [0, 1, 2]
    count_likes()
    assert counted(paper) == [0, 1, 2]


def test_a_liked_paper_rises_and_says_why() -> None:
    paper, liked = a_paper(), a_paper()
    for _ in range(3):
        feedback.record(a_subscriber(), liked.canonical_id, "up")
    score(now() + timedelta(minutes=1))
    paper.refresh_from_db()
    liked.refresh_from_db()
    assert liked.trending > paper.trending
    assert liked.trending_parts["gains"][0]["name"] == "likes"
    assert liked.trending_parts["gains"][0]["gain"] == 3
