"""Changes of one subscriber at the same moment follow one another."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client
from django.utils.timezone import now

from newsletter.models import Consent, Interest, Notice, Subscriber, Suppression
from newsletter.security import tokens
from newsletter.subscriptions import preferences, privacy
from tests.factories import a_digest, a_subscriber

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
THREADS = 8


def at_once(act: Callable[[int], int]) -> list[int]:
    """Return what the threads return that all begin together."""
    barrier = Barrier(THREADS)

    def run(number: int) -> int:
        try:
            barrier.wait()
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def erase(path: str, _number: int) -> int:
    return Client().post(path, {"action": "erase", "sure": "yes"}).status_code


def test_parallel_erasures_are_all_answered_and_leave_one_hash() -> None:
    for _ in range(5):
        Suppression.objects.all().delete()
        Notice.objects.all().delete()
        subscriber = a_subscriber()
        a_digest(to=subscriber)
        privacy.request_link(subscriber, now())
        path = f"/privacy/{tokens.privacy_token(Notice.objects.get())}/"
        statuses = at_once(partial(erase, path))
        assert set(statuses) <= {200, 404}
        assert 200 in statuses
        assert not Subscriber.objects.exists()
        assert Suppression.objects.get().reason == "erased"


def test_parallel_saves_leave_the_choices_of_one_of_them() -> None:
    subscriber = a_subscriber()
    path = f"/preferences/{tokens.preferences_token(subscriber)}/"

    def save(number: int) -> int:
        sent = {"interests": [f"subject {number}", f"topic {number}"], "size": str(number + 1)}
        return Client().post(path, {**sent, "authors": f"Author {number}"}).status_code

    for _ in range(5):
        assert set(at_once(save)) == {200}
        chosen = preferences.of(Subscriber.objects.get())
        number = chosen["size"] - 1
        assert sorted(chosen["interests"]) == [f"subject {number}", f"topic {number}"]
        assert chosen["authors"] == [f"Author {number}"]
    assert Consent.objects.filter(action="change").count() == 5 * THREADS


def test_saving_and_rating_while_the_person_is_erased_is_answered_politely() -> None:
    for _ in range(5):
        Suppression.objects.all().delete()
        subscriber = a_subscriber()
        digest = a_digest(to=subscriber)
        privacy.request_link(subscriber, now())
        notice = Notice.objects.get()
        posts: tuple[tuple[str, dict[str, str]], ...] = (
            (f"/privacy/{tokens.privacy_token(notice)}/", {"action": "erase", "sure": "yes"}),
            (f"/preferences/{tokens.preferences_token(subscriber)}/", {"authors": "Ada"}),
            (f"/feedback/{tokens.feedback_token(digest, 0, 'up')}/", {}),
            (f"/preferences/{tokens.preferences_token(subscriber)}/", {"action": "privacy"}),
        )

        def post(number: int, posts: tuple[tuple[str, dict[str, str]], ...] = posts) -> int:
            path, sent = posts[number % len(posts)]
            return Client().post(path, sent).status_code

        assert set(at_once(post)) <= {200, 404}
        assert not Subscriber.objects.exists()
        assert not Interest.objects.exists()


def test_parallel_ratings_leave_the_last_one_alone() -> None:
    digest = a_digest()
    up, down = (f"/feedback/{tokens.feedback_token(digest, 0, way)}/" for way in tokens.RATINGS)
    for _ in range(5):
        at_once(lambda number: Client().post(down if number % 2 else up).status_code)
        assert Interest.objects.count() == 1
