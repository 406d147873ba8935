"""An incident from its first refusal to the last digest, with the operator's pages in between."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.delivery import bounces, rendering, sender
from newsletter.models import Digest, Stream, Subscriber, Suppression
from newsletter.process import alerts
from newsletter.security import groups
from papers.admin.base import url_of_list
from tests import smtpd
from tests.factories import a_digest, a_subscriber
from tests.papers.source_server import Reply, SourceServer, source_server

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/hooks/desk/"
STRANGERS = 17
AT_BIG = 3


@pytest.fixture
def receiver(settings: Settings) -> Iterator[SourceServer]:
    """The operator's chat, which does not depend on the mail that may be broken."""
    with source_server() as server:
        settings.OPERATOR_WEBHOOK = server.answer(PATH, Reply(status=204))
        settings.OPERATOR_WEBHOOK_SECRET = f"whsec_{base64.b64encode(bytes(32)).decode()}"
        yield server


@pytest.fixture
def operator(client: Client) -> Client:
    groups.create_missing()
    user = User.objects.create_user("olga", is_staff=True)
    user.groups.add(Group.objects.get(name="operator"))
    client.force_login(user)
    return client


def act(client: Client, model: type[Model], action: str, words: str, **query: str) -> None:
    """Choose an action for all rows of a list and type its words, as an operator does."""
    form = {"action": action, "select_across": "1", "ticket": action, "typed": words}
    chosen = [str(pk) for pk in model._default_manager.values_list("pk", flat=True)[:1]]
    client.post(
        url_of_list(model, **query),
        form | {"_selected_action": chosen, "why": "Their server erred."},
    )


def refuse(phase: smtpd.Phase, who: str) -> str:
    """Some are said not to exist, which is wrong; the others are refused as a whole."""
    if phase != "rcpt":
        return ""
    return "550 5.1.1 no such user" if who.endswith("@big.example") else "550 relay not permitted"


def test_a_provider_that_refuses_stops_the_mail_and_in_the_end_everybody_has_one_digest(
    server: smtpd.Server, receiver: SourceServer, operator: Client, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 1
    for number in range(AT_BIG):
        a_digest(to=a_subscriber(email=f"r{number}@big.example"))
    for number in range(STRANGERS):
        a_digest(to=a_subscriber(email=f"s{number}@place{number}.example"))

    server.trouble = refuse
    assert sender.deliver(rendering.DIGESTS) == {"failed": AT_BIG, "queued": STRANGERS}
    bounces.process()

    assert Suppression.objects.count() == AT_BIG
    assert Stream.objects.get(name="digests").paused_at is not None
    alerts.send_alerts()
    [told] = [json.loads(asked.body)["text"] for asked in receiver.asked]
    assert "No digests are sent since" in told
    assert "10 of 13 mails were refused" in told
    home = operator.get("/admin/").content.decode()
    assert home.index("No digests are sent since") < home.index("Due today")
    assert sender.deliver(rendering.DIGESTS) == {}

    server.trouble = smtpd.calm
    act(operator, Suppression, "lift", f"lift {AT_BIG}", domain="big.example")
    act(operator, Digest, "resend", f"resend {AT_BIG}", state__exact="failed")
    form = {"stream": "digests", "typed": "digests"}
    operator.post(f"{url_of_list(Stream)}resume/", form)
    Digest.objects.update(next_attempt_at=now())  # The pause before the next try is over.
    sender.deliver(rendering.DIGESTS)

    assert set(Digest.objects.values_list("state", flat=True)) == {"sent"}
    assert set(Subscriber.objects.values_list("status", flat=True)) == {"active"}
    assert sorted(who for who, _ in server.taken) == sorted(
        Subscriber.objects.values_list("email", flat=True)
    )
    assert "No digests are sent since" not in operator.get("/admin/").content.decode()
    who_did_what = LogEntry.objects.values_list("user__username", "change_message")
    told_of = [(who, what.partition(":")[0]) for who, what in who_did_what.order_by("pk")]
    assert told_of[0] == ("service", "paused")
    assert told_of[-1] == ("olga", "resumed")
    assert told_of.count(("olga", "suppression lifted")) == 2 * AT_BIG
    assert told_of.count(("olga", "resent")) == AT_BIG
