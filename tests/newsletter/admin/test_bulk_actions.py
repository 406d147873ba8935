"""What an operator does to many people at once."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from newsletter.models import (
    Digest,
    Notice,
    Subscriber,
    Suppression,
)
from newsletter.subscriptions import suppressions
from papers.admin.base import url_of_list
from tests.newsletter.admin.actions import act, act_with_words

State = Digest.State


MANY = {
    "suppress": "suppress",
    "make_due": "send",
    "queue_links": "send",
    "pause": "pause",
    "resume": "resume",
    "unsubscribe": "unsubscribe",
    "lift": "lift",
    "erase": "erase",
}
FROM = {"resume": Subscriber.Status.PAUSED, "lift": Subscriber.Status.SUPPRESSED}


def people_for(action: str, count: int) -> list[Subscriber]:
    """Store people whom the action changes, each with a digest that waits."""
    people = [
        Subscriber(
            email=f"{count}-{n}@example.org",
            email_key=f"{count}-{n}@example.org",
            status=FROM.get(action, Subscriber.Status.ACTIVE),
            confirmed_at=now(),
        )
        for n in range(count)
    ]
    Subscriber.objects.bulk_create(people)
    if action == "lift":
        suppressions.suppress_many(
            [suppressions.SuppressedAddress(one.email_key, "complaint") for one in people]
        )
    day = now()
    Digest.objects.bulk_create(Digest(subscriber=one, due_on=day, due_at=day) for one in people)
    return people


@pytest.mark.parametrize("action", MANY)
def test_what_is_done_to_many_takes_no_more_queries_than_for_a_few(
    client: Client, operator: User, action: str
) -> None:
    def queries(count: int) -> int:
        keys = [person.pk for person in people_for(action, count)]
        form = {"action": action, "_selected_action": keys, "ticket": f"{action}-{count}"}
        form |= {"typed": f"{MANY[action]} {count}", "why": "They asked."}
        with CaptureQueriesContext(connection) as captured:
            client.post(url_of_list(Subscriber), form)
        assert LogEntry.objects.filter(object_id__in=keys).count() == count
        return len(captured)

    assert queries(40) <= queries(4) + 2


@pytest.mark.parametrize("action", MANY)
def test_all_the_people_of_several_portions_are_reached(
    client: Client, operator: User, action: str
) -> None:
    people = people_for(action, 1100)
    form = {"action": action, "_selected_action": [people[0].pk], "select_across": "1"}
    asked = client.post(url_of_list(Subscriber), form).content.decode()
    assert f"type: {MANY[action]} 1100" in asked
    assert len(asked) < 100_000, "the page does not carry the key of every person"

    typed = {"ticket": "t", "typed": f"{MANY[action]} 1100", "why": "They asked."}
    client.post(url_of_list(Subscriber), form | typed)

    assert LogEntry.objects.count() == 1100
    if action == "queue_links":
        assert Notice.objects.count() == 1100
        return
    if action == "make_due":
        assert Subscriber.objects.filter(next_digest_at__lte=now()).count() == 1100
        return
    untouched = Subscriber.objects.filter(status=FROM.get(action, Subscriber.Status.ACTIVE))
    assert not untouched.exists()
    if action in {"pause", "unsubscribe", "suppress"}:
        assert not Digest.objects.filter(state=State.QUEUED).exists()


def test_the_selected_people_are_erased_and_the_audit_log_names_none_of_them(
    client: Client, operator: User
) -> None:
    people = people_for("erase", 3)
    page = act(client, "erase", people[:2])
    assert "unless its owner signs up" in page

    act_with_words(client, "erase", people[:2], "erase 2")

    assert list(Subscriber.objects.values_list("pk", flat=True)) == [people[2].pk]
    assert Suppression.objects.filter(reason="erased", email_key="").count() == 2
    logged = LogEntry.objects.values_list("object_repr", "action_flag").distinct()
    assert set(logged) == {("erased address", DELETION)}
